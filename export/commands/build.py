"""`ocrnet export build`."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from export.artefacts.targets import TARGET_NAMES, Target, kinds_of, targets
from export.commands.requirements import checkpoint_of, needs_export_extra, needs_nncf
from ocrnet.artefacts import KINDS, TILINGS, Int8Facts, Kind, Precision
from ocrnet.commands.arguments import at_least, positive, size
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec, Size, get_spec, load_zoo

if TYPE_CHECKING:
    from export.artefacts.settings import BuildSettings
    from export.graphs.source import Source

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
        "--to", nargs="+", choices=TARGET_NAMES, default=["onnx"], metavar="TARGET",
        help="one or more of the targets above (default: onnx)",
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
    from export.commands.disagreements import report_disagreements
    from export.graphs.source import Source
    from export.tensorrt.api import load_tensorrt
    from export.tensorrt.served_version import other_version_installed
    from export.triton.config_files import name_weights

    specs = _specs(arguments)
    settings = _settings(arguments)
    if settings.gpu and (note := other_version_installed(load_tensorrt("tensorrt").__version__)):
        print(note, file=sys.stderr)
    capability = settings.gpu.compute_capability if settings.gpu else ""
    wanted = [
        target for name in arguments.to for target in targets(name, arguments.precision, capability)
    ]
    if any(target.precision == "int8" for target in wanted):
        needs_nncf()
        _ = settings.int8.calibration.origin  # reads the folder
    # All of them first: a mistake in the last is not to be found after hours of building.
    jobs = [(spec, _checkpoint(spec, arguments), _kinds(spec, arguments)) for spec in specs]
    unlike = 0
    for number, (spec, checkpoint, kinds) in enumerate(jobs, 1):
        source = Source(spec, checkpoint)
        for kind in kinds:
            for target in wanted:
                # On lines of their own: a plan's progress bars come between.
                print(f"[{number}/{len(specs)}] {spec.name} {kind} {target}", flush=True)
                done = _build_one(source, kind, target, settings, arguments.force)
                print(f"    {done}", flush=True)
                for sentence in name_weights(spec, settings.repository, kind):
                    print(f"    {sentence}", flush=True)
        files = {target.file for target in wanted}  # others are not this run's business
        unlike += report_disagreements(settings.repository, spec, kinds, files)
    return 1 if unlike else 0


def _checkpoint(spec: ModelSpec, arguments: argparse.Namespace) -> str:
    # The demo brings its own weights: --all must not replace the graph that git holds.
    if arguments.checkpoint and not (arguments.all and spec.checkpoint.shipped):
        return str(arguments.checkpoint)
    return checkpoint_of(spec)


def _build_one(
    source: "Source", kind: Kind, target: Target, settings: "BuildSettings", force: bool
) -> str:
    from export.artefacts.build_artefact import build_artefact, is_current

    if not force and is_current(source, kind, target, settings):
        return "there already"
    started = time.monotonic()
    manifest = build_artefact(source, kind, target, settings)
    parts = [f"{time.monotonic() - started:.0f} s"]
    if manifest.parity:
        parts.insert(0, f"off by {max(manifest.parity.values()):.1e} of the largest logit")
    if manifest.build.plan:
        parts.insert(0, f"{manifest.build.plan.layers} layers")
    if manifest.build.int8:
        parts.insert(0, _in_words(manifest.build.int8))
    return ", ".join(parts)


def _in_words(int8: Int8Facts) -> str:
    loss = int8.miou_loss
    lost = ", mIoU not judged" if loss is None else f", {loss:+.2f} points of mIoU lost"
    kept = " and ".join(int8.kept_in_float) or "nothing"
    return f"{int8.changed_labels:.2%} of the labels changed{lost}, {kept} floating"


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
    gpu = find_gpu() if "tensorrt" in arguments.to else None
    for target in set(arguments.to) & {"tensorrt", "tensorrt-rtx"}:
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
