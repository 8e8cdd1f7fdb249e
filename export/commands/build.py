"""`ocrnet export build`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from export.artefacts.targets import TARGET_NAMES, kinds_of, targets
from export.commands.requirements import checkpoint_of, needs_export_extra, needs_nncf
from ocrnet.artefacts import KINDS, TILINGS, Kind, Precision
from ocrnet.commands.arguments import at_least, positive, size
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec, Size, get_spec, load_zoo

if TYPE_CHECKING:
    from export.artefacts.settings import BuildSettings
    from export.commands.build_steps import Step

_DESCRIPTION = """\
Build artefacts of models and compare each, but plans, with PyTorch. Kinds of
graph: 'dynamic' for any size, 'window' for the training crop, 'whole' for
1024x2048 (Cityscapes only). Targets:

  onnx          float32, for the gateway's own engine
  onnx-fp16     float16 with islands of float32, for GPUs; 'whole' gives
                labels too
  onnx-int8     Q/DQ nodes, for TensorRT inside of other runtimes; 'whole' gives
                labels too
  openvino      float32 in OpenVINO's format
  int8          8 bits in OpenVINO's format, for CPUs
  tensorrt      plans for the GPU of this machine
  tensorrt-rtx  parsed and built ahead of time without a GPU, as a check

Without --to and --kinds all that serving uses is built: onnx of all kinds, and
int8 of the window graph, which 'ocrnet serve --fast' takes (of random weights
onnx alone). How long it takes is said before it begins: INT8 takes minutes, and
'--to onnx' leaves it out.

INT8 is calibrated, and judged on pictures held back. If it costs too much, the
parts of the network are measured one by one and the worst stay floating;
FILE.int8.json beside the artefact names them.

