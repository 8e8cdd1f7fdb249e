"""What a checkpoint says of itself, and where that is not what the zoo says of the model.

Two networks with the same parameter shapes can still compute different things: the order of the
classes, `align_corners`, dilations and the normalisation leave no trace in the weights. mmengine
(mmsegmentation 1.x) and mmcv (0.x) write them into the file's `meta`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from reprlib import repr as shortened
from typing import Any

from export.config_text import parse_config
from ocrnet.zoo import ModelSpec, Size

# Of `ResNetV1c` at output stride 8, as the published configs have them; weights fit others too.
_RESNET_D8 = {
    "strides": [1, 2, 1, 1],
    "dilations": [1, 1, 2, 4],
    "contract_dilation": True,
    "style": "pytorch",
}
_MOST_NAMES = 3


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
        self._config: dict[str, Any] = {}
        self._unreadable = ""
        texts = (meta.get(key) for key in ("cfg", "config"))
        text = next((text for text in texts if isinstance(text, str)), "")
        try:
            self._config = parse_config(text)
        except ValueError as error:
            self._unreadable = str(error)

    @property
    def one_output_channel(self) -> bool:
        """Whether the config says so: mmsegmentation's binary mode."""
        heads = _heads(self._config)
        return any(1 in (head.get("out_channels"), head.get("num_classes")) for head in heads)

    def differences(self, spec: ModelSpec) -> list[Difference]:
        """Compare what the file states with the zoo's facts."""
        config = self._config
        unread = [Difference("config text", self._unreadable, "", told=True)]
        return [
            *(unread if self._unreadable else []),
            *_of_classes(self._meta, config, spec),
            *_of_colours(self._meta, spec),
            *_of_heads(config, spec),
            *_of_backbone(config, spec),
            *_of_crop(config, spec),
            *_of_pixels(config, spec),
            *_of_testing(config, spec),
        ]


def _of_classes(
    meta: Mapping[str, Any], config: Mapping[str, Any], spec: ModelSpec
) -> Iterator[Difference]:
    names = _stated_classes(meta, config)
    if names is None:
        return
    ours = spec.labels.names
    # ADE20K's own list has "bed ", and Cityscapes' files spell some names with capitals.
    if [_plain(name) for name in names] != [_plain(name) for name in ours]:
        yield Difference("classes", _listed(names, ours), _listed(ours, names))


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


def _stated_classes(meta: Mapping[str, Any], config: Mapping[str, Any]) -> list[str] | None:
    data_set = meta.get("dataset_meta")
    places = [data_set if isinstance(data_set, Mapping) else {}, meta]
    places += list(_data_sets(config))
    for place in places:
        for key in ("classes", "CLASSES"):
            names = place.get(key)
            if isinstance(names, list | tuple) and names and _all(str, names):
                return [str(name) for name in names]
    return None


