"""Unknown faces, grouped: those that match nobody, by who may be the same person."""
