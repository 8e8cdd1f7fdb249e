"""Float32 weights stored in half the bytes, exactly: the graph computes what it did, bit for bit.

A checkpoint of float16 values stays small this way. A weight that is a float16 is stored as that,
with a Cast behind it. Folding a batch norm into a convolution multiplies each output channel by a
float32 and leaves hardly any weight a float16; such a weight is stored as it was before, with a
Cast and the product with its channels' factors behind it. Runtimes compute both once, when they
load the graph.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

Array = NDArray[np.float32]
# Below, a Cast takes more bytes than it saves.
_SMALLEST = 16


@dataclass(frozen=True)
class _Product:
    """A weight as `half` times `factors`, whose shape makes them broadcast along one axis."""

    half: NDArray[np.float16]
    factors: Array


def norm_factors(network: nn.Module) -> list[Array]:
    """Return what folding each batch norm multiplies its convolution's output channels by."""
    with torch.no_grad():
        return [
            (norm.weight / torch.sqrt(norm.running_var + norm.eps)).numpy()
            for norm in network.modules()
            if isinstance(norm, nn.BatchNorm2d) and norm.running_var is not None
        ]


def store_as_float16(model: onnx.ModelProto, factors: Sequence[Array] = ()) -> None:
    """Store float32 weights as float16 in place, where casts and products give the same bits.

    factors: those that output channels may have been multiplied by, as of `norm_factors`. Every
    other weight stays as it is.
    """
    nodes, stored = [], []
    for weight in model.graph.initializer:
        if weight.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(weight)
        if values.size < _SMALLEST:
            continue
        name = weight.name
        half, product = _as_half(values), None
        if half is None:
            product = _as_product(values, factors)
            if product is None:
                continue
            half = product.half
        weight.CopyFrom(numpy_helper.from_array(half, f"{name}.half"))
        cast = name if product is None else f"{name}.float"
        nodes.append(
            helper.make_node(
                "Cast", [weight.name], [cast], name=f"/{name}/Cast", to=TensorProto.FLOAT
            )
        )
        if product is not None:
            scale = numpy_helper.from_array(product.factors, f"{name}.factors")
            stored.append(scale)
            nodes.append(helper.make_node("Mul", [cast, scale.name], [name], name=f"/{name}/Mul"))
    model.graph.initializer.extend(stored)
    others = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *others])


def _as_half(values: Array) -> NDArray[np.float16] | None:
    """The same values as float16; None if one of them is none."""
    with np.errstate(over="ignore"):
        half = values.astype(np.float16)
    return half if np.array_equal(half.astype(np.float32), values) else None


def _as_product(values: Array, factors: Sequence[Array]) -> _Product | None:
    """The values as float16 times factors along the first or the last axis; None if they are not.

    Along the last one the factors may repeat: a product of tokens has the columns of a kernel
    beside each other.
    """
    if values.ndim < 2:
        return None
    for axis in (0, values.ndim - 1):
        length = values.shape[axis]
        for given in factors:
            if not len(given) or length % len(given) or (axis == 0 and length != len(given)):
                continue
            shape = [1] * values.ndim
            shape[axis] = length
            product = _divided(values, np.tile(given, length // len(given)).reshape(shape))
            if product is not None:
                return product
    return None


def _divided(values: Array, factors: Array) -> _Product | None:
    # One of each channel first: most factors are those of another layer.
    sample = values[tuple(slice(None) if n > 1 else slice(1) for n in factors.shape)]
    half = np.zeros(0, np.float16)
    for part in (sample, values):
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            half = np.nan_to_num(part / factors).astype(np.float16)
            same = half.astype(np.float32) * factors
        if not np.array_equal(same, part):
            return None
    return _Product(half, factors.astype(np.float32))
