"""Accuracy at the desk: labelled sets, the calibration of a gallery, and evaluation reports."""
