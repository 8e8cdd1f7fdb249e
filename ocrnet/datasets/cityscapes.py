"""The folders of Cityscapes, which `ocrnet scenes --layout cityscapes` writes too."""

from pathlib import Path

from ocrnet.datasets.label_map import LabelValues, index_values, label_values
from ocrnet.datasets.miou import IGNORE
from ocrnet.datasets.pairs import Pair, find_files, labels_of, some_pictures
from ocrnet.zoo import load_labels

_PICTURE, _TRAIN_IDS, _IDS = (
    "_leftImg8bit.png",
    "_gtFine_labelTrainIds.png",
    "_gtFine_labelIds.png",
)
_LAST_ID = 33
_LAYOUT = (
    f"Cityscapes has leftImg8bit/SPLIT/CITY/NAME{_PICTURE} and gtFine/SPLIT/CITY/NAME{_TRAIN_IDS} "
    f"or NAME{_IDS}, with the splits train, val and test"
)


def cityscapes_pairs(folder: Path, split: str, limit: int | None) -> list[Pair]:
    """Pair the pictures of a split with their labelTrainIds, or with labelIds where these miss.

    A name is CITY/NAME. Raises InputError.
    """
    pictures = folder / "leftImg8bit" / split
    truth = folder / "gtFine" / split
    train_ids, ids = index_values(len(load_labels("cityscapes").names)), _id_values()
    found = some_pictures(
        find_files(pictures, f"*/*{_PICTURE}"), pictures / "*" / f"*{_PICTURE}", _LAYOUT
    )
    pairs = []
    for picture in found[:limit]:
        name = picture.relative_to(pictures).as_posix().removesuffix(_PICTURE)
        labels = labels_of(picture, truth / f"{name}{_TRAIN_IDS}", truth / f"{name}{_IDS}")
        values = train_ids if labels.name.endswith(_TRAIN_IDS) else ids
        pairs.append(Pair(name, picture, labels, values))
    return pairs


def _id_values() -> LabelValues:
    """The data set's own numbers; those that are not evaluated are ignored.

    A licence plate has -1, which is 255 in a file.
    """
    evaluated = load_labels("cityscapes").label_ids
    assert evaluated is not None
    meanings = dict.fromkeys(range(_LAST_ID + 1), IGNORE)
    meanings.update({int(number): index for index, number in enumerate(evaluated)})
    return label_values(meanings, f"labelIds, 0 to {_LAST_ID} and {IGNORE}")
