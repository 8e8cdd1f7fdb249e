"""Target `int8`: INT8 in OpenVINO's format, for CPUs. Imports openvino, which GPUs do without."""

from pathlib import Path

from export.artefacts.cpu_graphs import passes_for
from export.artefacts.int8_graphs import as_calibrated, nncf_version, quantise_for_cpu, write_report
from export.artefacts.target_builder import Job, Written
from export.artefacts.targets import Target
from ocrnet.artefacts import BuildFacts, Manifest
from ocrnet.without_telemetry import openvino


class OpenVinoInt8:
    """Calibrated and judged; rewritten before, where the size is fixed."""

    def versions(self, target: Target) -> dict[str, str]:
        return nncf_version() | {"openvino": openvino.__version__}

    def write(self, job: Job, path: Path) -> Written:
        made = quantise_for_cpu(job)
        openvino.save_model(made.model, path, compress_to_fp16=False)
        build = BuildFacts(passes_for(job), int8=write_report(made.report, path))
        return Written([path, path.with_suffix(".bin")], build=build)

    def is_current(self, job: Job, manifest: Manifest, path: Path) -> bool:
        return manifest.build.passes == passes_for(job) and as_calibrated(
            manifest, job.settings.int8
        )
