"""Flags that several commands have."""

import argparse
from pathlib import Path

from ocrnet.commands.arguments import positive, size
from ocrnet.zoo import Size

_STREET = Size(1024, 2048)


def make_parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser of a command called `name`, whose description keeps its lines."""
    return argparse.ArgumentParser(
        prog=name, description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add --model, one of the zoo."""
    parser.add_argument("--model", default="demo", help="a model's name (default: demo)")


def add_served_precision(parser: argparse.ArgumentParser) -> None:
    """Add --precision, as users of a gateway choose it."""
    parser.add_argument(
        "--precision", choices=("exact", "fast"), default="exact", help="default: exact"
    )


def add_size(parser: argparse.ArgumentParser, help_text: str = "default: 1024x2048") -> None:
    """Add --size, of an image."""
    parser.add_argument("--size", type=size, default=_STREET, help=help_text)


def add_turns(parser: argparse.ArgumentParser) -> None:
    """Add --turns, of `benchmarks.lib.interleaved.in_turns`."""
    parser.add_argument(
        "--turns", type=positive, default=5, help="after one of warm-up (default: 5)"
    )


def add_built_graphs(parser: argparse._ActionsContainer, folder: str) -> None:
    """Add --repository, of graphs that the command builds where they are missing."""
    parser.add_argument(
        "--repository",
        type=Path,
        default=Path(folder),
        metavar="FOLDER",
        help=f"graphs; what is missing is built there (default: {folder})",
    )


def add_served_graphs(parser: argparse.ArgumentParser) -> None:
    """Add --repository, of graphs that are there."""
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add --json, a file for every figure that was measured."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="all samples")
