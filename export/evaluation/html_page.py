"""The report as one HTML file that needs nothing beside it."""

import base64
from pathlib import Path

import simplejpeg
from jinja2 import Environment, PackageLoader, StrictUndefined

from export.evaluation.miou_notes import notes
from export.evaluation.report import VerificationReport
from export.evaluation.text_table import last_word, logit_error, points, worst_class
from export.evaluation.worst_views import View
from ocrnet.formats.masks import palette_png, rgb_png
from ocrnet.zoo import ModelSpec


def write_page(
    report: VerificationReport, views: dict[str, list[View]], spec: ModelSpec, path: Path
) -> None:
    """Write the page; `views` are by artefact, as KIND/FILE."""
    environment = Environment(
        loader=PackageLoader("export.evaluation", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    colours = spec.labels.colours
    legend = [
        (name, "#{:02x}{:02x}{:02x}".format(*colour))
        for name, colour in zip(spec.labels.names, colours.tolist(), strict=True)
    ]
    page = environment.get_template("report.html.j2").render(
        report=report,
        last_word=last_word(report),
        notes=notes,
        logit_error=logit_error,
        worst_class=worst_class,
        points=points,
        legend=legend,
        shown={key: [_shown(view, spec) for view in of_one] for key, of_one in views.items()},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page, encoding="utf-8")


def _shown(view: View, spec: ModelSpec) -> dict[str, object]:
    colours = spec.labels.colours
    masks = {
        "truth": view.truth,
        "PyTorch": view.expected,
        "artefact": view.actual,
    }
    parts = [("picture", _uri("jpeg", simplejpeg.encode_jpeg(view.image, quality=85)))]
    parts += [(name, _uri("png", palette_png(mask, colours))) for name, mask in masks.items()]
    parts.append(("difference", _uri("png", rgb_png(view.difference))))
    return {"name": view.name, "changed": view.changed, "parts": parts}


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
