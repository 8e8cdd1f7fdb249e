"""Target `onnx-int8`: Q/DQ nodes, for TensorRT inside of other runtimes."""

from pathlib import Path

import onnx

from export.artefacts.declared_shapes import declares_its_shapes
from export.artefacts.gpu_graphs import int8_graph, output_names
from export.artefacts.int8_graphs import as_calibrated, nncf_version, quantise_for_gpu, write_report
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from ocrnet.artefacts import BuildFacts, Manifest
from ocrnet.without_telemetry import onnxruntime


class OnnxInt8:
    """Calibrated and judged; that of whole images gives labels too."""

    def versions(self, target: Target) -> dict[str, str]:
        return nncf_version() | {"onnxruntime": onnxruntime.__version__}

    def write(self, job: Job, path: Path) -> Written:
        graph = int8_graph(job)
        int8 = write_report(quantise_for_gpu(job).report, path)
        onnx.save(graph, path)
        return Written([path], output_names(graph), BuildFacts(int8=int8))

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        return as_calibrated(manifest, job.settings.int8) and declares_its_shapes(path, job)
