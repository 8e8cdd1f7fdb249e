"""Refusing work that is too large before it begins."""

from ocrnet.errors import PictureTooLarge
from ocrnet.pipeline import Cost
from server.settings import Settings


def limits_of(settings: Settings) -> dict[str, int]:
    """The limit of every figure of a Cost, by its name."""
    return {
        "windows": settings.max_windows,
        "work": settings.max_work,
        "window_pixels": settings.max_window_pixels,
        "bytes": settings.max_work_bytes,
    }


_REFUSALS = {
    "windows": (
        "too_much_work",
        "{actual} windows are needed, {limit} are allowed: take a larger crop or stride, or fewer "
        "scales",
    ),
    "work": (
        "too_much_work",
        "{actual} class-pixels would go through the engine, {limit} are allowed: take a larger "
        "stride, or fewer or smaller scales",
    ),
    "window_pixels": (
        "window_too_large",
        "the engine would take {actual} pixels in one piece, {limit} are allowed: take mode=slide, "
        "or a smaller crop",
    ),
    "bytes": (
        "too_much_memory",
        "the request would hold {actual} bytes, {limit} are allowed: take a larger stride, fewer "
        "scales or a smaller picture",
    ),
}


def check_cost(cost: Cost, settings: Settings) -> None:
    """Raise PictureTooLarge for the first figure over its limit."""
    for name, limit in limits_of(settings).items():
        actual = cost.as_dict()[name]
        if actual > limit:
            code, text = _REFUSALS[name]
            message = text.format(actual=actual, limit=limit)
            raise PictureTooLarge(message, code, limit=limit, actual=actual)
