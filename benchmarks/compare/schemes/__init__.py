"""The search schemes that are compared: this project's own, and the baselines on one thread."""