def _data_sets(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the config says of its data sets: `metainfo` (1.x), or `classes` beside the type."""
    waiting = [config.get(key) for key in ("test_dataloader", "val_dataloader", "train_dataloader")]
    data = config.get("data")
    if isinstance(data, Mapping):
        waiting += [data.get(key) for key in ("test", "val", "train")]
    for place in waiting:
        for _ in range(4):  # wrappers such as RepeatDataset
            if not isinstance(place, Mapping):
                break
            if isinstance(place.get("metainfo"), Mapping):
                yield place["metainfo"]
            yield place
            place = place.get("dataset")
    if isinstance(config.get("metainfo"), Mapping):
        yield config["metainfo"]
    yield config


def _of_colours(meta: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    data_set = meta.get("dataset_meta")
    places = [data_set if isinstance(data_set, Mapping) else {}, meta]
    keys = ("palette", "PALETTE")
    palettes = (place.get(key) for place in places for key in keys)
    palette = next((found for found in palettes if isinstance(found, list | tuple)), ())
    if len(palette) != spec.classes:
        return
    for index, (theirs, ours) in enumerate(zip(palette, spec.labels.colours.tolist(), strict=True)):
        if isinstance(theirs, list | tuple) and list(theirs) != ours:
            what = f"colour of class {index}"
            yield Difference(what, shortened(list(theirs)), str(ours), told=True)
            return


def _all(kind: type, values: Any) -> bool:
    return all(isinstance(value, kind) for value in values)


def _model(config: Mapping[str, Any]) -> Mapping[str, Any]:
    model = config.get("model")
    return model if isinstance(model, Mapping) else {}


def _heads(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    heads = _model(config).get("decode_head")
    listed = heads if isinstance(heads, list) else [heads]
    return [head for head in listed if isinstance(head, Mapping)]


def _of_heads(config: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    for index, head in enumerate(_heads(config)):
        where = f"decode_head[{index}]"
        corners = head.get("align_corners")
        if isinstance(corners, bool) and corners != spec.align_corners:
            yield Difference(f"{where}.align_corners", str(corners), str(spec.align_corners))
        for key, ours in (("scale", 1), ("dilation", 1)):
            if key in head and head[key] != ours:
                yield Difference(f"{where}.{key}", shortened(head[key]), str(ours))


def _of_backbone(config: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    backbone = _model(config).get("backbone")
    if not isinstance(backbone, Mapping) or spec.backbone != "r101-d8":
        return
    for key, ours in _RESNET_D8.items():
        if key in backbone and backbone[key] != ours:
            yield Difference(f"backbone.{key}", shortened(backbone[key]), str(ours))


def _of_crop(config: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    found = {
        "crop_size": config.get("crop_size"),
        "data_preprocessor.size": _preprocessor(config).get("size"),
        "RandomCrop.crop_size": next(
            (
                step.get("crop_size")
                for step in _steps(config, "train_pipeline")
                if step.get("type") == "RandomCrop"
            ),
            None,
        ),
        "test_cfg.crop_size": _test_cfg(config).get("crop_size"),
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
    if isinstance(value, list) and len(value) == 2 and _all(int, value):
        return Size(*value)
    return None


def _of_pixels(config: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    steps = _steps(config, "test_pipeline")
    normalise = next((step for step in steps if step.get("type") == "Normalize"), {})
    shared = config.get("img_norm_cfg")
    places = [_preprocessor(config), shared if isinstance(shared, Mapping) else {}, normalise]
    for key, ours in (("mean", list(spec.mean)), ("std", list(spec.std))):
        found = next((place[key] for place in places if key in place), None)
        if isinstance(found, list) and found != ours:
            yield Difference(key, shortened(found), shortened(ours))
    for place, key in zip(places, ("bgr_to_rgb", "to_rgb", "to_rgb"), strict=True):
        if place.get(key) is False:
            yield Difference("order of channels", f"BGR ({key}=False)", "RGB")
            return


def _of_testing(config: Mapping[str, Any], spec: ModelSpec) -> Iterator[Difference]:
    limits = spec.test_resize
    for step in _steps(config, "test_pipeline"):
        scale = step.get("scale", step.get("img_scale"))
        if isinstance(scale, list) and len(scale) == 2 and _all(int, scale):
            if (max(scale), min(scale)) != (limits.long, limits.short):
                ours = f"{limits.long}x{limits.short}"
                theirs = f"{max(scale)}x{min(scale)}"
                yield Difference("resize of the test pipeline", theirs, ours, told=True)
            return


def _preprocessor(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for place in (_model(config), config):
        found = place.get("data_preprocessor")
        if isinstance(found, Mapping):
            return found
    return {}


def _test_cfg(config: Mapping[str, Any]) -> Mapping[str, Any]:
    found = _model(config).get("test_cfg")
    return found if isinstance(found, Mapping) else {}


def _steps(config: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    """The steps of a pipeline; those inside of `MultiScaleFlipAug` follow it."""
    pipeline = config.get(name)
    found = []
    for step in pipeline if isinstance(pipeline, list) else []:
        if isinstance(step, Mapping):
            found.append(step)
            inner = step.get("transforms")
            found += (
                [one for one in inner if isinstance(one, Mapping)]
                if isinstance(inner, list)
                else []
            )
    return found
