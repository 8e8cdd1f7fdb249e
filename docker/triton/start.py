#!/usr/bin/env python3
"""Starts tritonserver with those models of a repository that are whole, and says what others lack.

It is the command of the Triton containers, and needs nothing but Python 3.10 or newer. Triton gets
a folder of links to the whole models as its repository: with one model that cannot be loaded it
would not start at all.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

from whole_models import Finding, find_models, unreadable

_DESCRIPTION = """\
Start tritonserver with the models of a repository that are whole, and say what
the others lack and which command builds it. All other arguments go to
tritonserver as they are.
"""
NOTHING_TO_SERVE = 78  # EX_CONFIG of sysexits.h
_REPOSITORY = Path("/models")


def main(argv: list[str]) -> NoReturn:
    """Become tritonserver; exit with NOTHING_TO_SERVE if no model is whole."""
    # Python would ignore SIGTERM as a container's first process, and Ctrl-C would be a traceback.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    arguments, others = _parser().parse_known_args(argv)
    _refuse(arguments, others)
    said: list[str] = []
    settled = True
    while True:
        whole, lines = _look(arguments, "--disable-auto-complete-config" not in others)
        building = _under_way(arguments) if said else []
        if building:
            lines.append(f"Triton waits for what is being built: {', '.join(building)}.")
        if lines != said:
            _say(lines)
            said = lines
        # Between two files of one build there is a moment without either: so two looks.
        if whole and not building and settled:
            break
        settled = not (building or not whole)
        if arguments.wait is None:
            sys.exit(NOTHING_TO_SERVE)
        time.sleep(arguments.wait)
    command = [arguments.tritonserver, f"--model-repository={_links(whole)}", *others]
    if arguments.model_config_name:
        command.append(f"--model-config-name={arguments.model_config_name}")
    for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and so would Triton
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        _fail(f"{command[0]} does not start: {error.strerror}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--model-repository", type=Path, action="append", metavar="FOLDER",
        help=f"folder with the models (default: {_REPOSITORY})",
    )  # fmt: skip
    add(
        "--model-config-name", default="", metavar="NAME",
        help="serve each model by its configs/NAME.pbtxt, where it has one, instead of by its "
        "config.pbtxt; tritonserver gets it too",
    )  # fmt: skip
    add(
        "--wait", type=_seconds, metavar="SECONDS",
        help="if no model is whole, look again after so many seconds until one is, instead of "
        f"ending with status {NOTHING_TO_SERVE}",
    )  # fmt: skip
    add(
        "--export-command", default="ocrnet export", metavar="COMMAND",
        help="how 'ocrnet export' is run here; messages name it (default: ocrnet export)",
    )  # fmt: skip
    add(
        "--tritonserver", default="tritonserver", metavar="FILE",
        help="the server's binary (default: tritonserver, from the PATH)",
    )  # fmt: skip
    return parser


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time from 0.01 to 3600 seconds")
    return seconds


def _refuse(arguments: argparse.Namespace, others: list[str]) -> None:
    """Refuse what does not go with this script, before tritonserver would say so less clearly."""
    if len(arguments.model_repository or []) > 1:
        _fail("--model-repository can be given only once", 2)
    # In the other modes clients may load models, their own included, and Triton runs those.
    for number, argument in enumerate(others):
        name, equals, value = argument.partition("=")
        if name == "--model-control-mode":
            value = value if equals else " ".join(others[number + 1 : number + 2])
            if value != "none":
                _fail(f"--model-control-mode is {value!r}: with this script it must be none", 2)
        elif name == "--load-model":
            _fail("--load-model is not for this script: it loads all models that are whole", 2)
        elif name == "--model-store":
            _fail("--model-store is not for this script: use --model-repository", 2)


def _look(arguments: argparse.Namespace, completes: bool) -> tuple[list[Finding], list[str]]:
    """Return the whole models, and the lines to print: what is served, what others lack."""
    (repository,) = arguments.model_repository or [_REPOSITORY]
    try:
        findings = find_models(repository, arguments.model_config_name, completes)
    except OSError as error:
        return [], [f"No model can be served: {unreadable(error, repository)}."]
    whole = [finding for finding in findings if finding.problem is None]
    lines = []
    if whole:
        lines.append(f"Models that are served: {', '.join(found.folder.name for found in whole)}.")
    elif findings:
        lines.append(f"No model in {repository} can be served.")
    else:
        lines.append(f"No model can be served: {repository} holds none. To build the demo's:")
        lines.append(f"    {arguments.export_command} build demo --to onnx tensorrt")
    commands: list[str] = []
    left_out: dict[str, list[str]] = {}
    for folder, problem in findings:
        if problem is not None:
            left_out.setdefault(str(problem), []).append(folder.name)
            if problem.command:
                commands.append(f"    {arguments.export_command} {problem.command}")
    for reason, names in left_out.items():
        lines.append(f"  Left out: {', '.join(names)}: {reason}.")
    if commands:
        after = "Triton starts by itself then" if arguments.wait and not whole else "then start it"
        lines.append(f"To build what is missing ({after}{' again' if whole else ''}):")
        lines.extend(dict.fromkeys(commands))
    return whole, lines


def _under_way(arguments: argparse.Namespace) -> list[str]:
    """Return the folders that 'ocrnet export build' writes into now, or did when it was killed."""
    (repository,) = arguments.model_repository or [_REPOSITORY]
    return sorted(str(path) for path in repository.glob("*/1.partial"))


def _links(whole: list[Finding]) -> Path:
    """Return a new folder with a link to each model."""
    try:
        links = Path(tempfile.mkdtemp(prefix="models-"))
        for folder, _ in whole:
            (links / folder.name).symlink_to(folder.resolve())
    except OSError as error:
        _fail(f"cannot write links to the models: {error}. Mount a tmpfs at /tmp")
    return links


def _say(lines: list[str]) -> None:
    print("\n".join(lines), file=sys.stderr, flush=True)


def _fail(message: str, status: int = 1) -> NoReturn:
    _say([f"start.py: {message}"])
    sys.exit(status)


if __name__ == "__main__":
    main(sys.argv[1:])
