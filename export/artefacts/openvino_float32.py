"""Target `openvino`: float32 in OpenVINO's format. Imports openvino, which GPUs do without."""

from pathlib import Path

from export.artefacts.cpu_graphs import graph_for_cpus, passes_for
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from ocrnet.artefacts import BuildFacts, Manifest
from ocrnet.without_telemetry import openvino


class OpenVinoFloat32:
    """The same graph as that of `onnx`, as `.xml` and `.bin`."""

    def versions(self, target: Target) -> dict[str, str]:
        return {"openvino": openvino.__version__}

    def write(self, job: Job, path: Path) -> Written:
        model = openvino.Core().read_model(graph_for_cpus(job).SerializeToString())
        openvino.save_model(model, path, compress_to_fp16=False)
        return Written([path, path.with_suffix(".bin")], build=BuildFacts(passes_for(job)))

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        return manifest.build.passes == passes_for(job)
