"""`ocrnet models`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ocrnet.artefacts import Weights, kinds_present, weights_here
from ocrnet.zoo import ModelSpec, load_zoo
from ocrnet.zoo.spec import Published


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser("models", help="list the models that can be served")
    parser.add_argument("--json", action="store_true", help="everything known, as JSON")
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path("model_repository"),
        metavar="FOLDER",
        help="where to look for graphs (default: model_repository)",
    )
    parser.set_defaults(run=_models)


def _models(arguments: argparse.Namespace) -> int:
    zoo = load_zoo().values()
    here = {spec.name: weights_here(arguments.repository, spec) for spec in zoo}
    if arguments.json:
        print(json.dumps([_as_dict(spec, here[spec.name]) for spec in zoo], indent=2))
        return 0
    print(
        f"{'name':36}{'data set':12}{'mIoU':>7}{'ms+flip':>9}{'fps':>8}  {'on':7}{'weights':11}"
        "graphs here"
    )
    for spec in zoo:
        weights = here[spec.name]
        figures = _figures(spec, weights)
        graphs = ", ".join(kinds_present(arguments.repository, spec.name)) or "-"
        print(
            f"{spec.name:36}{spec.dataset:12}{_figure(figures.miou):>7}"
            f"{_figure(figures.miou_ms_flip):>9}{_figure(figures.fps):>8}"
            f"  {figures.device or '-':7}{weights.origin if weights else '':11}{graphs}"
        )
    for name, weights in here.items():
        if weights and weights.note:
            print(f"{name}: {weights.note}")
    return 0


def _figures(spec: ModelSpec, weights: Weights | None) -> Published:
    """Published figures, unless the graphs here have other weights."""
    return weights.figures(spec) if weights else spec.published


def _as_dict(spec: ModelSpec, weights: Weights | None) -> dict[str, Any]:
    facts = asdict(spec) | {"published": asdict(_figures(spec, weights))}
    return facts | {"weights_here": asdict(weights) if weights else None}


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
