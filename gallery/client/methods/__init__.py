"""What the owner does with an open gallery, by task: the methods of `GalleryClient`."""
