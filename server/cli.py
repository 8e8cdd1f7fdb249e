"""`ocrnet serve`."""

import argparse
import logging
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, get_args

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from ocrnet.errors import OcrnetError
from ocrnet.freed_memory import keep_freed
from server.app import create_app
from server.logs import configure
from server.middleware import MOST_HEAD_BYTES
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
        "--max-pixels is OCRNET_MAX_PIXELS.",
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
    try:
        settings = Settings(**given)
    except ValidationError as error:
        for problem in error.errors():
            place = f"--{problem['loc'][0]}: ".replace("_", "-") if problem["loc"] else ""
            print(f"ocrnet serve: {place}{problem['msg']}", file=sys.stderr)
        return 2
    configure(settings.log_level, settings.log_format)
    keep_freed(_KEPT_BYTES)
    try:
        # Bound first: a taken port shows at once, not after the models are loaded.
        with _listen(settings.host, settings.port) as listener, _triton(settings) as settings:
            models = open_models(settings, partial(_announce, settings))
            served = ", ".join(map(_with_note, models))
            host = f"[{settings.host}]" if ":" in settings.host else settings.host
            _announce(settings, f"Serving {served} at http://{host}:{listener.getsockname()[1]}")
            config = server_config(create_app(settings, models), settings)
            uvicorn.Server(config).run(sockets=[listener])
    except OcrnetError as error:
        print(f"ocrnet serve: {error}", file=sys.stderr)
        return 1
    return 0


def _with_note(model: ServedModel) -> str:
    """The name, with what users must know of the model's weights."""
    note = model.weights.note
    return f"{model.spec.name} ({note})" if note else model.spec.name


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


def _announce(settings: Settings, text: str) -> None:
    """Say it where people look; where machines read, as a log line like any other."""
    if settings.log_format == "json":
        logging.getLogger("ocrnet.gateway").info(text)
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
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        timeout_graceful_shutdown=settings.drain_timeout,
    )


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=2048)
        # Connections inherit it. asyncio sets it by itself only where the protocol is named, and
        # an answer's body would wait 40 ms for the acknowledgement of its head.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        # A failed look-up has codes of its own; create_server adds the address to the others.
        if isinstance(error, socket.gaierror):
            reason = "there is no such address"
        elif error.errno is None:
            reason = error.strerror or str(error)
        else:
            reason = os.strerror(error.errno)
        raise OcrnetError(f"cannot listen on {host}:{port}: {reason.lower()}") from error
