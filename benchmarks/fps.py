r"""Pictures a second, as mmsegmentation measures them, beside published figures.

    python benchmarks/fps.py --device A100          all models, PyTorch
    python benchmarks/fps.py --device A100 --engine torch tensorrt \
        --precision tf32 float16
    python benchmarks/fps.py --device A100 --model demo \
        --engine torch torch-graph torch-compile
    python benchmarks/fps.py --device cpu --model demo \
        --engine torch openvino onnxruntime
    python benchmarks/fps.py --device cpu --engine http --mode slide \
        --concurrency 4

The protocol is mmsegmentation's: one picture at a time, 5 calls of warm-up, 200
that count, forward with upsampling and argmax, no loading of data, waited for;
Cityscapes at 1024x2048, ADE20K and VOC 2012 at 512x683. On a CPU a model's time
is bounded: after 60 s no call begins any more, and the table says how many
there were. --device is a claim that is checked, against the GPU that CUDA takes
(CUDA_VISIBLE_DEVICES).

tf32 is float32 whose products a GPU's tensor cores round, which PyTorch's
convolutions do unless told otherwise; float32 is without. In float16 PyTorch
has half weights, but for torch-autocast. torch-compile takes minutes for each
model before its first call. Engines ending in -bound, and all of PyTorch's,
have pictures and label maps on the device; others have them in memory.

Models that share an architecture share a run. Published fps stand beside eager
PyTorch alone; other engines and precisions are multiples of it, on the same
work. Without a pulled checkpoint the weights are stand-ins, which are as fast.
A measurement that fails is a row that says why, and the others go on. Results
go into a JSON file, raw samples included; a run that was stopped goes on where
it was.
"""

import argparse
import platform
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

from benchmarks.lib import provenance
from benchmarks.lib.architectures import architectures
from benchmarks.lib.arguments import add_built_graphs, make_parser
from benchmarks.lib.json_files import read_json
from benchmarks.lib.resume import run_missing
from benchmarks.speed.case import (
    ARITHMETICS,
    ENGINES,
    Case,
    CasePrecision,
    Graph,
    check_case,
    published_size,
    usual_precision,
)
from benchmarks.speed.compare import times_baseline
from benchmarks.speed.compute import measured_peak
from benchmarks.speed.device import Device, WrongDevice, claimed_device
from benchmarks.speed.fps_results import FpsRun, Json, Measurement, Settings
from benchmarks.speed.fps_tables import measured_table, no_peak, published_table
from benchmarks.speed.measure import Bench, measure
from benchmarks.speed.places import Places
from ocrnet.commands.arguments import positive, size
from ocrnet.errors import InputError, OcrnetError
from ocrnet.inference.options import Mode
from ocrnet.zoo import ModelSpec, get_spec

_CPU_SECONDS = 60.0
_PACKAGES = (
    "torch", "onnxruntime", "onnxruntime-gpu", "openvino", "tensorrt", "tritonclient", "numpy",
)  # fmt: skip


