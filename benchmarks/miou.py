"""Per-class IoU, mIoU, mAcc and aAcc of a model, on drawn street scenes or on its data set.

    python benchmarks/miou.py --scenes 200
    python benchmarks/miou.py --scenes 20 --height 1024 --width 2048 --mode slide
    python benchmarks/miou.py --scenes 20 --scales 0.75,1.0,1.25 --flip
    python benchmarks/miou.py --model NAME --data /data/cityscapes --confusion matrix.png

Scenes are numbered by their seed; training starts at seed 1,000,000. The data set is the one of the
model: Cityscapes, ADE20K or VOC 2012, in its usual folders. docs/accuracy.md has them, and more.

    --via engine   in process, through all that serves a picture but HTTP
    --via torch    PyTorch; without windows, scales, mirror images and resize, nothing else
    --via http     a running gateway, so that the answers themselves are scored

Ends with 0; 1 if the bar is missed or a picture fails, 2 for what cannot be asked, 130 if
interrupted.
"""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack, closing
from typing import Any

from benchmarks.accuracy.labellers import GatewayLabeller, Labeller, engine_labeller
from benchmarks.accuracy.miou_arguments import Asked, miou_parser, read
from benchmarks.accuracy.run import score
from benchmarks.accuracy.scores import absent_classes, as_json, as_table
from benchmarks.accuracy.state import StateFile, start
from export.commands.requirements import checkpoint_of
from ocrnet import __version__
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.errors import OcrnetError


def main(argv: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = miou_parser(__doc__)
    with ExitStack() as stack:
        try:
            asked = read(parser.parse_args(argv))
            labeller = stack.enter_context(closing(open_labeller(asked)))
            facts = facts_of(asked, labeller)
            state = _state(asked, facts)
            progress = state.load() if state else start(asked.spec.classes)
        except (OcrnetError, OSError) as error:
            parser.error(str(error))
        except KeyboardInterrupt:
            return 130
        try:
            matrix = score(asked, labeller, progress, state)
            report(asked, facts, matrix)
        except (OcrnetError, OSError) as error:
            print(f"miou.py: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            again = f"the same command goes on from {asked.state}" if state else "see --state"
            print(f"miou.py: interrupted; {again}", file=sys.stderr)
            return 130
    if state:
        state.remove()
    return 0 if reaches(asked, matrix) else 1


def open_labeller(asked: Asked) -> Labeller:
    """Open what the pictures are labelled by; raises OcrnetError."""
    if asked.via == "http":
        return GatewayLabeller(asked.spec, asked.url, asked.options)
    if asked.via == "engine":
        return engine_labeller(
            asked.spec, asked.repository, asked.runtime, asked.precision, asked.options
        )
    from benchmarks.accuracy.torch_labellers import torch_labeller

    return torch_labeller(asked.spec, asked.checkpoint or checkpoint_of(asked.spec), asked.options)


def facts_of(asked: Asked, labeller: Labeller) -> dict[str, Any]:
    """Return all that the figures depend on and that is known here, as JSON has it."""
    options = asked.options
    return {
        "model": asked.spec.name,
        "via": asked.via,
        "data": asked.pictures.facts,
        "settings": {
            "mode": options.mode,
            "resize": options.resize,
            "scales": options.scales,
            "flip": options.flip,
            "ocrnet": __version__,
            **labeller.facts,
        },
    }


def report(asked: Asked, facts: dict[str, Any], matrix: ConfusionMatrix) -> None:
    """Print the table and write what was asked for; raises OSError."""
    names = asked.spec.labels.names
    print(as_table(matrix, names))
    if absent := absent_classes(matrix, names):
        print(f"not in these pictures: {', '.join(absent)}")
    if asked.json:
        content = {**facts, "pictures": asked.pictures.count, **as_json(matrix, names)}
        asked.json.parent.mkdir(parents=True, exist_ok=True)
        asked.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if asked.confusion:
        # Takes a second to import.
        from benchmarks.accuracy.confusion_chart import draw_confusion

        title = f"{asked.spec.name}, {asked.pictures.title}: mIoU {matrix.miou():.4f}"
        draw_confusion(matrix.counts, names, title, asked.confusion)


def reaches(asked: Asked, matrix: ConfusionMatrix) -> bool:
    """Whether the bar is reached with every class present; without a bar, True."""
    if asked.bar is None:
        return True
    return matrix.miou() >= asked.bar and not absent_classes(matrix, asked.spec.labels.names)


def _state(asked: Asked, facts: dict[str, Any]) -> StateFile | None:
    if asked.state is None:
        return None
    # Where predictions go counts too: elsewhere, those of the pictures done would be missing.
    predictions = str(asked.predictions.resolve()) if asked.predictions else None
    run = {**facts, "predictions": predictions}
    return StateFile(asked.state, run, asked.spec.classes, asked.pictures.count)


if __name__ == "__main__":
    sys.exit(main())
