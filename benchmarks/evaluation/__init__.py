"""Measurement of ``gallery evaluate`` on labelled sets of the shape of real ones."""
