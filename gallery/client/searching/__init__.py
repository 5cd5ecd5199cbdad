"""Searches: probes, candidate lists, thresholds, and results as they may be released."""
