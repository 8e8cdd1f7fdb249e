"""`ocrnet serve`."""

import argparse
import gc
import logging
import os
import sys
from collections.abc import Container, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ocrnet.errors import OcrnetError
from ocrnet.process import keep_freed
from server.app import create_app
from server.environment import is_from_kubernetes, variable_of, wrong_variables
from server.listening import exposure, listen, url_of
from server.logs import configure
from server.models import ServedModel, open_models
from server.protocol import problem_protocol
from server.settings import Settings, group_of

# What three requests of two million pixels need beside the engine.
_KEPT_BYTES = 128 * 2**20


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand: one flag for every field of the settings."""
    parser = commands.add_parser(
        "serve",
        help="serve models over HTTP",
        description="Serve models over HTTP. Every flag is also an environment variable: "
        "--max-pixels is OCRNET_MAX_PIXELS. Other variables that start with OCRNET_ are refused.",
    )
    groups: dict[str, argparse._ArgumentGroup] = {}
    for name, field in Settings.model_fields.items():
        title = group_of(name)
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        groups[title].add_argument(
            f"--{name.replace('_', '-')}",
            metavar=_metavar(field.annotation),
            help=f"{field.description} (default: {_shown(field.default)})".replace("%", "%%"),
        )
    parser.set_defaults(run=serve)


def _metavar(kind: Any) -> str:
    if choices := get_args(kind):
        return "{" + ",".join(choices) + "}"
    return {int: "N", float: "SECONDS", Path: "DIR", str: "TEXT"}[kind]


def _shown(default: object) -> str:
    return "none" if default == "" else str(default)


def serve(arguments: argparse.Namespace) -> int:
    """Run until stopped; 2 for bad settings, 1 for a taken port or a model that does not open."""
    given = {
        name: value
        for name in Settings.model_fields
        if (value := getattr(arguments, name)) is not None
    }
    problems = wrong_variables(os.environ, Settings.model_fields)
    notes = []
    stated = os.environ.get(variable_of("port"), "")
    if "port" not in given and is_from_kubernetes(variable_of("port"), stated):
        given["port"] = Settings.model_fields["port"].default
        notes.append(
            f"Ignored {variable_of('port')}={stated}, which Kubernetes sets for a service called "
            "ocrnet: --port sets the port, or the variable with a number"
        )
    try:
        settings = Settings(**given)
    except ValidationError as error:
        problems += [_describe(one, flags=given) for one in error.errors()]
    if problems:
        for problem in problems:
            print(f"ocrnet serve: {problem}", file=sys.stderr)
        return 2
    configure(settings.log_level, settings.log_format)
    for note in notes:
        _announce(settings, note, logging.WARNING)
    keep_freed(_KEPT_BYTES)
    try:
        # Bound first: a taken port shows at once, not after the models are loaded.
        with listen(settings.host, settings.port) as listener, _triton(settings) as settings:
            models = open_models(settings, partial(_announce, settings))
            for model in models:
                if graphs := model.graphs_in_words:
                    _announce(settings, f"{model.spec.name}: {graphs}")
            served = ", ".join(map(_with_note, models))
            _announce(settings, f"Serving {served} at {url_of(settings.host, listener)}")
            if exposed := exposure(listener):
                _announce(settings, exposed, logging.WARNING)
            config = server_config(create_app(settings, models), settings)
            # Objects that live as long as the process: looking through them for garbage would stop
            # the event loop for 50 ms, again and again.
            gc.collect()
            gc.freeze()
            uvicorn.Server(config).run(sockets=[listener])
    except OcrnetError as error:
        print(f"ocrnet serve: {error}", file=sys.stderr)
        return 1
    return 0


def _with_note(model: ServedModel) -> str:
    """The name, with what users must know of the model's weights."""
    note = model.weights.note
    return f"{model.spec.name} ({note})" if note else model.spec.name


def _describe(error: ErrorDetails, flags: Container[str]) -> str:
    """Return what is wrong with a setting: its name, what was given and where, what it takes."""
    message = error["msg"].removeprefix("Value error, ")
    if not error["loc"]:  # several settings do not go together
        return message
    name = str(error["loc"][0])
    value = repr(error["input"])[:80]
    given = value if name in flags else f"{variable_of(name)}={value}"
    return f"--{name.replace('_', '-')}: {given}: {message}"


@contextmanager
def _triton(settings: Settings) -> Iterator[Settings]:
    """Start the local Triton if that is asked for; the settings with its address."""
    if settings.triton != "local":
        yield settings
        return
    from server.local_triton import LocalTriton, Ports, install_environment

    ports = Ports(grpc=0, metrics=0)
    triton = LocalTriton(
        install_environment(),
        settings.repository,
        settings.model_names,
        ports=ports,
        threads=settings.threads,
    )
    with triton:
        _announce(settings, f"Started Triton at {triton.addresses.grpc}")
        yield settings.model_copy(update={"triton": triton.addresses.grpc})


def _announce(settings: Settings, text: str, level: int = logging.INFO) -> None:
    """Say it where people look; where machines read, as a log line.

    level: of that line.
    """
    if settings.log_format == "json":
        logging.getLogger("ocrnet.gateway").log(level, text)
    else:
        print(text, file=sys.stderr)


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How the gateway's app is run: our protocol, our log lines, bounds on the head."""
    return uvicorn.Config(
        app,
        http=problem_protocol(app.state.gateway.metrics),
        ws="none",
        access_log=False,
        log_level=settings.log_level,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=settings.drain_timeout,
    )
