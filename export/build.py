"""Graphs of a model, checked and put into the model repository with their manifests."""

import shutil
from pathlib import Path

import onnx
import onnxruntime
import torch

from export.checkpoints import STAND_IN
from export.network import OCRNet
from export.onnx_graph import export_graph, fixed_size
from export.parity import DYNAMIC_SIZES, compare
from ocrnet import __version__
from ocrnet.artefacts import Kind, Manifest, graph_folder, sha256_of
from ocrnet.zoo import ModelSpec


def kinds_of(spec: ModelSpec) -> list[Kind]:
    """The graphs that a model has: dynamic, window, and whole where pictures share one size."""
    return ["dynamic", "window", "whole"] if spec.whole else ["dynamic", "window"]


def build_graph(
    network: OCRNet,
    spec: ModelSpec,
    kind: Kind,
    repository: Path,
    *,
    checkpoint: str,
    half_weights: bool = False,
) -> Manifest:
    """Export one graph, compare it with PyTorch, and put it in place with its manifest.

    checkpoint: the file that `network` was loaded from, or "stand-in". The graph takes its
    place by renaming, whole or not at all. Raises ArtefactError if the graph is not exact.
    """
    folder = graph_folder(repository, spec.name, kind)
    partial = folder.with_name("1.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    path = partial / "model.onnx"
    size = fixed_size(spec, kind)
    export_graph(network, path, size, half_weights=half_weights)
    stand_in = checkpoint == STAND_IN
    manifest = Manifest(
        model=spec.name,
        kind=kind,
        file=path.name,
        sha256=sha256_of(path),
        precision="float32",
        height=size.height if size else None,
        width=size.width if size else None,
        outputs=["logits"],
        checkpoint=STAND_IN if stand_in else Path(checkpoint).name,
        checkpoint_sha256="" if stand_in else sha256_of(Path(checkpoint)),
        versions={
            "ocrnet": __version__,
            "torch": torch.__version__,
            "onnx": onnx.__version__,
            "onnxruntime": onnxruntime.__version__,
        },
        parity=compare(network, path, (size,) if size else DYNAMIC_SIZES),
    )
    manifest.write(partial)
    old = folder.with_name("1.old")
    if folder.exists():
        folder.rename(old)
    partial.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return manifest
