"""Measurement of a gallery of a million references: time and memory of enrolling and searching."""
