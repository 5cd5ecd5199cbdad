"""Folders of people that a browser sends in pieces: what is in them, and how far they are."""
