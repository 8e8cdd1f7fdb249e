"""`ocrnet serve`."""

import argparse
import logging
import os
import socket
import sys

import uvicorn
from pydantic import ValidationError

from ocrnet.errors import OcrnetError
from server.app import create_app
from server.models import open_models
from server.settings import Settings


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand: one flag for every field of the settings."""
    parser = commands.add_parser(
        "serve",
        help="serve models over HTTP",
        description="Serve models over HTTP. Every flag is also an environment variable: "
        "--max-pixels is OCRNET_MAX_PIXELS.",
    )
    for name, field in Settings.model_fields.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            metavar="VALUE",
            help=f"{field.description} (default: {field.default})",
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
            name = str(problem["loc"][0]).replace("_", "-")
            print(f"ocrnet serve: --{name}: {problem['msg']}", file=sys.stderr)
        return 2
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    try:
        # Bound first: a taken port shows at once, not after the models are loaded.
        with _listen(settings.host, settings.port) as listener:
            models = open_models(settings)
            served = ", ".join(model.spec.name for model in models)
            url = f"http://{settings.host}:{listener.getsockname()[1]}"
            print(f"Serving {served} at {url}", file=sys.stderr)
            config = uvicorn.Config(
                create_app(settings, models),
                log_level=settings.log_level,
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=settings.drain_timeout,
            )
            uvicorn.Server(config).run(sockets=[listener])
    except OcrnetError as error:
        print(f"ocrnet serve: {error}", file=sys.stderr)
        return 1
    return 0


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        # A failed look-up has codes of its own; create_server adds the address to the others.
        if error.errno is None or isinstance(error, socket.gaierror):
            reason = error.strerror or str(error)
        else:
            reason = os.strerror(error.errno)
        raise OcrnetError(f"cannot listen on {host}:{port}: {reason.lower()}") from error
