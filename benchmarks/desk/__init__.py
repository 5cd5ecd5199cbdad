"""Measurement of ``gallery desk``: a search by its API against starting a command."""
