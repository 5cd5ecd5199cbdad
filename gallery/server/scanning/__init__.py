"""Scans of galleries: searches that share passes over blocks, and blocks kept ready for them."""
