"""`ocrnet export repository`."""

import argparse
import re
import sys
from pathlib import Path

from export.artefacts.targets import kinds_of
from export.commands.requirements import needs_export_extra
from export.tensorrt.served_version import SERVED_TRITON
from ocrnet.commands.arguments import positive
from ocrnet.zoo import get_spec

_DESCRIPTION = """\
Write Triton's configurations of models: NAME_dynamic, NAME_window and, for
Cityscapes, NAME_whole. Of each there is one for every way to run it; Triton
takes configs/X.pbtxt with --model-config-name=X, and config.pbtxt without:

  config.pbtxt               float16 plans, by the GPU's compute capability
  configs/plan-float32.pbtxt float32 plans
  configs/plan-int8.pbtxt    INT8 plans, float16 between their INT8 layers
  configs/onnx.pbtxt         float16 ONNX on a GPU
  configs/onnx-int8.pbtxt    INT8 ONNX on a GPU, by the TensorRT inside of ONNX
                             Runtime, which builds its engines at the start
  configs/cpu.pbtxt          float32 ONNX on the CPU

What they serve is built by 'ocrnet export build NAME --to tensorrt [--precision
float32 | int8]', '--to onnx-fp16', '--to onnx-int8' and '--to onnx'. What is
there already is compared with them as Triton does it: names, types and each
dimension of inputs and outputs; of plans, by their manifests, also batches and
sizes, the GPU and the version of TensorRT. Status 1 if anything differs.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    repository = parts.add_parser(
        "repository",
        help="write Triton's configurations",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = repository.add_argument
    add("models", nargs="+", metavar="NAME", help="a model's name or alias")
    add(
        "--repository", type=Path, default=Path("model_repository"), metavar="FOLDER",
        help="where to write (default: model_repository)",
    )  # fmt: skip
    add("--check", action="store_true", help="write nothing; status 1 if something would change")
    add(
        "--tensorrt", type=_version, default=SERVED_TRITON.tensorrt, metavar="VERSION",
        help="the TensorRT of the Triton that serves, which loads no other's plans (default: "
        f"{SERVED_TRITON.tensorrt}, in Triton {SERVED_TRITON.tag})",
    )  # fmt: skip
    serving = repository.add_argument_group("serving")
    add = serving.add_argument
    add(
        "--max-batch", type=positive, default=8,
        help="of window and whole graphs, as their plans were built (default: 8)",
    )  # fmt: skip
    add(
        "--queue-delay", type=_not_negative, default=2000, metavar="MICROSECONDS",
        help="that a window waits for others to form a batch with (default: 2000)",
    )  # fmt: skip
    add(
        "--queue-size", type=positive, default=128, metavar="N",
        help="requests that may wait for a graph; beyond, they are refused (default: 128)",
    )  # fmt: skip
    add(
        "--queue-timeout", type=positive, default=300, metavar="SECONDS",
        help="that one may wait, unless its client allows less (default: 300)",
    )  # fmt: skip
    add(
        "--instances", type=positive, default=2, metavar="N",
        help="of a window graph on each GPU: one copies while the other computes (default: 2)",
    )  # fmt: skip
    repository.set_defaults(run=_repository)


def _not_negative(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\d+){1,3}", text):
        raise argparse.ArgumentTypeError("must be two to four numbers, such as 11.1.0")
    return text


def _repository(arguments: argparse.Namespace) -> int:
    needs_export_extra()
    from export.commands.disagreements import report_disagreements, report_plan_versions
    from export.triton.config_files import loadable_kinds, stale_configs, write_configs
    from export.triton.models import Serving

    serving = Serving(
        max_batch=arguments.max_batch,
        queue_delay=arguments.queue_delay,
        queue_size=arguments.queue_size,
        queue_timeout=arguments.queue_timeout,
        instances=arguments.instances,
    )
    wrong = 0
    for spec in [get_spec(name) for name in arguments.models]:
        if arguments.check:
            for path in stale_configs(spec, arguments.repository, serving):
                print(f"{path} is not what 'ocrnet export repository' writes", file=sys.stderr)
                wrong += 1
        else:
            changed = write_configs(spec, arguments.repository, serving)
            print(f"{spec.name}: {len(changed)} configurations written, the others are up to date")
            for path in changed:
                print(f"    {path}")
            print("  artefacts that each loads (Triton does not start with a model without one):")
            for place, loadable in loadable_kinds(spec, arguments.repository).items():
                print(f"    {place:27} {', '.join(loadable) or 'none'}")
        kinds = kinds_of(spec)
        wrong += report_disagreements(arguments.repository, spec, kinds)
        wrong += report_plan_versions(arguments.repository, spec, kinds, arguments.tensorrt)
    return 1 if wrong else 0
