"""What a checkpoint says of itself, and where that is not what the zoo says of the model.

Two networks with the same parameter shapes can still compute different things: the order of the
classes, `align_corners`, dilations and the normalisation leave no trace in the weights. mmengine
(mmsegmentation 1.x) and mmcv (0.x) write them into the file's `meta`. Where a config leaves a fact
out, mmsegmentation's default holds.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any

from export.checkpoints.config_places import (
    Config,
    data_sets,
    heads,
    is_called,
    model,
    preprocessor,
    steps,
)
from export.checkpoints.config_text import Unread, parse_config
from ocrnet.zoo import ModelSpec, Size

# Of `ResNetV1c`: the published configs at output stride 8, and mmsegmentation's defaults.
_RESNET_D8 = {
    "strides": ([1, 2, 1, 1], [1, 2, 2, 2]),
    "dilations": ([1, 1, 2, 4], [1, 1, 1, 1]),
    "contract_dilation": (True, False),
    "style": ("pytorch", "pytorch"),
    "multi_grid": (None, None),
}
_EPS = 1e-5
_MOST_NAMES, _MOST_CHARACTERS = 3, 100


@dataclass(frozen=True)
class Difference:
    """One fact; told: whether it leaves the labels as they are, so that telling is enough."""

    what: str
    in_file: str
    in_zoo: str
    told: bool = False

    def __str__(self) -> str:
        zoo = f", {self.in_zoo} in the zoo" if self.in_zoo else ""
        return f"{self.what}: {self.in_file} in the file{zoo}"


class CheckpointFacts:
    """A checkpoint's `meta`, with its config text read as data."""

    def __init__(self, meta: Mapping[str, Any]):
        """meta: as the file has it; empty for a file without one."""
        self._meta = meta
        self._config: Config = {}
        self.unreadable = ""
        """Why the config text could not be read; empty if it was, or if there is none."""
        stated = next((meta[key] for key in ("cfg", "config") if meta.get(key)), "")
        if isinstance(stated, Mapping):
            self._config = stated
        elif isinstance(stated, str):
            try:
                self._config = parse_config(stated)
            except ValueError as error:
                self.unreadable = str(error)
        else:
            self.unreadable = f"it is of type {type(stated).__name__}"

    @property
    def one_output_channel(self) -> bool:
        """Whether the config says so: mmsegmentation's binary mode."""
        found = heads(self._config)
        return any(1 in (head.get("out_channels"), head.get("num_classes")) for head in found)

    def differences(self, spec: ModelSpec) -> list[Difference]:
        """Compare what the file states with the zoo's facts."""
        config = self._config
        return [
            *_of_classes(self._meta, config, spec),
            *_of_colours(self._meta, spec),
            *_of_heads(config, spec),
            *_of_backbone(config, spec),
            *_of_crop(config, spec),
            *_of_pixels(config, spec),
            *_of_testing(config, spec),
        ]


def _of_classes(meta: Mapping[str, Any], config: Config, spec: ModelSpec) -> Iterator[Difference]:
    stated = _stated_classes(meta, config)
    if stated is None:
        return
    ours = spec.labels.names
    if not isinstance(stated, list | tuple) or not _all(str, stated):
        yield Difference("class names", "written in a way that cannot be read", "", told=True)
    # ADE20K's own list has "bed ", and Cityscapes' files spell some names with capitals.
    elif [_plain(name) for name in stated] != [_plain(name) for name in ours]:
        yield Difference("classes", _listed(stated, ours), _listed(ours, stated))


def _plain(name: str) -> str:
    return name.strip().casefold()


def _listed(names: Any, others: Any) -> str:
    """How many there are, and the first of those that differ, with their indices."""
    differing = [
        f"{index} {shortened(name)}"
        for index, name in enumerate(names)
        if index >= len(others) or _plain(name) != _plain(others[index])
    ]
    shown = ", ".join(differing[:_MOST_NAMES]) + (", …" if len(differing) > _MOST_NAMES else "")
    return f"{len(names)} classes" + (f" ({shown})" if shown else "")


def _stated_classes(meta: Mapping[str, Any], config: Config) -> object:
    """The class names as the file has them, whatever their type; None if it has none.

    mmengine fills `dataset_meta`, mmcv `CLASSES`; else a data set's `metainfo` or `classes`.
    """
    sets = list(data_sets(config, "test", "val", "train"))
    of_sets = [place for one in (*sets, config) for place in (one.get("metainfo"), one)]
    for place in (meta.get("dataset_meta"), meta, *of_sets):
        for key in ("classes", "CLASSES"):
            found: object = place.get(key) if isinstance(place, Mapping) else None
            # A text is the name of a file with the names, which did not travel.
            if not isinstance(found, str | Unread | None) and found not in ((), []):
                return found
    return None


