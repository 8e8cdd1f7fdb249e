"""The start script reads configurations as protobuf does."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from google.protobuf import text_format
from tritonclient.grpc.model_config_pb2 import ModelConfig


@pytest.fixture
def reader(root: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Of docker/triton, where it is run from."""
    monkeypatch.syspath_prepend(root / "docker" / "triton")
    monkeypatch.delitem(sys.modules, "text_format", raising=False)
    import text_format as reader

    return reader


SYNTAX = [
    "",
    "# nothing\n",
    'name: "a" # b',
    "name: 'single \"quotes\"'",
    'name: "one" "two"\n  \'three\'',
    r'name: "\"\\\x41\101\n"',
    "name: 'a'; max_batch_size: 4, platform: 'p'",
    "version_policy: { specific: { versions: 1 versions: 2 } }",
    "version_policy < specific < versions: [1,2] > >",
    "instance_group [ { kind: KIND_GPU, gpus: [ 0, 1 ] }, { count: 2 } ]",
    'cc_model_filenames: [ { key: "8.0" value: "a" }, { key: "9.0", value: "b" } ]',
    "input { dims: [ -1, -1, 3 ] }",
]


def _read(config: ModelConfig) -> dict[str, object]:
    return {
        "name": config.name,
        "platform": config.platform,
        "batch": config.max_batch_size,
        "file": config.default_model_filename,
        "cc": dict(config.cc_model_filenames),
        "versions": list(config.version_policy.specific.versions),
        "gpus": [list(group.gpus) for group in config.instance_group],
    }


def _ours(message: dict) -> dict[str, object]:
    def last(part: dict, name: str, default: str = "") -> str:
        return part.get(name, [default])[-1]

    specific = last(last(message, "version_policy", {}), "specific", {})
    return {
        "name": last(message, "name"),
        "platform": last(message, "platform"),
        "batch": int(last(message, "max_batch_size", "0")),
        "file": last(message, "default_model_filename"),
        "cc": {last(e, "key"): last(e, "value") for e in message.get("cc_model_filenames", [])},
        "versions": [int(version) for version in specific.get("versions", [])],
        "gpus": [
            [int(gpu) for gpu in group.get("gpus", [])]
            for group in message.get("instance_group", [])
        ],
    }


@pytest.mark.parametrize("text", SYNTAX)
def test_it_reads_what_protobuf_reads(reader: ModuleType, text: str) -> None:
    expected = text_format.Parse(text, ModelConfig())
    assert _ours(reader.parse_text_format(text)) == _read(expected)


def test_it_reads_the_demo_s_configurations(
    root: Path, reader: ModuleType, tracked: Callable[..., list[str]]
) -> None:
    names = tracked("model_repository/*.pbtxt")
    assert len(names) >= 9
    for name in names:
        text = (root / name).read_text()
        expected = _read(text_format.Parse(text, ModelConfig()))
        assert _ours(reader.parse_text_format(text)) == expected


@pytest.mark.parametrize(
    "text",
    [
        "}",
        "name",
        "name:",
        "name: }",
        'name "a"',
        "input {",
        "input { name: 'a'",
        "versions: [1",
        "versions: [1 2]",
        'name: "a\n"',
        "name: 'a",
        "name: @",
        ": 1",
        "input { > ",
        "<" * 10_000,
    ],
)
def test_it_refuses_what_protobuf_refuses(reader: ModuleType, text: str) -> None:
    with pytest.raises(text_format.ParseError):
        text_format.Parse(text, ModelConfig())
    with pytest.raises(reader.TextFormatError, match=r"^line \d+: "):
        reader.parse_text_format(text)
