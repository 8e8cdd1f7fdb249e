"""`ocrnet export verify`."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from export.artefacts.targets import kinds_of
from export.commands.requirements import checkpoint_of, needs_export_extra
from ocrnet.artefacts import KINDS, Format
from ocrnet.commands.arguments import finite, positive, size
from ocrnet.datasets import Example, open_dataset
from ocrnet.errors import OcrnetError
from ocrnet.zoo import ModelSpec, Size, get_spec

if TYPE_CHECKING:
    from export.evaluation.labelled_images import LabelledImages

_DESCRIPTION = """\
Run PyTorch and every artefact of a model over the same pictures, and judge
each artefact by the gate of its precision. Pictures are drawn street scenes,
or those of a data set:

  --data FOLDER   Cityscapes (leftImg8bit, gtFine), ADE20K (images, annotations)
                  or VOC 2012 (JPEGImages, SegmentationClass), by the model's
                  own data set

Drawn scenes have Cityscapes classes; models of other data sets are judged by
their labels against PyTorch's alone. Gates, where nothing else is said:

             logit error   labels changed   mIoU loss
  float32    0.0001        0.01 %           0.01 points
  float16    0.03          0.1 %            0.1 points
  int8       -             3 %              0.5 points

mIoU is shown as mmsegmentation defines it. The loss is that of the mean IoU
over the classes that the label maps hold, so one pixel of another class does
not count as a class lost. It is not judged where PyTorch's own mean is below
0.2; with --max-loss that is a failure. 'export build' judges INT8 graphs by
the same loss.

With stand-in weights, whose logits lie close together, 0.5 % of the labels may
change in float16 and 5 % in int8. Ends with status 1 if an artefact fails, or
none could be run.
"""


def register(parts: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand."""
    verify = parts.add_parser(
        "verify",
        help="judge artefacts against PyTorch: logits, labels, mIoU, latency",
        description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = verify.add_argument
    add("model", metavar="NAME", help="a model's name or alias")
    add(
        "--checkpoint", metavar="FILE",
        help="the artefacts' checkpoint: a file or 'stand-in' (default: what 'pull' fetched)",
    )  # fmt: skip
    add(
        "--kinds", nargs="+", choices=KINDS, metavar="KIND",
        help="dynamic, window, whole (default: all in the repository)",
    )  # fmt: skip
    add(
        "--formats", nargs="+", choices=get_args(Format), default=[], metavar="FORMAT",
        help="onnx, openvino, tensorrt, tensorrt_rtx: only these, and one that cannot be run on "
        "this machine fails",
    )  # fmt: skip
    add(
        "--repository", type=Path, default=Path("model_repository"), metavar="FOLDER",
        help="where the artefacts are (default: model_repository)",
    )  # fmt: skip
    pictures = verify.add_argument_group("pictures")
    add = pictures.add_argument
    add("--scenes", type=positive, default=20, help="how many drawn scenes (default: 20)")
    add("--seed", type=int, default=0, help="the first scene (default: 0)")
    add(
        "--size", type=size, default=Size(512, 1024), metavar="HEIGHTxWIDTH",
        help="of scenes for dynamic graphs (default: 512x1024)",
    )  # fmt: skip
    add("--data", type=Path, metavar="FOLDER", help="a data set instead")
    add("--split", default="val", help="of the data set (default: val)")
    add("--limit", type=positive, metavar="N", help="only its first N pictures")
    gate = verify.add_argument_group("gate")
    add = gate.add_argument
    add("--max-changed", type=finite, metavar="PERCENT", help="of labels that may change")
    add("--max-loss", type=finite, metavar="POINTS", help="of mIoU that may be lost")
    report = verify.add_argument_group("report")
    add = report.add_argument
    add("--json", type=Path, metavar="FILE", help="all figures")
    add("--html", type=Path, metavar="FILE", help="all figures and pictures, in one file")
    verify.set_defaults(run=_verify)


def _verify(arguments: argparse.Namespace) -> int:
    needs_export_extra()
    from export.evaluation.text_table import as_table
    from export.evaluation.verification import Asked, verify
    from export.graphs.source import Source

    spec = get_spec(arguments.model)
    source = Source(spec, arguments.checkpoint or checkpoint_of(spec))
    changed = arguments.max_changed
    asked = Asked(
        repository=arguments.repository,
        kinds=[kind for kind in kinds_of(spec) if not arguments.kinds or kind in arguments.kinds],
        formats=arguments.formats,
        changed_labels=None if changed is None else changed / 100,
        miou_loss=arguments.max_loss,
    )
    report, views = verify(source, asked, _pictures(arguments, spec), _progress)
    print(as_table(report))
    if arguments.json:
        report.write_json(arguments.json)
    if arguments.html:
        from export.evaluation.html_page import write_page

        write_page(report, views, spec, arguments.html)
    return 0 if report.passed else 1


def _pictures(arguments: argparse.Namespace, spec: ModelSpec) -> "LabelledImages":
    from export.evaluation.labelled_images import DatasetImages, SceneImages

    if arguments.data:
        data = open_dataset(spec.dataset, arguments.data, arguments.split, arguments.limit)
        return DatasetImages(data, arguments.split)
    if arguments.seed < 0:
        raise OcrnetError("--seed: scenes are numbered from 0 on")
    return SceneImages(spec, arguments.seed, arguments.scenes, arguments.size)


def _progress(examples: Iterable[Example], what: str, total: int) -> Iterable[Example]:
    from tqdm import tqdm

    return tqdm(examples, desc=what, total=total, unit="picture", disable=not sys.stderr.isatty())
