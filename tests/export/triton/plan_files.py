"""Plans in a model repository as far as anything reads them without a GPU: by their manifests."""

import dataclasses
from pathlib import Path
from typing import Any

from export.artefacts.targets import Target
from export.graphs.onnx_export import fixed_size
from export.graphs.ports import ports_of
from ocrnet.artefacts import (
    BuildFacts,
    Kind,
    Manifest,
    PlanFacts,
    PlanGpu,
    Precision,
    Profile,
    graph_folder,
)
from ocrnet.zoo import ModelSpec, Size, get_spec

DEMO = get_spec("demo")
A100 = PlanGpu("NVIDIA A100", "8.0", "610.43")


def built_with(profiles: int) -> PlanFacts:
    """How a plan with so many profiles was built."""
    return PlanFacts(3, 0, "none", 0, None, profiles, 612, 1.0, 80.0, tf32=False)


def put_plan(
    repository: Path,
    kind: Kind = "window",
    precision: Precision = "float16",
    /,
    *,
    spec: ModelSpec = DEMO,
    max_batch: int = 8,
    max_size: Size = Size(2048, 2048),  # noqa: B008
    file: str = "",
    **facts: Any,
) -> Path:
    """Put a plan in place as `ocrnet export build` does, by its manifest."""
    target, size = Target("tensorrt", precision, "8.0"), fixed_size(spec, kind)
    low = [1, size.height, size.width, 3] if size else [1, 1, 1, 3]
    high = [max_batch, *low[1:]] if size else [1, max_size.height, max_size.width, 3]
    labels = target.gives_labels(kind)
    ports = ports_of(spec, size, logits=target.logits_element, labels=labels)
    profiles = (2 if max_batch > 1 else 0) if size else 1
    manifest = Manifest(
        spec.name, kind, "tensorrt", precision, file or target.file, {},
        size.height if size else None, size.width if size else None,
        [port.name for port in ports.outputs], spec.classes, "x.pth", "a" * 64,
        {"tensorrt": "11.1.0.106"}, {},
        profile=Profile(low, high, high),
        gpu=A100, build=BuildFacts(ports=ports, plan=built_with(profiles)),
    )  # fmt: skip
    folder = graph_folder(repository, spec.name, kind)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / manifest.file).write_bytes(b"a plan")
    dataclasses.replace(manifest, **facts).write(folder)
    return folder / manifest.file
