"""Which shapes a plan is built for."""

from dataclasses import dataclass

from ocrnet.zoo import ModelSpec, Size

Shape = tuple[int, int, int, int]  # N, H, W, 3


@dataclass(frozen=True)
class ShapeRange:
    """The shapes (N, H, W, 3) of `image` that a plan takes, and the one it is fastest for."""

    min: Shape
    opt: Shape
    max: Shape

    @property
    def fixed(self) -> bool:
        """Whether there is one shape alone: then the plan has no profile."""
        return self.min == self.max

    @property
    def profiles(self) -> tuple["ShapeRange", ...]:
        """The plan's optimisation profiles: one for all shapes first, which runtimes start with.

        Where N alone varies another follows for single images, whose kernels are then chosen
        for one image (docs/adr/0012).
        """
        if self.fixed:
            return ()
        if self.min[1:] != self.max[1:]:
            return (self,)
        return self, ShapeRange(self.min, self.min, self.min)


def shape_range(
    spec: ModelSpec, size: Size | None, *, max_batch: int, max_size: Size
) -> ShapeRange:
    """Return the range of a model's plan.

    size: of the fixed graph, None for the dynamic one. Fixed graphs vary in N alone, for Triton's
    batches, and are fastest for the largest; with max_batch 1 not at all. The dynamic graph takes
    one picture of up to max_size: a batch as well would reserve memory for the largest of both.
    """
    if size is None:
        height, width = min(spec.crop.height, max_size.height), min(spec.crop.width, max_size.width)
        return ShapeRange(
            (1, 1, 1, 3), (1, height, width, 3), (1, max_size.height, max_size.width, 3)
        )
    tail = (size.height, size.width, 3)
    return ShapeRange((1, *tail), (max_batch, *tail), (max_batch, *tail))
