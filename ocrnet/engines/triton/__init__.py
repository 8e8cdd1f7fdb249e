"""Triton over gRPC: one channel for all models, windows batched by Triton across requests."""

from ocrnet.engines.triton.connection import TritonConnection
from ocrnet.engines.triton.engine import TritonEngine
from ocrnet.engines.triton.graphs import TritonGraph, served_graphs, served_weights

__all__ = ["TritonConnection", "TritonEngine", "TritonGraph", "served_graphs", "served_weights"]
