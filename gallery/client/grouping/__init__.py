"""Grouping of unknown faces: those that match nobody, by the person that they may share."""
