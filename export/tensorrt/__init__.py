"""TensorRT plans: one script for TensorRT 10, 11 and, ahead of time without a GPU, TensorRT-RTX."""
