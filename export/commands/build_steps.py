"""The artefacts that a build makes of one model: which by default, how long, and one by one."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch

from export.artefacts.build_artefact import build_artefact, is_current
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.source import Source
from export.triton.config_files import name_weights
from ocrnet.artefacts import Int8Facts, Kind
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

_ONNX, _INT8 = Target("onnx", "float32"), Target("openvino", "int8")


@dataclass(frozen=True)
class Step:
    """One artefact; optional: the others are of use without it."""

    kind: Kind
    target: Target
    optional: bool = False

    @property
    def is_int8(self) -> bool:
        """Whether it is calibrated, and judged."""
        return self.target.precision == "int8"


@dataclass(frozen=True)
class _Effort:
    """How long a step takes: seconds for any model, and so many forward passes.

    once: of a training crop; per_crop: of each crop's worth of pixels that the graph takes.
    """

    seconds: float
    once: float
    per_crop: float


# By timing steps of HRNet-W18-Small and HRNet-W48, INT8 with the default number of images.
_FLOAT = _Effort(seconds=6, once=1, per_crop=2.5)
_CALIBRATED = _Effort(seconds=20, once=36, per_crop=4)
_USUAL_IMAGES = 32


def default_steps(kinds: Iterable[Kind]) -> list[Step]:
    """What serving uses: float32 graphs of all kinds, and windows in INT8 (`serve --fast`)."""
    floats = [Step(kind, _ONNX) for kind in kinds]
    return [*floats, Step("window", _INT8, optional=True)]  # minutes: the last


def estimate(
    steps: Iterable[Step], spec: ModelSpec, forward: float, images: int = _USUAL_IMAGES
) -> float:
    """Return about how many seconds some steps take, without those of plans.

    forward: seconds of one forward pass of the training crop in PyTorch. images: to calibrate with.
    """
    total = 0.0
    for step in steps:
        if step.target.is_plan:
            continue
        effort = _CALIBRATED if step.is_int8 else _FLOAT
        size = spec.whole if step.kind == "whole" and spec.whole else spec.crop
        # Dynamic float32 graphs are compared with PyTorch on small images.
        tiny = step.kind == "dynamic" and not step.is_int8
        passes = effort.once + effort.per_crop * (0 if tiny else size.pixels / spec.crop.pixels)
        share = images / _USUAL_IMAGES if step.is_int8 else 1
        total += effort.seconds + forward * passes * share
    return total


def run_steps(
    source: Source, steps: Sequence[Step], settings: BuildSettings, *, force: bool, said: str
) -> bool:
    """Build what is not there already; print an estimate, each step and what came of it.

    force: build what is there, too. said: begins the lines. Returns whether all are there: an
    optional one that cannot be built is told and left out. Raises ArtefactError, InputError.
    """
    whole = True
    spec = source.spec
    missing = [
        step for step in steps if force or not is_current(source, step.kind, step.target, settings)
    ]
    if any(not step.target.is_plan for step in missing):
        print(f"{said} {spec.name}: {_forecast(source, missing, settings)}", flush=True)
    for step in steps:
        # On lines of their own: a plan's progress bars come between.
        print(f"{said} {spec.name} {step.kind} {step.target}", flush=True)
        try:
            done = _build(source, step, settings) if step in missing else "there already"
        except ArtefactError as error:
            if not step.optional:
                raise
            whole = False
            done = f"not built, the others are of use without it: {error}"
        print(f"    {done}", flush=True)
        for sentence in name_weights(spec, settings.repository, step.kind):
            print(f"    {sentence}", flush=True)
    return whole


def _forecast(source: Source, missing: list[Step], settings: BuildSettings) -> str:
    forward = _seconds_of_forward(source)
    images = settings.int8.calibration.count
    floats = [step for step in missing if not step.is_int8]
    number = f"{len(missing)} graph{'s' if len(missing) > 1 else ''}"
    text = f"{number} to build, about {_in_words(estimate(missing, source.spec, forward, images))}"
    if any(step.target.is_plan for step in missing):
        text += " and what plans take"
    if floats and len(floats) < len(missing):
        left = _in_words(estimate(floats, source.spec, forward))
        text += f"; without INT8 {left} ('--to onnx')"
    return text


def _seconds_of_forward(source: Source) -> float:
    """Time one forward pass of the training crop."""
    # Loaded before: weights that are made in inference mode could not be rewritten.
    crop, network = source.spec.crop, source.network
    with torch.inference_mode():
        started = time.perf_counter()
        network(torch.zeros(1, crop.height, crop.width, 3, dtype=torch.uint8))
    return time.perf_counter() - started


def _in_words(seconds: float) -> str:
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _build(source: Source, step: Step, settings: BuildSettings) -> str:
    started = time.monotonic()
    manifest = build_artefact(source, step.kind, step.target, settings)
    parts = [f"{time.monotonic() - started:.0f} s"]
    if manifest.parity:
        parts.insert(0, f"off by {max(manifest.parity.values()):.1e} of the largest logit")
    if manifest.build.plan:
        parts.insert(0, f"{manifest.build.plan.layers} layers")
    if manifest.build.int8:
        parts.insert(0, _judgement(manifest.build.int8))
    return ", ".join(parts)


def _judgement(int8: Int8Facts) -> str:
    loss = int8.miou_loss
    lost = ", mIoU not judged" if loss is None else f", {loss:+.2f} points of mIoU lost"
    kept = " and ".join(int8.kept_in_float) or "nothing"
    return f"{int8.changed_labels:.2%} of the labels changed{lost}, {kept} floating"
