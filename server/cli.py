"""`ocrnet serve`."""

import argparse
import os
import socket
import sys

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from ocrnet.errors import OcrnetError
from server.app import create_app
from server.logs import configure
from server.middleware import MOST_HEAD_BYTES
from server.models import open_models
from server.protocol import ProblemProtocol
from server.settings import Settings, group_of


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
            metavar="VALUE",
            help=f"{field.description} (default: {field.default or 'none'})".replace("%", "%%"),
        )
    parser.set_defaults(run=serve)


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
    try:
        # Bound first: a taken port shows at once, not after the models are loaded.
        with _listen(settings.host, settings.port) as listener:
            models = open_models(settings)
            served = ", ".join(model.spec.name for model in models)
            url = f"http://{settings.host}:{listener.getsockname()[1]}"
            print(f"Serving {served} at {url}", file=sys.stderr)
            config = server_config(create_app(settings, models), settings)
            uvicorn.Server(config).run(sockets=[listener])
    except OcrnetError as error:
        print(f"ocrnet serve: {error}", file=sys.stderr)
        return 1
    return 0


def server_config(app: FastAPI, settings: Settings) -> uvicorn.Config:
    """How the gateway's app is run: our protocol, our log lines, bounds on the head."""
    return uvicorn.Config(
        app,
        http=ProblemProtocol,
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
        if error.errno is None or isinstance(error, socket.gaierror):
            reason = error.strerror or str(error)
        else:
            reason = os.strerror(error.errno)
        raise OcrnetError(f"cannot listen on {host}:{port}: {reason.lower()}") from error
