"""Open-set accuracy and calibration: runs on the key owner's machine, with the owner's photos."""
