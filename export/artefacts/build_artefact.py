"""Build one artefact: write it, compare it with PyTorch, put it in place with its manifest."""

import onnx
import torch

from export.artefacts.folder import rewriting
from export.artefacts.onnx_float16 import OnnxFloat16
from export.artefacts.onnx_float32 import OnnxFloat32
from export.artefacts.onnx_int8 import OnnxInt8
from export.artefacts.settings import BuildSettings
from export.artefacts.target_builder import Job, TargetBuilder
from export.artefacts.targets import Target
from export.artefacts.tensorrt_plan import TensorRTPlan
from export.evaluation.parity import DYNAMIC_SIZES, compare
from export.evaluation.runners import open_runner, run_pytorch
from export.graphs.source import Source
from ocrnet import __version__
from ocrnet.artefacts import Kind, Manifest, graph_folder, manifest_weights, sha256_of
from ocrnet.artefacts.repository import check_artefact
from ocrnet.errors import ArtefactError


def build_artefact(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> Manifest:
    """Build and put in place, whole or not at all; raises ArtefactError if it is not exact."""
    job, builder = Job(source, kind, target, settings), _builder_of(target)
    folder = graph_folder(settings.repository, source.spec.name, kind)
    with rewriting(folder, target.file) as partial:
        path = partial / target.file
        written = builder.write(job, path)
        parity: dict[str, float] = {}
        if not target.is_plan:  # which may be for a GPU that is not here
            run = open_runner(path, target.format, target.precision)
            sizes = (job.size,) if job.size else DYNAMIC_SIZES
            parity = compare(run_pytorch(source.network), run, sizes, target.precision)
        manifest = Manifest(
            model=source.spec.name,
            kind=kind,
            format=target.format,
            precision=target.precision,
            file=path.name,
            files={file.name: sha256_of(file) for file in written.files},
            height=job.size.height if job.size else None,
            width=job.size.width if job.size else None,
            outputs=written.outputs,
            classes=source.spec.classes,
            checkpoint=source.checkpoint_name,
            checkpoint_sha256=source.checkpoint_sha256,
            weights=source.origin,
            versions=_versions(builder, target),
            parity=parity,
            profile=written.profile,
            gpu=written.gpu,
            build=written.build,
        )
        manifest.write(partial)
    return manifest


def is_current(source: Source, kind: Kind, target: Target, settings: BuildSettings) -> bool:
    """Whether the artefact is there already, sound, of this checkpoint, versions and settings."""
    job, builder = Job(source, kind, target, settings), _builder_of(target)
    folder = graph_folder(settings.repository, source.spec.name, kind)
    try:
        manifest = check_artefact(folder, target.file, source.spec).manifest
    except ArtefactError:
        return False
    return (
        manifest.checkpoint_sha256 == source.checkpoint_sha256
        and manifest.checkpoint == source.checkpoint_name
        # Where a file was pulled from is known on the machine that pulled it alone.
        and manifest_weights(manifest, source.spec).origin in (source.origin, "published")
        and _released(manifest.versions) == _released(_versions(builder, target))
        and builder.is_current(job, manifest, folder / target.file)
    )


def _builder_of(target: Target) -> TargetBuilder:
    if target.format == "tensorrt" or target.format == "tensorrt_rtx":
        return TensorRTPlan(target.format)
    if target.format == "openvino":
        # Imported here: artefacts for GPUs are built without openvino.
        from export.artefacts.openvino_float32 import OpenVinoFloat32
        from export.artefacts.openvino_int8 import OpenVinoInt8

        return OpenVinoInt8() if target.precision == "int8" else OpenVinoFloat32()
    builders: dict[str, TargetBuilder] = {
        "float32": OnnxFloat32(),
        "float16": OnnxFloat16(),
        "int8": OnnxInt8(),
    }
    return builders[target.precision]


def _released(versions: dict[str, str]) -> dict[str, str]:
    """Without what follows a plus: PyTorch's CPU and CUDA packages write the same artefacts."""
    return {name: version.partition("+")[0] for name, version in versions.items()}


def _versions(builder: TargetBuilder, target: Target) -> dict[str, str]:
    common = {"ocrnet": __version__, "torch": torch.__version__, "onnx": onnx.__version__}
    return common | builder.versions(target)
