"""Measurement of the bytes of probes, enrollments and results on the wire."""