def _of_colours(meta: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    places = [place for place in (meta.get("dataset_meta"), meta) if isinstance(place, Mapping)]
    palettes = (place.get(key) for place in places for key in ("palette", "PALETTE"))
    palette = next((found for found in palettes if isinstance(found, list | tuple)), ())
    if len(palette) != spec.classes:
        return
    for index, (theirs, ours) in enumerate(zip(palette, spec.labels.colours.tolist(), strict=True)):
        if isinstance(theirs, list | tuple) and _all(int, theirs) and list(theirs) != ours:
            yield Difference(f"colour of class {index}", _shown(list(theirs)), str(ours), told=True)
            return


def _all(kind: type | tuple[type, ...], values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _shown(value: object) -> str:
    return shortened(value)[:_MOST_CHARACTERS]


def _of_heads(config: Config, spec: ModelSpec) -> Iterator[Difference]:
    resnet = spec.backbone == "r101-d8"
    for index, head in enumerate(heads(config)):
        # Where the last two are not stated, the shapes of the weights have said enough.
        transform = None if resnet else "resize_concat"
        branches = 2 + index if resnet else [0, 1, 2, 3]
        expected: dict[str, tuple[object, object]] = {
            "align_corners": (spec.align_corners, False),
            "scale": (1, 1),
            "dilation": (1, 1),
            "input_transform": (transform, transform),
            "in_index": (branches, branches),
        }
        yield from _of_keys(f"decode_head[{index}]", head, expected)
        yield from _of_layers(f"decode_head[{index}]", head)


def _of_backbone(config: Config, spec: ModelSpec) -> Iterator[Difference]:
    backbone = model(config).get("backbone")
    if not isinstance(backbone, Mapping):
        return
    if spec.backbone == "r101-d8":
        yield from _of_keys("backbone", backbone, _RESNET_D8)
    yield from _of_layers("backbone", backbone)


def _of_keys(
    where: str, place: Config, expected: Mapping[str, tuple[object, object]]
) -> Iterator[Difference]:
    """expected: by key, the zoo's value and mmsegmentation's default."""
    for key, (ours, default) in expected.items():
        found = place.get(key, default)
        if found != ours and not isinstance(found, Unread):
            yield Difference(f"{where}.{key}", _shown(found), str(ours))


def _of_layers(where: str, place: Config) -> Iterator[Difference]:
    for key, inner, ours in (("norm_cfg", "eps", _EPS), ("act_cfg", "type", "ReLU")):
        layer = place.get(key)
        found = layer.get(inner, ours) if isinstance(layer, Mapping) else ours
        if found != ours and not isinstance(found, Unread):
            yield Difference(f"{where}.{key}.{inner}", _shown(found), str(ours))


def _of_crop(config: Config, spec: ModelSpec) -> Iterator[Difference]:
    test_cfg = model(config).get("test_cfg")
    crops = [one for one in steps(config, "train") if is_called(one, "RandomCrop")]
    found = {
        "crop_size": config.get("crop_size"),
        "data_preprocessor.size": preprocessor(config).get("size"),
        "RandomCrop.crop_size": crops[0].get("crop_size") if crops else None,
        "test_cfg.crop_size": test_cfg.get("crop_size") if isinstance(test_cfg, Mapping) else None,
    }
    for what, value in found.items():
        size = _size(value)
        if size is not None and size != spec.crop:
            yield Difference(f"crop ({what})", str(size), str(spec.crop))
            return  # the same fact, stated several times


def _size(value: object) -> Size | None:
    """(height, width) or one number for both, as mmsegmentation writes a crop."""
    if isinstance(value, int) and not isinstance(value, bool):
        return Size(value, value)
    if isinstance(value, list | tuple) and len(value) == 2 and _all(int, value):
        return Size(*value)
    return None


def _of_pixels(config: Config, spec: ModelSpec) -> Iterator[Difference]:
    # 1.x normalises in the preprocessor; 0.x in the pipeline, which `img_norm_cfg` was put into.
    place, swap, default = preprocessor(config), "bgr_to_rgb", False
    if not place:
        swap, default = "to_rgb", True
        steps_of_test = (one for one in steps(config, "test") if is_called(one, "Normalize"))
        shared = config.get("img_norm_cfg")
        place = next(steps_of_test, shared if isinstance(shared, Mapping) else {})
    if not place:
        return
    for key, ours in (("mean", spec.mean), ("std", spec.std)):
        found = place.get(key)
        if not isinstance(found, Unread) and not _close(found, ours):
            yield Difference(key, _shown(found), str(list(ours)))
    if place.get(swap, default) is not True and not isinstance(place.get(swap), Unread):
        yield Difference("order of channels", f"BGR ({swap}={_shown(place.get(swap))})", "RGB")
    padding = place.get("test_cfg")
    if isinstance(padding, Mapping) and (padding.get("size_divisor") or padding.get("size")):
        yield Difference("padding at test time", _shown(dict(padding)), "none", told=True)


def _close(found: object, ours: tuple[float, ...]) -> bool:
    """Up to rounding: configs compute 0.224 * 255."""
    return (
        isinstance(found, list | tuple)
        and len(found) == len(ours)
        and _all((int, float), found)
        and all(math.isclose(a, b, rel_tol=1e-6) for a, b in zip(found, ours, strict=True))
    )


def _of_testing(config: Config, spec: ModelSpec) -> Iterator[Difference]:
    limits = spec.test_resize
    for step in steps(config, "test"):
        scale = step.get("scale", step.get("img_scale"))
        if isinstance(scale, list | tuple) and len(scale) == 2 and _all(int, scale):
            if (max(scale), min(scale)) != (limits.long, limits.short):
                ours = f"{limits.long}x{limits.short}"
                theirs = f"{max(scale)}x{min(scale)}"
                yield Difference("resize of the test pipeline", theirs, ours, told=True)
            return
