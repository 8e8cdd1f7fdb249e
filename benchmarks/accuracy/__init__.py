"""The parts of `benchmarks/miou.py`: pictures, labellers, figures, and what becomes of them."""
