"""Benchmarks of speed, memory and message sizes: a package for each program, and one they share.

``python -m`` runs them: `benchmarks.compare`, `benchmarks.load`, `benchmarks.million` and
`benchmarks.message_sizes`. Neither the package `gallery` nor its tests import them.
"""
