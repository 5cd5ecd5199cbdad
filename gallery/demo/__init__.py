"""Demonstration material: sample photos, and a service that measures its own time."""
