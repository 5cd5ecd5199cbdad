"""Measurement of the errors of encrypted distances, and of the decisions that they change."""
