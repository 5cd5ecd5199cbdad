"""The key owner's secrets, and the file that keeps them."""
