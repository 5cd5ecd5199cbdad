"""The integrity of a gallery: nothing that the server says counts before it is checked here.

Statements of the owner, canaries in every block, labels sealed for one reference each, and the
newest state that was seen come together in a `gallery.client.session.GallerySession`. All other
rooms read a gallery through one.
"""
