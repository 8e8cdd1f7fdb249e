"""What only an NVIDIA GPU can show: tests, parity and fps, in one bounded run.

    python -m benchmarks.gpu_acceptance
    python -m benchmarks.gpu_acceptance --minutes 40 --json results.json
    python -m benchmarks.gpu_acceptance --show results.json

The most telling steps come first: versions and device, the tests that need a
GPU (the exporter's, engines', benchmarks'), parity of float32 and float16, then
images a second of PyTorch (eager and CUDA graph; TF32, half weights, float32),
ONNX Runtime and TensorRT for HRNet-W18-Small, then for HRNet-W48, ResNet-101
and HRNet-W18, and torch.compile. All of it takes an estimated 30 to 40 minutes.
A step whose package is missing says what to install; a step that fails, hangs
or crashes does not stop the others. Each result is written to the JSON file as
soon as it is there.

The GPU is the one that CUDA takes: CUDA_VISIBLE_DEVICES chooses it.

Ends with status 0 if all that could run passed, 1 if something failed or
nothing could be run, and 2 on a machine without an NVIDIA GPU.
"""

import argparse
import json
import shutil
import signal
import sys
from pathlib import Path

from benchmarks.acceptance.run_record import RunRecord
from benchmarks.lib.provenance import today
from export.tensorrt.api import Gpu, find_gpu
from ocrnet.errors import ArtefactError


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="gpu_acceptance.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--minutes", type=_minutes, default=10.0, help="of the whole run (default: 10)")
    add("--json", type=Path, metavar="FILE", help="default: FOLDER/results.json")
    add(
        "--folder", type=Path, default=Path("runs/gpu-acceptance"), metavar="FOLDER",
        help="graphs, plans and logs (default: runs/gpu-acceptance)",
    )  # fmt: skip
    add("--note", default="", help="kept with the results")
    add("--look", action="store_true", help="only say which GPU is here")
    add("--show", type=Path, metavar="FILE", help="only print the tables of an earlier run")
    add("--markdown", action="store_true", help="tables as Markdown")
    arguments = parser.parse_args()
    if arguments.show:
        if not arguments.show.is_file():
            parser.error(f"--show {arguments.show}: there is no such file")
        try:
            stored = RunRecord.from_json(json.loads(arguments.show.read_text(encoding="utf-8")))
        except (ValueError, TypeError, KeyError):
            parser.error(f"--show {arguments.show}: it is not a file that this command wrote")
        _say(_tables(stored, arguments.markdown))
        return 0
    try:
        gpu = find_gpu()
    except ArtefactError as error:
        print(f"gpu_acceptance.py: {_no_gpu(error)}", file=sys.stderr)
        return 2
    if arguments.look:
        print(f"{gpu.name}, driver {gpu.driver}")
        return 0
    path = arguments.json or arguments.folder / "results.json"
    try:
        for folder in (arguments.folder, path.parent):
            folder.mkdir(parents=True, exist_ok=True)
        with path.open("a"):  # later would be too late to learn that it cannot be written
            pass
    except OSError as error:
        parser.error(f"{error.filename} cannot be written: {error.strerror}")
    return _run(arguments, gpu, path)


def _run(arguments: argparse.Namespace, gpu: Gpu, path: Path) -> int:
    # After the look for a GPU, which is to be quick and to need nothing.
    from benchmarks.acceptance.step_runner import run_steps, start_clock
    from benchmarks.acceptance.steps import steps
    from benchmarks.speed.device import claimed_device

    clock = start_clock(arguments.minutes)
    record = RunRecord(
        today(), arguments.note, arguments.minutes, gpu.name, claimed_device(gpu.name).peaks
    )
    folder = arguments.folder.resolve()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # steps are ended then, too
    try:
        run_steps(steps(gpu.name, folder), clock, path, record, folder, _say)
    except KeyboardInterrupt:
        print(f"\nstopped; what was measured is in {path}", file=sys.stderr)
        return 130
    _say(_tables(record, arguments.markdown))
    _say(f"\nAll results are in {path}, logs in {folder}.")
    return exit_status(record)


def exit_status(run: RunRecord) -> int:
    """Return 0 if all that could run passed, 1 if something failed or nothing could run."""
    if any(step.status == "failed" for step in run.steps):
        return 1
    told = [step for step in run.steps if step.kind != "facts"]
    return 0 if any(step.status == "passed" for step in told) else 1


def _tables(run: RunRecord, markdown: bool) -> str:
    from benchmarks.acceptance.acceptance_tables import in_words

    return f"\n{in_words(run, markdown=markdown)}"


def _say(text: str) -> None:
    print(text, flush=True)


def _no_gpu(error: ArtefactError) -> str:
    if shutil.which("nvidia-smi"):
        return f"{error}. This run needs a machine with an NVIDIA GPU and its driver"
    if list(Path("/dev").glob("nvidia[0-9]*")):
        return (
            "there is an NVIDIA GPU here but no nvidia-smi: install the driver's utilities; in "
            "containers set NVIDIA_DRIVER_CAPABILITIES=compute,utility"
        )
    return "there is no NVIDIA GPU here (no nvidia-smi): run this on a machine that has one"


def _minutes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of minutes above 0")
    return value


if __name__ == "__main__":
    sys.exit(main())
