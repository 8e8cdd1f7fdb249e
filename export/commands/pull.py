"""`ocrnet export pull`."""

import argparse
import sys

from export.commands.requirements import needs_export_extra
from ocrnet.zoo import get_spec


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    pull = parts.add_parser(
        "pull",
        help="download published checkpoints into the cache",
        description="Download published checkpoints into $XDG_CACHE_HOME/ocrnet/checkpoints "
        "(~/.cache/…). A broken download goes on where it stopped.",
    )
    pull.add_argument("models", nargs="+", metavar="NAME", help="a model's name or alias")
    pull.set_defaults(run=_pull)


def _pull(arguments: argparse.Namespace) -> int:
    needs_export_extra()
    from export.checkpoints.download import pull

    for name in arguments.models:
        pulled = pull(get_spec(name))
        if pulled.warning:
            print(f"warning: {pulled.warning}", file=sys.stderr)
        print(f"{pulled.path}  SHA-256 {pulled.sha256}")
    return 0
