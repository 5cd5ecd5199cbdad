"""Programs for maintainers: what `make build` and the release workflow run. Not installed."""
