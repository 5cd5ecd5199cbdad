"""Folders of people that a browser sends in pieces: their content, and their progress."""
