"""Folders in step with a gallery: what a folder holds is what is enrolled from there."""
