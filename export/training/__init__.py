"""What `python -m export.train` is made of."""
