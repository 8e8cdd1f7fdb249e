"""What has to be said of a report's figures of mIoU, so that they are not misread."""

from export.evaluation.figures import Figures
from export.evaluation.report import KindReport, Reference
from ocrnet.datasets.miou import KNOWN_MIOU


def notes(kind: KindReport) -> list[str]:
    """Say why no loss of mIoU is judged, or where it is not the difference of the two mIoU."""
    reference = kind.reference
    if reference is None or not reference.iou:
        return []
    if why := why_not_judged(reference):
        return [f"the loss of mIoU is not judged: {why}"]
    found = []
    for artefact in kind.artefacts:
        if artefact.figures and (text := _unlike(artefact.figures, reference)):
            found.append(f"{artefact.file}: {text}")
    return found


def why_not_judged(reference: Reference) -> str:
    """Say why artefacts have no loss of mIoU against this reference; empty if they have one."""
    if not reference.iou:
        return "the pictures have no labels of the model's classes"
    if reference.miou_of_present is None:
        return "no pixel of the label maps has a class"
    if reference.miou_of_present < KNOWN_MIOU:
        return (
            f"PyTorch itself has {100 * reference.miou_of_present:.2f} for the classes in the "
            f"labels, and below {100 * KNOWN_MIOU:.0f} a loss is chance"
        )
    return ""


def _unlike(figures: Figures, reference: Reference) -> str:
    """Why loss and difference of mIoU are not one number; empty if they are, as printed."""
    if figures.miou is None or figures.miou_loss is None or reference.miou is None:
        return ""
    difference = 100 * (reference.miou - figures.miou)
    if abs(difference - figures.miou_loss) < 0.005:
        return ""
    extra = [
        name
        for name, iou in figures.iou.items()
        if name not in reference.present and (iou is not None or reference.iou[name] is not None)
    ]
    return (
        f"the loss of {figures.miou_loss:+.2f} points is of the classes in the labels; mIoU, which "
        f"differs by {difference:+.2f}, also counts what is predicted but in no label map: "
        f"{', '.join(extra)}"
    )
