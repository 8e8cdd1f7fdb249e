"""Run PyTorch and all artefacts of one kind over the same pictures, one picture at a time."""

import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import interpolate

from export.evaluation.figures import Figures
from export.evaluation.report import Reference
from export.evaluation.runners import open_graph, run_pytorch
from export.evaluation.tally import Tally
from export.evaluation.worst_views import WorstViews
from export.network import OCRNet
from export.tensorrt.plan_runner import PlanGraph
from ocrnet.artefacts import Artefact
from ocrnet.datasets import Example
from ocrnet.engines.contract import Images, OutputName
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

_Result = TypeVar("_Result")
_OUTPUTS: tuple[OutputName, ...] = ("logits", "labels")


@dataclass
class Contestant:
    """An artefact that runs, and what is counted of it."""

    artefact: Artefact
    run: Callable[[Images], dict[OutputName, NDArray[np.generic]]]
    tally: Tally
    views: WorstViews = field(default_factory=WorstViews)

    @property
    def timed(self) -> bool:
        """Whether its seconds say anything: float16 graphs are only imitated on a CPU."""
        manifest = self.artefact.manifest
        return not (manifest.format == "onnx" and manifest.precision == "float16")


def open_contestants(
    artefacts: Iterable[Artefact], spec: ModelSpec, stack: ExitStack, *, labelled: bool
) -> tuple[list[Contestant], list[tuple[Artefact, str]]]:
    """Open what runs on this machine; of plans that do not, say why not.

    Raises ArtefactError for another graph that its runtime cannot load.
    """
    ready, not_run = [], []
    for artefact in artefacts:
        manifest = artefact.manifest
        names = [name for name in _OUTPUTS if name in manifest.outputs]
        try:
            graph = open_graph(artefact.path, manifest.format, manifest.precision)
        except ArtefactError as error:
            if manifest.format in ("onnx", "openvino"):  # which run everywhere
                raise
            not_run.append((artefact, str(error)))
            continue
        if isinstance(graph, PlanGraph):
            stack.callback(graph.close)
        run = partial(graph.run_outputs, outputs=names)
        ready.append(Contestant(artefact, run, Tally(spec.classes, labelled=labelled)))
    return ready, not_run


def compare_all(
    network: OCRNet,
    spec: ModelSpec,
    contestants: list[Contestant],
    examples: Iterable[Example],
    *,
    labelled: bool,
) -> Tally:
    """Run all over the examples, interleaved, counting into each one's tally; return PyTorch's."""
    reference = Tally(spec.classes, labelled=labelled)
    expected_of = run_pytorch(network)
    warm = False
    for example in examples:
        images = example.image[None]
        if not warm:  # what is allocated and compiled at the first call is not to be timed
            expected_of(images)
            for contestant in contestants:
                contestant.run(images)
            warm = True
        expected = _timed(reference, expected_of, images)
        expected_labels = _labels(expected, example, spec)
        reference.add_labels(example.labels, expected_labels)
        for contestant in contestants:
            outputs = _timed(contestant.tally, contestant.run, images)
            _count(contestant, example, spec, expected, expected_labels, outputs)
    return reference


def _count(
    contestant: Contestant,
    example: Example,
    spec: ModelSpec,
    expected: NDArray[np.float32],
    expected_labels: NDArray[np.uint8],
    outputs: dict[OutputName, NDArray[np.generic]],
) -> None:
    logits = np.asarray(outputs["logits"], np.float32)
    if logits.shape != expected.shape:
        raise ArtefactError(
            f"{contestant.artefact.path} gives logits {logits.shape} where PyTorch gives "
            f"{expected.shape}: build it again"
        )
    labels = (
        np.asarray(outputs["labels"][0], np.uint8)
        if "labels" in outputs
        else _labels(logits, example, spec)
    )
    changed = labels != expected_labels
    contestant.tally.add_logits(expected, logits)
    contestant.tally.add_changed(changed)
    contestant.tally.add_labels(example.labels, labels)
    contestant.views.offer(example, expected_labels, labels, changed)


def reference_of(tally: Tally, spec: ModelSpec) -> Reference:
    """PyTorch's own figures."""
    names = spec.labels.names
    return Reference(
        miou=tally.miou,
        miou_of_present=tally.miou_of_present,
        iou=tally.iou(names),
        present=tally.present(names),
        latency_ms=tally.latency_ms,
    )


def figures_of(contestant: Contestant, reference: Tally, spec: ModelSpec) -> Figures:
    """Return an artefact's figures against PyTorch's tally."""
    tally, names = contestant.tally, spec.labels.names
    iou, of_reference = tally.iou(names), reference.iou(names)
    losses = {
        # A class that is present has an IoU, whatever is predicted.
        name: 100 * ((of_reference[name] or 0.0) - (iou[name] or 0.0))
        for name in reference.present(names)
    }
    worst = max(losses.items(), key=lambda item: item[1], default=None)
    ratios = [slow / fast for slow, fast in zip(reference.seconds, tally.seconds, strict=True)]
    return replace(
        tally.figures(reference),
        iou=iou,
        worst_class=worst,
        latency_ms=tally.latency_ms if contestant.timed else None,
        speedup=median(ratios) if contestant.timed else None,
    )


def _timed(tally: Tally, run: Callable[[Images], _Result], images: Images) -> _Result:
    started = time.perf_counter()
    result = run(images)
    tally.seconds.append(time.perf_counter() - started)
    return result


def _labels(logits: NDArray[np.float32], example: Example, spec: ModelSpec) -> NDArray[np.uint8]:
    """By PyTorch, as mmsegmentation does it: none of what is served judges itself."""
    size, corners = example.labels.shape, spec.align_corners
    full = interpolate(torch.from_numpy(logits), size, mode="bilinear", align_corners=corners)
    labels: NDArray[np.uint8] = full.argmax(1)[0].to(torch.uint8).numpy()
    return labels
