"""`ocrnet triton`: start a Triton on this machine's CPU."""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType

from server.local_triton.installation import TRITON_VERSION, default_folder, install_environment
from server.local_triton.ports import Ports
from server.local_triton.process import LocalTriton
from server.local_triton.repository import DEFAULT_CONFIG

_DESCRIPTION = """\
Start a real Triton on this machine's CPU, without containers: for trying and
testing, not for production. The first time it installs the server of the
nvidia-pytriton wheel, in an environment of its own. It serves what the model
repository configures ('ocrnet export repository') by ONNX Runtime in Triton's
Python back end. It listens on 127.0.0.1 alone and answers gRPC alone; its
clients cannot load, unload or change a model.

  ocrnet triton --models demo            here
  ocrnet serve --triton 127.0.0.1:8001   the gateway, in another terminal
"""


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "triton",
        help="start a Triton here, without GPU or containers",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--models", type=_names, default="demo", metavar="NAMES",
        help="separated by commas (default: demo)",
    )  # fmt: skip
    add(
        "--repository", type=_path, default=Path("model_repository"), metavar="FOLDER",
        help="with the models' graphs and configurations (default: model_repository)",
    )  # fmt: skip
    add(
        "--model-config-name", default=DEFAULT_CONFIG, metavar="NAME",
        help=f"configs/NAME.pbtxt of each model is served (default: {DEFAULT_CONFIG})",
    )  # fmt: skip
    for name, port in {"grpc": 8001, "metrics": 8002}.items():
        add(
            f"--{name}-port", type=_port, default=port, metavar="PORT",
            help=f"0 takes a free one (default: {port})",
        )  # fmt: skip
    add("--http-port", type=_no_http, help=argparse.SUPPRESS)
    add(
        "--threads", type=_count, default=0, metavar="N",
        help="CPU threads of each graph; 0 takes the machine's cores (default: 0)",
    )  # fmt: skip
    add("--warmup", action="store_true", help="run the models as configured before it is ready")
    add("--log", type=_path, metavar="FILE", help="append Triton's log to it (default: none kept)")
    add(
        "--environment", type=_path, metavar="FOLDER",
        help=f"where the server is installed (default: {default_folder()})".replace("%", "%%"),
    )  # fmt: skip
    add("--install-only", action="store_true", help="install what is missing and start nothing")
    parser.set_defaults(run=_triton)


def _triton(arguments: argparse.Namespace) -> int:
    environment = install_environment(arguments.environment)
    if arguments.install_only:
        print(f"Triton {TRITON_VERSION} is installed in {environment.folder}")
        return 0
    ports = Ports(arguments.grpc_port, arguments.metrics_port)
    triton = LocalTriton(
        environment,
        arguments.repository,
        arguments.models,
        config_name=arguments.model_config_name,
        ports=ports,
        threads=arguments.threads,
        warmup=arguments.warmup,
        log=arguments.log,
    )
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        print(f"Starting Triton {TRITON_VERSION} …", file=sys.stderr)
        with triton:
            addresses = triton.addresses
            print(
                f"Serving {', '.join(triton.served)} by Triton {TRITON_VERSION} at "
                f"{addresses.grpc} (gRPC), {addresses.metrics} (metrics); Ctrl-C stops it",
                file=sys.stderr,
            )
            triton.wait()
    except KeyboardInterrupt:
        print("Triton has stopped", file=sys.stderr)
    return 0


def _interrupt(number: int, frame: FrameType | None) -> None:
    """Handle SIGTERM like Ctrl-C, so that everything that was started is stopped."""
    raise KeyboardInterrupt


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no model: name at least one, such as demo"
        )
    return names


def _path(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is no path; '.' is the current folder")
    return Path(text)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: 0 to 65535")
    return int(text)


def _no_http(text: str) -> int:
    raise argparse.ArgumentTypeError(
        "this Triton does not answer HTTP, where any web page could send it requests: leave the "
        "flag out and use gRPC (--grpc-port)"
    )


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of threads: 0 or more")
    return int(text)
