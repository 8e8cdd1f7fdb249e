"""Where mmsegmentation's configs keep their facts, for configs of 0.x and 1.x alike."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

Config = Mapping[str, Any]
Split = Literal["test", "val", "train"]
_DEEPEST = 8  # wrappers around a data set, such as RepeatDataset
_MOST_HEADS = 4


def as_mapping(value: object) -> Config:
    """The value if it is a dictionary, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def model(config: Config) -> Config:
    """The network."""
    return as_mapping(config.get("model"))


def heads(config: Config) -> list[Config]:
    """The decode heads in their order: one, or those of a cascade."""
    found = model(config).get("decode_head")
    listed = found if isinstance(found, list) else [found]
    return [head for head in listed[:_MOST_HEADS] if isinstance(head, Mapping)]


def preprocessor(config: Config) -> Config:
    """What 1.x normalises images with; empty in 0.x, where the pipeline does."""
    places = (model(config).get("data_preprocessor"), config.get("data_preprocessor"))
    return next((place for place in places if isinstance(place, Mapping)), {})


def data_sets(config: Config, *splits: Split) -> Iterator[Config]:
    """The data sets of some splits with all that they wrap, outermost first."""
    data = as_mapping(config.get("data"))
    for split in splits:
        yield from _nested(config.get(f"{split}_dataloader"), _DEEPEST)
        yield from _nested(data.get(split), _DEEPEST)


def steps(config: Config, split: Split) -> list[Config]:
    """The steps of a split's pipelines: first of its data sets, then the one of that name.

    Those inside of `MultiScaleFlipAug` follow it.
    """
    pipelines = [data_set.get("pipeline") for data_set in data_sets(config, split)]
    found: list[Config] = []
    for pipeline in (*pipelines, config.get(f"{split}_pipeline")):
        for step in pipeline if isinstance(pipeline, list) else []:
            inner = as_mapping(step).get("transforms")
            found += [as_mapping(step)]
            found += [as_mapping(one) for one in inner] if isinstance(inner, list) else []
    return found


def is_called(step: Config, name: str) -> bool:
    """Whether a step is of that class, named with or without its module."""
    kind = step.get("type")
    return isinstance(kind, str) and kind.rsplit(".", 1)[-1] == name


def _nested(place: object, depth: int) -> Iterator[Config]:
    if depth == 0:
        return
    if isinstance(place, list):
        for one in place[:_DEEPEST]:
            yield from _nested(one, depth - 1)
    elif isinstance(place, Mapping):
        yield place
        for key in ("dataset", "datasets"):
            yield from _nested(place.get(key), depth - 1)
