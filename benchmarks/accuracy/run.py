"""Label the pictures one after another, count, and keep what is counted."""

from tqdm import tqdm

from benchmarks.accuracy.labellers import Labeller
from benchmarks.accuracy.miou_arguments import Asked
from benchmarks.accuracy.state import Progress, StateFile
from benchmarks.accuracy.submission import write_prediction
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.errors import BadEngineOutput

_SAVE_EVERY = 5  # pictures


def score(
    asked: Asked, labeller: Labeller, progress: Progress, state: StateFile | None
) -> ConfusionMatrix:
    """Count the pictures after `progress`, and return the counts of all.

    However it ends, the state then holds what was counted. A prediction is written before its
    picture is counted, so that none is missing where a run goes on.

    Raises OcrnetError, OSError.
    """
    classes, dataset = asked.spec.classes, asked.spec.dataset
    total = asked.pictures.count
    try:
        with tqdm(total=total, initial=progress.done, unit="picture", disable=None) as bar:
            for example in asked.pictures.after(progress.done):
                labels = labeller.label(example.image)
                one = ConfusionMatrix(classes)
                try:
                    one.add(example.labels, labels)
                except ValueError as error:
                    raise BadEngineOutput(f"{example.name}: {error}") from error
                if asked.predictions:
                    write_prediction(asked.predictions, example.name, labels, dataset)
                progress = progress.plus(one.counts)
                bar.update()
                if state and progress.done % _SAVE_EVERY == 0:
                    state.save(progress)
    finally:
        if state:
            state.save(progress)
    matrix = ConfusionMatrix(classes)
    matrix.counts += progress.counts
    return matrix
