"""The methods of `GalleryClient` on an open gallery, by task."""
