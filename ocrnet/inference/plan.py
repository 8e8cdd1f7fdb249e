"""What a request will do, from its options and the picture's size alone."""

from collections.abc import Iterator
from dataclasses import dataclass

from ocrnet.errors import InvalidOption, PictureTooLarge
from ocrnet.images import published_size
from ocrnet.inference.options import SegmentOptions
from ocrnet.inference.windows import WindowPlan, plan_windows
from ocrnet.zoo.spec import ModelSpec, ResizeLimits, Size, default_stride

_LONGEST_SIDE = 65_536  # longer views cannot be served anywhere
# So many engine calls of a request are under way at once: enough for batches to form, few enough
# that their copies do not count. Sixteen windows of 512x1024.
_MOST_CALLS = 16
_PIXELS_UNDER_WAY = 16 * 512 * 1024


@dataclass(frozen=True)
class View:
    """The picture at one scale, and its windows."""

    scale: float
    windows: WindowPlan


@dataclass(frozen=True)
class RequestPlan:
    """Every view of a picture; with `flip`, each is run a second time mirrored."""

    picture: Size
    views: tuple[View, ...]
    flip: bool

    @property
    def windows(self) -> int:
        """So many windows go through the engine."""
        return self._orientations * sum(len(view.windows) for view in self.views)

    @property
    def engine_pixels(self) -> int:
        """So many pixels go through the engine."""
        return self._orientations * sum(
            len(view.windows) * view.windows.window.pixels for view in self.views
        )

    @property
    def window_pixels(self) -> int:
        """Pixels of the largest window."""
        return max(view.windows.window.pixels for view in self.views)

    @property
    def calls_under_way(self) -> int:
        """So many engine calls are under way at once: a window, or with `flip` a pair, each."""
        fitting = _PIXELS_UNDER_WAY // (self._orientations * self.window_pixels)
        return max(2, min(_MOST_CALLS, fitting))

    @property
    def images_under_way(self) -> int:
        """So many windows are in those calls, at most."""
        return min(self.windows, self._orientations * self.calls_under_way)

    def cells_under_way(self, output_stride: int) -> int:
        """At most so many output cells come back from those calls."""
        cells = max(view.windows.window_cells(output_stride) for view in self)
        return self.images_under_way * cells

    @property
    def resized_pixels(self) -> int:
        """Pixels of the views that are not the picture itself."""
        sizes = (view.windows.picture for view in self.views)
        return sum(size.pixels for size in sizes if size != self.picture)

    @property
    def single(self) -> bool:
        """One window, at the picture's own size."""
        return self.windows == 1 and self.views[0].windows.picture == self.picture

    def pending_cells(self, output_stride: int) -> int:
        """At most so many output cells wait until their rows are written."""
        return self._orientations * sum(view.windows.pending_cells(output_stride) for view in self)

    def __iter__(self) -> Iterator[View]:
        return iter(self.views)

    @property
    def _orientations(self) -> int:
        return 2 if self.flip else 1


def plan_request(picture: Size, spec: ModelSpec, options: SegmentOptions) -> RequestPlan:
    """Say which views and windows a picture of that size needs.

    `whole` is one window of the view's size. Raises InvalidOption, and PictureTooLarge for a
    scale that no machine could serve.
    """
    views = tuple(
        View(scale, _windows(_view_size(picture, scale, spec.test_resize, options), spec, options))
        for scale in options.scales
    )
    return RequestPlan(picture, views, options.flip)


def check_options(spec: ModelSpec, options: SegmentOptions) -> None:
    """Raise InvalidOption or PictureTooLarge for what is wrong whatever the picture's size is."""
    plan_request(Size(1, 1), spec, options)


def _view_size(picture: Size, scale: float, limits: ResizeLimits, options: SegmentOptions) -> Size:
    """With `published`, the scale is one of the limits, as mmsegmentation's `img_ratios` are.

    Else it is of the picture, as mmcv's `Resize(scale_factor, keep_ratio=True)` has it: the scaled
    sides, rounded half up, are limits in their turn, so that a side can be a pixel shorter than
    the scale says (331 by 1.25 becomes 413 beside 197, not 414).
    """
    if options.resize == "published":
        longest, shortest = limits.long * scale, limits.short * scale
    else:
        longest, shortest = (
            int(side(picture.height, picture.width) * scale + 0.5) for side in (max, min)
        )
    _check_side(max(longest, shortest), scale)
    return published_size(picture, ResizeLimits(max(int(longest), 1), max(int(shortest), 1)))


def _check_side(side: float, scale: float) -> None:
    if side > _LONGEST_SIDE:
        raise PictureTooLarge(
            f"at scale {scale:g} the picture has a side of more than {_LONGEST_SIDE} pixels",
            "too_much_work",
            limit=_LONGEST_SIDE,
            actual=int(min(side, 1e18)),
        )


def _windows(size: Size, spec: ModelSpec, options: SegmentOptions) -> WindowPlan:
    if options.mode == "whole":
        for name in ("crop", "stride", "overlap"):
            if getattr(options, name) is not None:
                raise InvalidOption(name, f"mode=whole takes no {name}: it is for mode=slide")
        if options.blend != "uniform":
            raise InvalidOption("blend", "mode=whole has nothing to blend: it is for mode=slide")
        return plan_windows(size, size, size)
    crop = options.crop or spec.crop
    if options.overlap is None:
        return plan_windows(size, crop, options.stride or default_stride(crop))
    if options.stride:
        raise InvalidOption("overlap", "overlap and stride say the same: give one of them")
    return plan_windows(size, crop, overlap_stride(crop, options.overlap))


def overlap_stride(crop: Size, overlap: float) -> Size:
    """The stride at which windows share at least `overlap` of the crop, 0 to 1 (excluded).

    Rounded down to a multiple of 8 where the crop has as much, so that windows meet on the
    output grid: overlap=0.333 is the default stride.

    Raises InvalidOption.
    """
    if not 0 <= overlap < 1:
        raise InvalidOption("overlap", f"overlap is {overlap:g}: it is at least 0 and less than 1")

    def along(side: int) -> int:
        stride = max(int(side * (1 - overlap)), 1)
        return max(stride // 8 * 8, min(side, 8)) if overlap else side

    return Size(along(crop.height), along(crop.width))
