"""The owner's log of decisions: searches, their operators and outcomes, sealed on this machine."""
