"""Triton's model repository: a config.pbtxt for every graph of a model, from the zoo alone."""
