"""What the server says counts only after it is checked: this room checks, signs and audits.

Statements of the owner, canaries in every block, labels sealed for one reference each, and the
newest state that was seen come together in a `gallery.client.session.GallerySession`. All other
rooms read a gallery through one.
"""
