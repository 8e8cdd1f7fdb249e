"""A segmentation in words and numbers: never a value per pixel."""

import json
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.plan import RequestPlan
from ocrnet.timings import Timings
from ocrnet.zoo.spec import Labels, ModelSpec

_MOST_COMPONENTS = 1000
_BAND = 256  # rows at a time, where NumPy would make 8 bytes of every pixel


def report(
    label_map: LabelMap,
    spec: ModelSpec,
    options: SegmentOptions,
    plan: RequestPlan,
    timings: Timings,
    *,
    min_pixels: int | None,
) -> bytes:
    """Write the JSON document; min_pixels: also boxes of components that large, None: no boxes."""
    document = {
        "model": spec.name,
        "height": plan.picture.height,
        "width": plan.picture.width,
        **describe_plan(plan, options),
        "classes": class_shares(label_map, spec.labels),
    }
    if min_pixels is not None:
        document |= components(label_map, spec.labels, min_pixels)
    document["milliseconds"] = {
        name: round(seconds * 1000, 2) for name, seconds in timings.seconds.items()
    }
    return json.dumps(document).encode()


def describe_plan(plan: RequestPlan, options: SegmentOptions) -> dict[str, Any]:
    """Options in force, and the views with their windows."""
    return {
        "mode": options.mode,
        "blend": options.blend,
        "resize": options.resize,
        "flip": options.flip,
        "plan": {
            "windows": plan.windows,
            "views": [
                {
                    "scale": view.scale,
                    "size": str(view.windows.picture),
                    "window": str(view.windows.window),
                    "windows": len(view.windows) * (2 if plan.flip else 1),
                }
                for view in plan
            ],
        },
    }


def class_shares(label_map: LabelMap, labels: Labels) -> list[dict[str, object]]:
    """Count pixels per class: index, name, colour, pixels and share of every class present."""
    counts = np.zeros(len(labels.names), np.int64)
    for top in range(0, len(label_map), _BAND):
        counts += np.bincount(label_map[top : top + _BAND].ravel(), minlength=len(counts))
    return [
        {
            **describe_class(labels, int(index)),
            "pixels": int(counts[index]),
            "share": round(int(counts[index]) / label_map.size, 6),
        }
        for index in np.argsort(-counts, kind="stable")
        if counts[index]
    ]


def describe_class(labels: Labels, index: int) -> dict[str, object]:
    """Index, name, colour, and the data set's own number where it has one."""
    own = {} if labels.label_ids is None else {"label_id": int(labels.label_ids[index])}
    name, colour = labels.names[index], labels.colours[index].tolist()
    return {"index": index, "name": name, "colour": colour, **own}


def components(label_map: LabelMap, labels: Labels, min_pixels: int) -> dict[str, Any]:
    """Boxes of connected regions (8 neighbours) of one class, the largest first.

    A box is [left, top, width, height] in pixels. At most 1000 are listed;
    `components_total` counts all of at least `min_pixels` pixels.
    """
    total = 0
    largest = np.empty((0, 6), np.int64)  # pixels, class, box
    for index in np.unique(label_map).tolist():
        here = (label_map == index).view(np.uint8)
        stats = cv2.connectedComponentsWithStats(here, connectivity=8)[2][1:]
        stats = stats[stats[:, cv2.CC_STAT_AREA] >= min_pixels]
        total += len(stats)
        pixels, box = stats[:, cv2.CC_STAT_AREA], stats[:, : cv2.CC_STAT_AREA]
        rows = np.column_stack([pixels, np.full_like(pixels, index), box])
        largest = np.concatenate([largest, _first(rows)])
    return {
        "components_total": total,
        "components": [
            {"index": index, "name": labels.names[index], "box": box, "pixels": pixels}
            for pixels, index, *box in _first(largest).tolist()
        ],
    }


def _first(rows: NDArray[np.integer]) -> NDArray[np.integer]:
    """The 1000 with the most pixels; among equals by class, then by box."""
    order = np.lexsort((*rows.T[:0:-1], -rows[:, 0]))
    return rows[order[:_MOST_COMPONENTS]]
