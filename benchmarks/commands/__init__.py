"""Commands as whole processes: their time, and what they send and receive."""
