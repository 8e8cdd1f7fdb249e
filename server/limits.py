"""What a request may take. Every limit of the gateway is here, or is named here with its place.

- Request line and headers: the constants below. `head.py` and `protocol.py` refuse what must not
  reach the app, `middleware.py` the rest.
- Chunks of a body: `chunks.py`. Events of the HTTP parser in a turn of the event loop: `turns.py`.
- Body: `max_bytes` and `body_timeout`, in `body.py`; boundaries and headers of a form: `form.py`.
- Picture: `Settings.picture_limits`, which `ocrnet.images` checks on the file's header.
- Work on one picture: `check_cost`, before a pixel is decoded.
- All requests together: `admission.py`. Time: `deadline.py`.
"""

from ocrnet.cost import Cost
from ocrnet.errors import PictureTooLarge
from server.settings import Settings

MOST_URL_BYTES = 8 * 1024
MOST_HEAD_BYTES = 16 * 1024
MOST_HEADER_LINES = 64
# The middleware allows fewer and says so; parsing thousands would block the event loop.
MOST_PARSED_HEADER_LINES = 256


def largest_cost(settings: Settings) -> Cost:
    """The limit of every figure of a request's cost."""
    return Cost(
        windows=settings.max_windows,
        work=settings.max_work,
        window_pixels=settings.max_window_pixels,
        bytes=settings.max_work_bytes,
    )


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
    for name, actual, limit in _over(cost, settings):
        code, text = _REFUSALS[name]
        message = text.format(actual=actual, limit=limit)
        raise PictureTooLarge(message, code, limit=limit, actual=actual)


def is_allowed(cost: Cost, settings: Settings) -> bool:
    """Whether `check_cost` lets it pass."""
    return not _over(cost, settings)


def _over(cost: Cost, settings: Settings) -> list[tuple[str, int, int]]:
    """Name, value and limit of every figure over its limit."""
    figures = cost.as_dict()
    limits = largest_cost(settings).as_dict()
    return [(name, figures[name], limit) for name, limit in limits.items() if figures[name] > limit]
