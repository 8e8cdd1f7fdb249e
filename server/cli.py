"""`ocrnet serve`."""

import argparse
import logging
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
    """Run until stopped; 2 for bad settings, 1 if a model cannot be opened."""
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
        models = open_models(settings)
    except OcrnetError as error:
        print(f"ocrnet serve: {error}", file=sys.stderr)
        return 1
    served = ", ".join(model.spec.name for model in models)
    print(f"Serving {served} at http://{settings.host}:{settings.port}", file=sys.stderr)
    uvicorn.run(
        create_app(settings, models),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=None,
        server_header=False,
    )
    return 0
