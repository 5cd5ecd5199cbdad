"""Searching a gallery: probes, candidate lists, thresholds, and results as they may be released."""