def main() -> int:
    """Command line; 1 if a measurement failed, 2 for a device or a combination that is not here."""
    parser = _parser()
    arguments = parser.parse_args()
    if arguments.plot and arguments.plot.suffix not in (".png", ".svg"):
        parser.error(f"--plot {arguments.plot}: the name ends in .png or .svg")
    for file in [*arguments.miou, *([arguments.baseline] if arguments.baseline else [])]:
        if not file.is_file():  # found now, not after an hour
            parser.error(f"there is no file {file}")
    try:
        device = claimed_device(arguments.device)
        places = Places(arguments.repository, arguments.threads, arguments.triton, arguments.url)
        cases = _cases(arguments, device, places)
        run = _run(arguments, device, cases, places)
        baseline = None
        if arguments.baseline:
            baseline = times_baseline(run, FpsRun.from_json(read_json(arguments.baseline)))
    except (WrongDevice, InputError) as error:
        print(f"fps.py: {error}", file=sys.stderr)
        return 2
    except OcrnetError as error:
        print(f"fps.py: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nstopped; what is done is in {_file(arguments)}", file=sys.stderr)
        return 130
    _print(run, baseline, arguments.miou)
    if arguments.plot:
        from benchmarks.speed.fps_chart import save_chart  # Matplotlib is for this alone

        save_chart(run, arguments.plot)
    return 1 if any(result.error is not None for result in run.results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = make_parser("fps.py", __doc__)
    what = parser.add_argument_group("what is measured")
    add = what.add_argument
    add("--device", required=True, help="cpu, or the GPU here by name: A100, V100, H100, …")
    add("--model", nargs="+", metavar="NAME", help="default: all, as with --all")
    add("--all", action="store_true", help="every architecture of the zoo")
    add(
        "--engine", nargs="+", choices=ENGINES, default=["torch"], metavar="NAME",
        help=f"{', '.join(ENGINES)} (default: torch)",
    )  # fmt: skip
    add(
        "--precision", nargs="+", choices=ARITHMETICS, metavar="NAME",
        help=f"{', '.join(ARITHMETICS)}; of several, each engine takes those that it has; servers "
        "compute in what they serve (default: as PyTorch, tf32 on GPUs that have it, else float32)",
    )  # fmt: skip
    add(
        "--graph", nargs="+", choices=get_args(Graph),
        help="of engines in float32 or tf32 that run ONNX, at a size that the model has a fixed "
        "graph for: plain, as PyTorch has it, or optimised, which is rewritten for CPUs; others "
        "are plain (default: optimised on a CPU, both on a GPU)",
    )  # fmt: skip
    add("--mode", choices=get_args(Mode), default="whole", help="default: whole, as published")
    add("--size", type=size, metavar="HEIGHTxWIDTH", help="default: the data set's, see above")
    add("--batch", type=positive, default=1, help="pictures of one call (default: 1)")
    add(
        "--concurrency", type=positive, default=1,
        help="calls under way at once, triton and http (default: 1)",
    )  # fmt: skip
    how = parser.add_argument_group("how")
    add = how.add_argument
    add("--warmup", type=positive, default=5, help="calls (default: 5)")
    add("--images", type=positive, default=200, help="calls that count (default: 200)")
    add(
        "--seconds", type=positive, metavar="N",
        help=f"no call begins after so many (default: {_CPU_SECONDS:.0f} on a CPU, else no bound)",
    )  # fmt: skip
    add("--threads", type=int, default=0, help="of engines on a CPU; 0 takes all cores (default)")
    add_built_graphs(how, "runs/fps")
    add("--triton", default="local", metavar="HOST:PORT", help="default: local, started here")
    add("--url", default="", help="of a gateway that runs, for http (default: one is started)")
    out = parser.add_argument_group("results")
    add = out.add_argument
    add("--json", type=Path, metavar="FILE", help="default: runs/fps-DEVICE.json")
    add("--plot", type=Path, metavar="FILE", help="fps against mIoU, .png or .svg")
    add("--miou", type=Path, nargs="+", default=[], metavar="FILE", help="of benchmarks/miou.py")
    add("--baseline", type=Path, metavar="FILE", help="other results, compared if they are alike")
    add("--note", default="", help="kept with the results, such as what else the machine does")
    return parser


def _file(arguments: argparse.Namespace) -> Path:
    given: Path | None = arguments.json
    return given or Path("runs") / f"fps-{arguments.device.lower()}.json"


def _specs(arguments: argparse.Namespace) -> list[ModelSpec]:
    """The first model of each architecture that is asked for."""
    if not arguments.model:
        return [specs[0] for specs in architectures().values()]
    if arguments.all:
        raise InputError("--all and --model exclude each other")
    named = [get_spec(name) for name in arguments.model]
    return list({spec.architecture: spec for spec in reversed(named)}.values())[::-1]


def _cases(arguments: argparse.Namespace, device: Device, places: Places) -> list[Case]:
    """All combinations that there are; raises InputError if an engine is left with none."""
    precisions: list[CasePrecision] = arguments.precision or [usual_precision(device)]
    asked: list[Graph] = arguments.graph or (
        ["optimised"] if device.is_cpu else ["plain", "optimised"]
    )
    cases = []
    for spec in _specs(arguments):
        picture = arguments.size or published_size(spec)
        for engine in arguments.engine:
            fitting, refused = [], None
            served: list[CasePrecision] = ["as served"]
            for precision in served if engine in ("triton", "http") else precisions:
                case = Case(
                    spec.architecture, spec.name, engine, precision, "plain", arguments.mode,
                    arguments.batch, arguments.concurrency, picture.height, picture.width,
                )  # fmt: skip
                try:
                    check_case(case, device, elsewhere=places.elsewhere(engine))
                except InputError as error:
                    refused = error
                    continue
                graphs: list[Graph] = ["plain"]
                if case.can_be_optimised(spec) and not places.elsewhere(engine):
                    graphs = asked
                fitting += [replace(case, graph=graph) for graph in graphs]
            if not fitting and refused:
                raise refused
            cases += fitting
    return cases


def _run(
    arguments: argparse.Namespace, device: Device, cases: list[Case], places: Places
) -> FpsRun:
    seconds = arguments.seconds or (_CPU_SECONDS if device.is_cpu else None)
    settings = Settings(arguments.warmup, arguments.images, seconds, arguments.threads)
    peak = measured_peak() if device.is_cpu else None
    models = {name: [spec.name for spec in specs] for name, specs in architectures().items()}
    run = FpsRun(
        date=provenance.today(),
        note=arguments.note,
        machine=device.machine,
        peaks_gmac_s={"float32": round(peak, 1)} if peak else device.peaks,
        versions={"python": platform.python_version(), **provenance.versions_of(_PACKAGES)},
        settings=settings,
        models=models,
        results=[],
    )
    bench = Bench(device, settings, places)
    path = _file(arguments)
    run_missing(path, run.header(), cases, lambda case: measure(case, bench).to_json(), _say)
    run = FpsRun.from_json(read_json(path))
    order = {name: k for k, name in enumerate(models)}
    run.results.sort(key=lambda result: order[result.case.architecture])
    return run


def _say(result: Json) -> str:
    found = Measurement.from_json(result)
    return (
        f"{found.fps:.3g} fps, {found.p50_ms:.0f} ms (p50) over {found.calls} calls, "
        f"weights: {found.weights}"
    )


def _print(run: FpsRun, baseline: list[float | None] | None, miou: list[Path]) -> None:
    stored = [read_json(file) for file in miou]
    table = measured_table(run.results, run.peaks_gmac_s, baseline)
    print(f"\n{run.machine.device}, {run.date}. {run.note}".rstrip())
    print(f"\n{table.for_terminal()}")
    if missing := no_peak(run):
        print(f"\n{missing}")
    for result in run.results:
        if result.error is not None:
            print(f"\n{result.case} failed: {result.error}")
    of_models = {one["model"]: one["miou"] for one in stored}
    print(f"\n{published_table(run, of_models).for_terminal()}\n")
    measured = [result.measured for result in run.results if result.measured]
    weights = sorted({one.weights for one in measured})
    boundaries = sorted({one.boundary for one in measured})
    print(f"weights: {', '.join(weights)}\ntimed: " + "\n       ".join(boundaries))


if __name__ == "__main__":
    sys.exit(main())
