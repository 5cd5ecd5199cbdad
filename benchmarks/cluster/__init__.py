"""Clusters: what a small one was measured to cost, and a simulation of large ones with that."""
