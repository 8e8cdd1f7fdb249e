"""From a checkpoint file to a network with its weights, or a list of what does not fit."""

import logging
import re
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from export.checkpoints.cache import is_published
from export.checkpoints.facts import CheckpointFacts
from export.checkpoints.random_weights import random_state
from export.checkpoints.safe_unpickling import load_inert
from export.network import OCRNet
from ocrnet.artefacts import sha256_of
from ocrnet.errors import CheckpointError
from ocrnet.zoo import ModelSpec, get_spec
from ocrnet.zoo.spec import check_classes

# What users type, and what manifests name, instead of a file.
RANDOM_WEIGHTS = "stand-in"

State = dict[str, Tensor]
_logger = logging.getLogger("ocrnet.export")
_DEEPEST_WRAPPING = 4
_MOST_SHOWN = 10  # differences in one message
_WRAPPERS = ("state_dict", "model_state_dict", "model")

# The authors' names → ours, first match wins. Their batch norms sit one level deeper.
_AUTHORS_NAMES = [
    (r"conv3x3_ocr\.0\.", "decode_head.1.bottleneck.conv."),
    (r"conv3x3_ocr\.1\.", "decode_head.1.bottleneck.bn."),
    (r"aux_head\.0\.", "decode_head.0.convs.0.conv."),
    (r"aux_head\.1\.", "decode_head.0.convs.0.bn."),
    (r"aux_head\.3\.", "decode_head.0.conv_seg."),
    (r"cls_head\.", "decode_head.1.conv_seg."),
    *(
        (
            rf"ocr_distri_head\.object_context_block\.{theirs}\.{2 * k + n}\.{'0.' if n else ''}",
            f"decode_head.1.object_context_block.{ours}.{k}.{('conv', 'bn')[n]}.",
        )
        for theirs, ours in (("f_pixel", "query_project"), ("f_object", "key_project"))
        for k in (0, 1)
        for n in (0, 1)
    ),
    *(
        (
            rf"{theirs}\.{n}\.{'0.' if n else ''}",
            f"decode_head.1.object_context_block.{ours}.{('conv', 'bn')[n]}.",
        )
        for theirs, ours in (
            (r"ocr_distri_head\.object_context_block\.f_down", "value_project"),
            (r"ocr_distri_head\.object_context_block\.f_up", "out_project"),
            (r"ocr_distri_head\.conv_bn_dropout", "bottleneck"),
        )
        for n in (0, 1)
    ),
    (r"(?=(conv|bn|layer|transition|stage)\d)", "backbone."),
]  # fmt: skip


def load_model(name_or_spec: str | ModelSpec, checkpoint: str | Path) -> OCRNet:
    """Build the network of a zoo row with the weights of `checkpoint`, in eval mode.

    checkpoint: a `.pth` of mmsegmentation or of the authors, or a `.safetensors`; the word
    "stand-in" draws deterministic weights instead, for everything that needs none in particular.

    The module maps uint8 RGB (N, H, W, 3) to logits, and its `state_dict` has exactly the names
    of mmsegmentation's checkpoints. Raises UnknownModel, UnsupportedModel for one output channel,
    and CheckpointError that lists every missing, unexpected and misshapen name, or every fact that
    the file states otherwise than the zoo. Of a published file those are logged as a warning.
    """
    spec = get_spec(name_or_spec) if isinstance(name_or_spec, str) else name_or_spec
    check_classes(spec.classes, spec.name)
    network = OCRNet(spec).eval()
    wanted = network.state_dict()
    if str(checkpoint) == RANDOM_WEIGHTS:
        state = random_state(wanted)
    else:
        state, facts = _read(Path(checkpoint))
        _check_words(facts, state, spec, Path(checkpoint))
    _check(state, wanted, spec, str(checkpoint))
    # Counters of training steps: older files lack them, inference does not use them.
    counters = {key: value for key, value in wanted.items() if key.endswith("num_batches_tracked")}
    network.load_state_dict(counters | {key: state[key] for key in state if key in wanted})
    return network


