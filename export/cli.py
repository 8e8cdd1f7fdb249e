"""`ocrnet export`: from published checkpoints to graphs that can be served."""

import argparse
import importlib
import sys
import time
from pathlib import Path

from ocrnet.artefacts import KINDS
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec, get_spec, load_zoo

_DEMO_WEIGHTS = Path(__file__).parent / "weights" / "demo.safetensors"


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand; nothing heavy is imported before one of its own is run."""
    parser = commands.add_parser("export", help="pull checkpoints, export them to ONNX")
    parts = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    pull = parts.add_parser(
        "pull",
        help="download published checkpoints into the cache",
        description="Download published checkpoints into $XDG_CACHE_HOME/ocrnet/checkpoints "
        "(~/.cache/…). A broken download goes on where it stopped.",
    )
    pull.add_argument("models", nargs="+", metavar="NAME", help="a model's name or alias")
    pull.set_defaults(run=_pull)

    onnx = parts.add_parser(
        "onnx",
        help="export models to ONNX",
        description="Export models to ONNX and compare each graph with PyTorch: 'dynamic' for any "
        "size, 'window' for the training crop, 'whole' for 1024x2048 (Cityscapes only).",
    )
    onnx.add_argument("models", nargs="*", metavar="NAME", help="a model's name or alias")
    onnx.add_argument("--all", action="store_true", help="every model of the zoo")
    onnx.add_argument(
        "--checkpoint",
        metavar="FILE",
        help="a .pth or .safetensors instead of the pulled one; 'stand-in' draws deterministic "
        "weights, for trying a model out without a download",
    )
    onnx.add_argument("--kinds", nargs="+", choices=KINDS, help="default: all that the model has")
    onnx.add_argument(
        "--repository", type=Path, default=Path("model_repository"), metavar="FOLDER",
        help="where to write (default: model_repository)",
    )  # fmt: skip
    onnx.set_defaults(run=_onnx)


def _needs_torch() -> None:
    for name in ("torch", "onnx", "onnxruntime", "safetensors", "httpx2", "tqdm"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            raise OcrnetError(
                f"'ocrnet export' needs {error.name}: run 'make .venv', "
                "or pip install 'ocrnet[export]'"
            ) from error


def _pull(arguments: argparse.Namespace) -> int:
    _needs_torch()
    from export.download import pull

    for name in arguments.models:
        pulled = pull(get_spec(name))
        if pulled.warning:
            print(f"warning: {pulled.warning}", file=sys.stderr)
        print(f"{pulled.path}  SHA-256 {pulled.sha256}")
    return 0


def _onnx(arguments: argparse.Namespace) -> int:
    _needs_torch()
    from export.build import build_graph, kinds_of
    from export.checkpoints import load_model

    if arguments.all == bool(arguments.models):
        raise OcrnetError("say either which models, or --all")
    specs = list(load_zoo().values()) if arguments.all else [get_spec(n) for n in arguments.models]
    for spec in specs:
        lacking = set(arguments.kinds or ()) - set(kinds_of(spec))
        if lacking:
            raise OcrnetError(
                f"{spec.name} has no {' or '.join(sorted(lacking))} graph, "
                f"only {', '.join(kinds_of(spec))}"
            )
    for number, spec in enumerate(specs, 1):
        # The demo brings its own weights: --all must not replace the graph that git holds.
        own = arguments.all and not spec.checkpoint.url
        checkpoint = _checkpoint_of(spec) if own else arguments.checkpoint or _checkpoint_of(spec)
        network = load_model(spec, checkpoint)
        for kind in kinds_of(spec):
            if arguments.kinds and kind not in arguments.kinds:
                continue
            started = time.monotonic()
            # The demo's dynamic graph travels with the project: half the bytes.
            half = kind == "dynamic" and Path(checkpoint).resolve() == _DEMO_WEIGHTS.resolve()
            manifest = build_graph(
                network, spec, kind, arguments.repository,
                checkpoint=str(checkpoint), half_weights=half,
            )  # fmt: skip
            worst = max(manifest.parity.values())
            print(
                f"[{number}/{len(specs)}] {spec.name} {kind}: off by {worst:.1e} of the largest "
                f"logit, {time.monotonic() - started:.0f} s",
                flush=True,
            )
    return 0


def _checkpoint_of(spec: ModelSpec) -> str:
    from export.download import cached_checkpoint

    if not spec.checkpoint.url:
        return str(_DEMO_WEIGHTS)
    path = cached_checkpoint(spec)
    if not path.exists():
        raise OcrnetError(
            f"{path} is not there: run 'ocrnet export pull {spec.name}', or name a file with "
            "--checkpoint"
        )
    return str(path)
