"""The commands that measure: accuracy, speed, load."""
