"""The synchronisation of a gallery with folders of photos."""
