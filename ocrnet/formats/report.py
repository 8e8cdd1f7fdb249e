"""A segmentation in words and numbers: never a value per pixel."""

import json
from typing import Any

import cv2
import numpy as np

from ocrnet.argmax import LabelMap
from ocrnet.options import SegmentOptions
from ocrnet.plan import RequestPlan
from ocrnet.timings import Timings
from ocrnet.zoo.spec import Labels, ModelSpec

_MOST_COMPONENTS = 1000


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
    counts = np.bincount(label_map.ravel(), minlength=len(labels.names))
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
    found: list[tuple[int, int, list[int]]] = []
    for index in np.unique(label_map).tolist():
        here = (label_map == index).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(here, connectivity=8)
        pixels = stats[1:, cv2.CC_STAT_AREA]
        for box, count in zip(
            stats[1:][pixels >= min_pixels].tolist(), pixels[pixels >= min_pixels], strict=True
        ):
            found.append((int(count), index, box[:4]))
    found.sort(key=lambda item: (-item[0], item[1], item[2]))
    return {
        "components_total": len(found),
        "components": [
            {"index": index, "name": labels.names[index], "box": box, "pixels": count}
            for count, index, box in found[:_MOST_COMPONENTS]
        ],
    }
