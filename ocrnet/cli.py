"""The `ocrnet` command; its subcommands are found through entry points."""

import argparse
import io
import os
import sys
from importlib.metadata import entry_points
from typing import Any

from ocrnet import __version__
from ocrnet.errors import OcrnetError


class _Parser(argparse.ArgumentParser):
    """Takes whole flags alone: a misspelt one is an error, not short for another.

    Its subcommands are of the same class.
    """

    def __init__(self, **options: Any):
        super().__init__(**options, allow_abbrev=False)


def main(argv: list[str] | None = None) -> int:
    """Run one subcommand; errors of ours are one line and exit code 1."""
    parser = _Parser(prog="ocrnet", description="Semantic segmentation with OCRNet (HRNet-OCR).")
    parser.add_argument("--version", action="version", version=f"ocrnet {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for entry in sorted(entry_points(group="ocrnet.commands"), key=lambda point: point.name):
        entry.load()(commands)
    arguments = parser.parse_args(argv)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may not be text
            stream.reconfigure(errors="backslashreplace")
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except MemoryError:
        print("ocrnet: there is not enough free memory", file=sys.stderr)
        return 1
    except OcrnetError as error:
        print(f"ocrnet: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has enough. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code
