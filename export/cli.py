"""`ocrnet export`: from published checkpoints to artefacts that can be served."""

import argparse

from export.commands import build, pull, repository, verify


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; nothing heavy is imported before one of its own is run."""
    parser = commands.add_parser(
        "export", help="pull checkpoints, build graphs and plans, verify them, configure Triton"
    )
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    pull.register(parts)
    build.register(parts)
    verify.register(parts)
    repository.register(parts)
