"""Target `onnx-fp16`: float16 with islands of float32, for GPUs."""

from pathlib import Path

import onnx

from export.artefacts.declared_shapes import declares_its_shapes
from export.artefacts.gpu_graphs import float16_graph, output_names
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from ocrnet.artefacts import Manifest
from ocrnet.without_telemetry import onnxruntime


class OnnxFloat16:
    """Types stand in the graph; that of whole images gives labels too."""

    def versions(self, target: Target) -> dict[str, str]:
        return {"onnxruntime": onnxruntime.__version__}

    def write(self, job: Job, path: Path) -> Written:
        graph = float16_graph(job)
        onnx.save(graph, path)
        return Written([path], output_names(graph))

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        return declares_its_shapes(path, job)
