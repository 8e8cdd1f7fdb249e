"""`ocrnet models`."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from ocrnet.artefacts import kinds_present
from ocrnet.zoo import load_zoo


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
    if arguments.json:
        print(json.dumps([asdict(spec) for spec in load_zoo().values()], indent=2))
        return 0
    print(f"{'name':36}{'data set':12}{'mIoU':>7}{'ms+flip':>9}{'fps':>8}  {'on':7}graphs here")
    for spec in load_zoo().values():
        figures = spec.published
        graphs = ", ".join(kinds_present(arguments.repository, spec.name)) or "-"
        print(
            f"{spec.name:36}{spec.dataset:12}{_figure(figures.miou):>7}"
            f"{_figure(figures.miou_ms_flip):>9}{_figure(figures.fps):>8}"
            f"  {figures.device or '-':7}{graphs}"
        )
    return 0


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
