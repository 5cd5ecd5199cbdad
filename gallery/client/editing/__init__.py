"""Changing what a gallery holds: making it, writing its blocks, erasing references."""
