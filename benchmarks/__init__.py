"""Measurements of speed. The package imports none of them; tests borrow `benchmarks.owner`."""
