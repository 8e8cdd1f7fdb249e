"""How fast the networks run: what benchmarks/fps.py measures, and how."""
