"""From an image and a plan of windows to the maps that were asked for."""
