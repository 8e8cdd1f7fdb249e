"""Exact rewritings of parts of the network that cost less than the plain modules."""
