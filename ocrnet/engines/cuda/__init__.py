"""ONNX Runtime on an NVIDIA GPU: which GPU to take, and the engine on it.

The parts that import ONNX Runtime are imported where they are needed: it may not be installed.
"""

from ocrnet.engines.cuda.batching_engine import BatchingEngine
from ocrnet.engines.cuda.device_choice import choose_gpu

__all__ = ["BatchingEngine", "choose_gpu"]
