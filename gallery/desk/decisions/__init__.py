"""The owner's log of decisions: who searched when, and what was decided, sealed on this machine."""
