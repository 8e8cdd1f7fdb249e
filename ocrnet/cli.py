"""The `ocrnet` command; its subcommands are found through entry points."""

import argparse
import sys
from importlib.metadata import entry_points

from ocrnet import __version__
from ocrnet.errors import OcrnetError


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; errors of ours are one line and exit code 1."""
    parser = argparse.ArgumentParser(
        prog="ocrnet", description="Semantic segmentation with OCRNet (HRNet-OCR)."
    )
    parser.add_argument("--version", action="version", version=f"ocrnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for entry in sorted(entry_points(group="ocrnet.commands"), key=lambda point: point.name):
        entry.load()(commands)
    arguments = parser.parse_args(argv)
    try:
        code: int = arguments.run(arguments)
    except OcrnetError as error:
        print(f"ocrnet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code