What is there already, sound and of the same checkpoint, versions and settings,
is left as it is.
What was built is compared with Triton's configurations where those are there
('ocrnet export repository'): status 1 if Triton would refuse one.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    build = parts.add_parser(
        "build",
        help="build graphs, compared with PyTorch, and plans",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = build.add_argument
    add("models", nargs="*", metavar="NAME", help="a model's name or alias")
    add("--all", action="store_true", help="every model of the zoo")
    add(
        "--to", nargs="+", choices=TARGET_NAMES, metavar="TARGET",
        help="one or more of the targets above (default: onnx, and int8 as said above)",
    )  # fmt: skip
    add(
        "--kinds", nargs="+", choices=KINDS, metavar="KIND",
        help="dynamic, window, whole (default: all that the model has)",
    )  # fmt: skip
    add(
        "--checkpoint",
        metavar="FILE",
        help="a .pth or .safetensors instead of the pulled one; 'stand-in' draws deterministic "
        "weights, for trying a model out without a download",
    )
    add(
        "--repository", type=Path, default=Path("model_repository"), metavar="FOLDER",
        help="where to write (default: model_repository)",
    )  # fmt: skip
    add("--force", action="store_true", help="build anew what is there already")
    add(
        "--graph", choices=("optimised", "plain"), default="optimised",
        help="fixed float32 graphs for CPUs: rewritten, with the same logits, or as PyTorch has "
        "them (default: optimised)",
    )  # fmt: skip
    plans = build.add_argument_group("plans (tensorrt, tensorrt-rtx)")
    add = plans.add_argument
    add(
        "--precision", nargs="+", choices=get_args(Precision), default=["float16"],
        metavar="PRECISION",
        help="float32, float16, int8 (default: float16); int8 is float16 where it is not 8 bits",
    )  # fmt: skip
    add(
        "--max-batch", type=positive, default=8, metavar="N",
        help="of window and whole plans: they are fastest for N images and, by an optimisation "
        "profile of its own, for one; 1: only for one, in less memory (default: 8)",
    )  # fmt: skip
    add(
        "--max-size", type=size, default=Size(2048, 2048), metavar="HEIGHTxWIDTH",
        help="of dynamic plans (default: 2048x2048)",
    )  # fmt: skip
    add(
        "--level", type=int, choices=range(6), default=3,
        help="how long TensorRT looks for fast kernels: 0 takes the first, 5 tries all (default: "
        "3)",
    )  # fmt: skip
    add(
        "--workspace", type=positive, default=None, metavar="MIB",
        help="scratch memory that kernels may use (default: all of the GPU's)",
    )  # fmt: skip
    add(
        "--tiling", choices=TILINGS, default="none",
        help="how far to look for kernels that hand tiles of a tensor on in the GPU's L2 cache "
        "instead of its memory; builds take much longer. TensorRT 10.8 or newer (default: none)",
    )  # fmt: skip
    add(
        "--l2-limit", type=positive, default=None, metavar="MIB",
        help="L2 cache that tiling may count on, less where others use the GPU too (default: "
        "TensorRT decides)",
    )  # fmt: skip
    add(
        "--aux-streams", type=at_least(0), default=None, metavar="N",
        help="CUDA streams beside the main one on which branches that do not depend on each other "
        "may run; 0: none, which takes least memory (default: TensorRT decides)",
    )  # fmt: skip
    add(
        "--timing-cache", type=Path, metavar="FILE",
        help="times of kernels, kept between builds on one GPU and TensorRT; a file of another "
        "one is neither used nor changed",
    )  # fmt: skip
    int8 = build.add_argument_group("INT8 (int8, onnx-int8, plans with --precision int8)")
    add = int8.add_argument
    add(
        "--calibration", type=Path, metavar="FOLDER",
        help="pictures like those to be served, with all below (default: drawn street scenes)",
    )  # fmt: skip
    add(
        "--calibration-pictures", type=positive, default=32, metavar="N",
        help="how many to calibrate with; a quarter more are held back (default: 32)",
    )  # fmt: skip
    add(
        "--measure-parts", action="store_true",
        help="measure what each part costs even if none has to fall back (5 times as long)",
    )  # fmt: skip
    build.set_defaults(run=_build)


def _build(arguments: argparse.Namespace) -> int:
    needs_export_extra()
    from export.commands.build_steps import run_steps
    from export.commands.disagreements import report_disagreements
    from export.graphs.source import Source
    from export.tensorrt.api import load_tensorrt
    from export.tensorrt.served_version import other_version_installed

    specs = _specs(arguments)
    settings = _settings(arguments)
    if settings.gpu and (note := other_version_installed(load_tensorrt("tensorrt").__version__)):
        print(note, file=sys.stderr)
    # All of them first: a mistake in the last is not to be found after hours of building.
    checkpoints = [_checkpoint(spec, arguments) for spec in specs]
    kinds = [_kinds(spec, arguments) for spec in specs]
    capability = settings.gpu.compute_capability if settings.gpu else ""
    steps = [
        _steps(file, some, arguments, capability)
        for file, some in zip(checkpoints, kinds, strict=True)
    ]
    if any(step.is_int8 for some in steps for step in some):
        needs_nncf()
        _ = settings.int8.calibration.origin  # reads the folder
    unlike = 0
    for number, (spec, file) in enumerate(zip(specs, checkpoints, strict=True)):
        said = f"[{number + 1}/{len(specs)}]"
        whole = run_steps(
            Source(spec, file), steps[number], settings, force=arguments.force, said=said
        )
        unlike += not whole
        files = {step.target.file for step in steps[number]}  # others are not this run's business
        unlike += report_disagreements(settings.repository, spec, kinds[number], files)
    return 1 if unlike else 0


def _steps(
    checkpoint: str, kinds: list[Kind], arguments: argparse.Namespace, capability: str
) -> "list[Step]":
    from export.checkpoints.loading import RANDOM_WEIGHTS
    from export.commands.build_steps import Step, default_steps

    if not arguments.to and not arguments.kinds and checkpoint != RANDOM_WEIGHTS:
        return default_steps(kinds)
    names = arguments.to or ["onnx"]
    wanted = [each for name in names for each in targets(name, arguments.precision, capability)]
    return [Step(kind, target) for kind in kinds for target in wanted]


def _checkpoint(spec: ModelSpec, arguments: argparse.Namespace) -> str:
    # The demo brings its own weights: --all must not replace the graph that git holds.
    if arguments.checkpoint and not (arguments.all and spec.checkpoint.shipped):
        return str(arguments.checkpoint)
    return checkpoint_of(spec)


def _specs(arguments: argparse.Namespace) -> list[ModelSpec]:
    if arguments.all == bool(arguments.models):
        raise OcrnetError("say either which models, or --all")
    if arguments.all:
        return list(load_zoo().values())
    return [get_spec(name) for name in arguments.models]


def _kinds(spec: ModelSpec, arguments: argparse.Namespace) -> list[Kind]:
    has = kinds_of(spec)
    lacking = set(arguments.kinds or ()) - set(has)
    if lacking and not arguments.all:
        raise OcrnetError(
            f"{spec.name} has no {' or '.join(sorted(lacking))} graph, only {', '.join(has)}"
        )
    return [kind for kind in has if not arguments.kinds or kind in arguments.kinds]


def _settings(arguments: argparse.Namespace) -> "BuildSettings":
    from export.artefacts.settings import BuildSettings, Int8Settings
    from export.int8.calibration import Calibration
    from export.tensorrt.api import find_gpu, load_tensorrt
    from export.tensorrt.plan_builder import BuildOptions

    if arguments.l2_limit and arguments.tiling == "none":
        raise OcrnetError(
            "--l2-limit is the cache that tiling may count on: give '--tiling fast', 'moderate' or "
            "'full' too, or leave it out"
        )
    asked = set(arguments.to or ())
    gpu = find_gpu() if "tensorrt" in asked else None
    for target in asked & {"tensorrt", "tensorrt-rtx"}:
        load_tensorrt(target.replace("-", "_"))  # say at once what is missing
    return BuildSettings(
        repository=arguments.repository,
        plan=BuildOptions(
            level=arguments.level,
            workspace=arguments.workspace or 0,
            timing_cache=arguments.timing_cache,
            tiling=arguments.tiling,
            l2_limit=arguments.l2_limit or 0,
            aux_streams=arguments.aux_streams,
        ),
        max_batch=arguments.max_batch,
        max_size=arguments.max_size,
        gpu=gpu,
        optimised=arguments.graph == "optimised",
        int8=Int8Settings(
            Calibration(arguments.calibration, arguments.calibration_pictures),
            arguments.measure_parts,
        ),
    )