def read_state(path: Path) -> State:
    """Read parameters and buffers by our names, whoever saved them.

    Wrappers, `module.` prefixes, the authors' names and what only training needs (`loss.*`)
    are undone. Raises CheckpointError.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[State, CheckpointFacts]:
    if not path.is_file():
        raise CheckpointError(f"{path} is not there")
    if path.suffix == ".safetensors":
        try:
            content: object = safetensors.torch.load_file(path)
        except (safetensors.SafetensorError, OSError) as error:
            raise CheckpointError(f"{path} is not a safetensors file: {error}") from error
    else:
        content = load_inert(path)
    meta: object = None
    for _ in range(_DEEPEST_WRAPPING):
        if not isinstance(content, Mapping):
            break
        meta = content.get("meta", meta)
        inner = next(
            (content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping)), None
        )
        if inner is None:
            break
        content = inner
    if not isinstance(content, Mapping):
        raise CheckpointError(f"{path} holds no parameters by name")
    state = {str(key).removeprefix("module."): value for key, value in content.items()}
    if any(key.startswith("model.") for key in state):
        state = {
            _our_name(key.removeprefix("model.")): value
            for key, value in state.items()
            if not key.startswith("loss.")
        }
    strange = [key for key, value in state.items() if not _is_plain(value)]
    if strange:
        raise CheckpointError(f"{path} holds more than dense tensors of numbers: {_some(strange)}")
    floats = {
        key: value.float() if value.is_floating_point() else value for key, value in state.items()
    }
    return floats, CheckpointFacts(meta if isinstance(meta, Mapping) else {})


def _check_words(facts: CheckpointFacts, state: State, spec: ModelSpec, path: Path) -> None:
    """Compare what the file says of itself with the zoo; raises CheckpointError."""
    classifier = state.get("decode_head.1.conv_seg.weight")
    channels = classifier.shape[0] if classifier is not None and classifier.ndim else 0
    check_classes(1 if facts.one_output_channel else channels, str(path))
    if facts.unreadable:
        _logger.warning(
            "%s: its config text cannot be read (%s), so its settings were not compared with %s",
            path, facts.unreadable, spec.name,
        )  # fmt: skip
    found = facts.differences(spec)
    if not found:
        return
    refused = [difference for difference in found if not difference.told]
    listed = "\n  ".join(map(str, [*refused, *(one for one in found if one.told)][:_MOST_SHOWN]))
    if refused and not is_published(spec, sha256_of(path)):
        raise CheckpointError(
            f"{path} differs from {spec.name}:\n  {listed}\n"
            "Under that name, labels or their names would be wrong. Choose a model of the zoo with "
            "the file's own classes and settings"
        )
    _logger.warning("%s differs from %s:\n  %s", path, spec.name, listed)


def _is_plain(value: object) -> bool:
    return (
        isinstance(value, Tensor)
        and value.layout == torch.strided
        and value.device.type == "cpu"
        and not (value.is_quantized or value.is_nested or value.is_complex())
    )


def _our_name(authors_name: str) -> str:
    for pattern, ours in _AUTHORS_NAMES:
        if re.match(pattern, authors_name):
            return re.sub(pattern, ours, authors_name, count=1)
    return authors_name


def _check(state: State, wanted: State, spec: ModelSpec, source: str) -> None:
    needed = {key for key in wanted if not key.endswith("num_batches_tracked")}
    problems = [
        *(
            f"missing: {key} {tuple(wanted[key].shape)}"
            for key in wanted
            if key in needed - state.keys()
        ),
        *(f"unexpected: {key} {tuple(state[key].shape)}" for key in state if key not in wanted),
        *(
            f"misshapen: {key} {tuple(state[key].shape)}, not {tuple(wanted[key].shape)}"
            for key in wanted
            if key in state and state[key].shape != wanted[key].shape
        ),
    ]
    if problems:
        raise CheckpointError(
            f"{source} does not fit {spec.name} ({spec.architecture}), "
            f"{len(problems)} names differ:\n  " + "\n  ".join(problems)
        )
    broken = [key for key in needed if not torch.isfinite(state[key]).all()]
    if broken:
        raise CheckpointError(f"{source} holds values that are not finite: {_some(broken)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
