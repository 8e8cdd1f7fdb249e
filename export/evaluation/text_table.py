"""The report as a table on a terminal."""

from tabulate import tabulate

from export.evaluation.figures import Figures, finite
from export.evaluation.miou_notes import notes
from export.evaluation.report import KindReport, VerificationReport, Verified

_HEAD = ("artefact", "logit error", "labels", "mIoU", "loss", "worst class", "ms", "speed", "")
_ALIGNED = ["left" if name in ("artefact", "worst class", "") else "right" for name in _HEAD]


def as_table(report: VerificationReport) -> str:
    """Lines of text: a table per kind of graph, the reasons of what did not pass, a last word."""
    lines = [
        f"{report.model}, checkpoint {report.checkpoint}, on {report.pictures}",
        f"{report.machine}; " + ", ".join(f"{n} {v}" for n, v in report.versions.items()),
    ]
    for kind in report.kinds:
        lines += ["", *_kind(kind)]
    lines += ["", last_word(report)]
    return "\n".join(lines)


def last_word(report: VerificationReport) -> str:
    """Return one sentence with the count of each verdict."""
    counts = {
        "passed": report.count("pass"),
        "failed": report.count("fail"),
        "not run": report.count("not run"),
    }
    parts = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
    return f"{'PASS' if report.passed else 'FAIL'}: {parts}"


def _kind(kind: KindReport) -> list[str]:
    size = f" ({kind.size})" if kind.size else ""
    rows = []
    if kind.reference:
        reference = kind.reference
        rows.append(
            [
                "PyTorch",
                "",
                "",
                _miou(reference.miou),
                "",
                "",
                _ms(reference.latency_ms),
                "1.00×",
                "",
            ]
        )
    rows += [_row(artefact) for artefact in kind.artefacts]
    # Cells are text already: what looks like a number is not to be written anew.
    table = tabulate(rows, _HEAD, tablefmt="plain", disable_numparse=True, colalign=_ALIGNED)
    lines = [f"{kind.kind}{size}", *(f"  {line}" for line in table.splitlines())]
    for artefact in kind.artefacts:
        lines += [f"  {artefact.file}: {reason}" for reason in artefact.reasons]
    return lines + [f"  note: {text}" for text in notes(kind)]


def _row(artefact: Verified) -> list[str]:
    figures = artefact.figures
    if figures is None:
        return [artefact.file, *[""] * 7, artefact.verdict.upper()]
    return [
        artefact.file,
        logit_error(figures),
        f"{figures.changed_labels:.3%}",
        _miou(figures.miou),
        "" if figures.miou_loss is None else points(figures.miou_loss),
        worst_class(figures),
        _ms(figures.latency_ms),
        "" if figures.speedup is None else f"{figures.speedup:.2f}×",
        artefact.verdict.upper(),
    ]


def logit_error(figures: Figures) -> str:
    """As text."""
    error = finite(figures.logit_error)
    return "not finite" if error is None else f"{error:.1e}"


def worst_class(figures: Figures) -> str:
    """As text: the class and its loss in points; empty if none loses a hundredth of one."""
    if figures.worst_class is None or figures.worst_class[1] < 0.005:
        return ""
    name, loss = figures.worst_class
    return f"{name} {points(loss)}"


def points(loss: float) -> str:
    """As text with its sign; what rounds to nothing has none."""
    return f"{loss:+.2f}" if abs(loss) >= 0.005 else "0.00"


def _miou(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"


def _ms(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
