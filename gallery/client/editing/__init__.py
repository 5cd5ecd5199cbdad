"""Changes of a gallery: its creation, the writes of its blocks, and the removal of references."""
