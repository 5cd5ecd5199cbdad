"""Load test of a server: many clients search, some enroll, and every answer is checked."""
