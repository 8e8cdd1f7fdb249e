import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import onnx
import pytest

from ocrnet.artefacts import (
    Kind,
    Manifest,
    Precision,
    artefact_stem,
    find_artefacts,
    find_graphs,
    kinds_present,
    precision_named,
    sha256_of,
)
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")


MANIFEST = "model.onnx.manifest.json"


def _onnx(domain: str = "", external: bool = False) -> bytes:
    """A graph of one node and one weight."""
    weight = onnx.numpy_helper.from_array(np.zeros(4, np.float32), "weight")
    if external:
        onnx.external_data_helper.set_external_data(weight, "../weights.bin")
        weight.data_location = onnx.TensorProto.EXTERNAL
    node = onnx.helper.make_node("Relu", ["weight"], ["y"], domain=domain)
    inner = onnx.helper.make_graph([node], "inner", [], [], [weight])
    # Inside of a branch, where a look at the outer graph alone would miss it.
    outer = onnx.helper.make_node("If", ["c"], ["z"], then_branch=inner, else_branch=inner)
    return onnx.helper.make_model(
        onnx.helper.make_graph([outer], "graph", [], [])
    ).SerializeToString()


def _put(
    repository: Path, kind: Kind = "dynamic", content: bytes | None = None, **changes: object
) -> Path:
    folder = repository / f"demo_{kind}" / "1"
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    path.write_bytes(_onnx() if content is None else content)
    size = (512, 1024) if kind == "window" else (None, None)
    manifest = Manifest(
        "demo", kind, "onnx", "float32", path.name, {path.name: sha256_of(path)}, *size,
        ["logits"], 19, "x.pth", "", {}, {},
    )  # fmt: skip
    manifest.write(folder)
    written = json.loads((folder / MANIFEST).read_text()) | changes
    (folder / MANIFEST).write_text(json.dumps(written))
    return path


def test_finds_every_kind_that_is_there(tmp_path: Path) -> None:
    _put(tmp_path)
    _put(tmp_path, "window")
    graphs = find_graphs(tmp_path, SPEC)
    assert [graph.fixed_size for graph in graphs] == [None, Size(512, 1024)]
    assert kinds_present(tmp_path, "demo") == ["dynamic", "window"]
    assert kinds_present(tmp_path, "ocrnet_hr18s_voc12_20k") == []


def _put_int8(repository: Path, kind: Kind, **changes: object) -> Path:
    folder = repository / f"demo_{kind}" / "1"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model_int8.xml"
    path.write_text("<net/>")
    size = (512, 1024) if kind == "window" else (None, None)
    manifest = Manifest(
        "demo", kind, "openvino", "int8", path.name, {path.name: sha256_of(path)}, *size,
        ["logits"], 19, "x.pth", "", {}, {},
    )  # fmt: skip
    replace(manifest, **changes).write(folder)
    return path


@pytest.mark.parametrize(
    ("exact", "int8", "expected"),
    [
        (["dynamic", "window"], ["window"], {"dynamic": "float32", "window": "int8"}),
        (["dynamic"], ["window"], {"dynamic": "float32", "window": "int8"}),
        (["dynamic", "window"], ["dynamic"], {"dynamic": "int8"}),
        (["dynamic", "window"], ["dynamic", "window"], {"dynamic": "int8", "window": "int8"}),
        ([], ["dynamic"], {"dynamic": "int8"}),
    ],
)
def test_fast_takes_int8_where_it_is_and_float32_where_nothing_else_is(
    tmp_path: Path, exact: list[Kind], int8: list[Kind], expected: dict[Kind, str]
) -> None:
    for kind in exact:
        _put(tmp_path, kind)
    for kind in int8:
        _put_int8(tmp_path, kind)
    graphs = find_graphs(tmp_path, SPEC, "fast")
    assert {one.manifest.kind: one.manifest.precision for one in graphs} == expected
    if exact:
        served = {one.manifest.precision for one in find_graphs(tmp_path, SPEC)}
        assert served == {"float32"}


def test_fast_without_any_int8_graph_says_how_to_build_it(tmp_path: Path) -> None:
    _put(tmp_path)
    _put(tmp_path, "window")
    with pytest.raises(ArtefactError, match=r"no INT8 graph of demo: .*build demo --to int8'"):
        find_graphs(tmp_path, SPEC, "fast")


def test_int8_and_float32_of_different_weights_are_not_mixed(tmp_path: Path) -> None:
    _put(tmp_path)
    _put_int8(tmp_path, "window", checkpoint_sha256="a" * 64)
    with pytest.raises(ArtefactError, match="different weights"):
        find_graphs(tmp_path, SPEC, "fast")


def test_an_empty_repository_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="ocrnet export build demo"):
        find_graphs(tmp_path, SPEC)


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = _put(tmp_path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtefactError, match="SHA-256"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "gone.onnx"])
def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    path = _put(tmp_path)
    digest = sha256_of(path)
    manifest = path.with_name(MANIFEST)
    written = json.loads(manifest.read_text()) | {"files": {"model.onnx": digest, name: digest}}
    manifest.write_text(json.dumps(written))
    with pytest.raises(ArtefactError, match="not beside it"):
        find_graphs(tmp_path, SPEC)


def test_a_manifest_of_another_file_is_refused(tmp_path: Path) -> None:
    _put(tmp_path, file="other.onnx")
    with pytest.raises(ArtefactError, match=r"is of .other\.onnx."):
        find_graphs(tmp_path, SPEC)


def test_another_count_of_classes_is_refused(tmp_path: Path) -> None:
    _put(tmp_path, classes=21)
    with pytest.raises(ArtefactError, match="21 classes, demo has 19"):
        find_graphs(tmp_path, SPEC)


def test_weights_in_other_files_are_refused(tmp_path: Path) -> None:
    _put(tmp_path, content=_onnx(external=True))
    with pytest.raises(ArtefactError, match="weights in other files"):
        find_graphs(tmp_path, SPEC)


def test_operators_outside_of_the_standard_are_refused(tmp_path: Path) -> None:
    _put(tmp_path, content=_onnx(domain="com.example"))
    with pytest.raises(ArtefactError, match=r"com\.example\.Relu"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize("content", [b"", b"a graph", b"\x3a\xff\xff", b"\x08\x01"])
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    _put(tmp_path, content=content)
    with pytest.raises(ArtefactError, match="is not an ONNX file"):
        find_graphs(tmp_path, SPEC)


def test_messages_nested_without_end_are_refused(tmp_path: Path) -> None:
    """Each message of a hostile file holds the next one: the walk must not follow for ever."""
    content = b""
    for level in range(201):  # attribute in node in graph in attribute, from the inside out
        field = (6, 5, 1)[level % 3]
        length = len(content)
        prefix = bytes([field << 3 | 2])
        while length > 0x7F:
            prefix += bytes([length & 0x7F | 0x80])
            length >>= 7
        content = prefix + bytes([length]) + content
    at = len(content)
    head = b"\x3a" + bytes([at & 0x7F | 0x80, at >> 7 & 0x7F | 0x80, at >> 14])
    _put(tmp_path, content=head + content)
    with pytest.raises(ArtefactError, match="is not an ONNX file"):
        find_graphs(tmp_path, SPEC)


def test_all_artefacts_of_a_kind_are_found(tmp_path: Path) -> None:
    folder = _put(tmp_path).parent
    (folder / "model.xml").write_text("<net/>")
    (folder / "model.bin").write_bytes(b"weights")
    files = {name: sha256_of(folder / name) for name in ("model.xml", "model.bin")}
    written = json.loads((folder / MANIFEST).read_text())
    written |= {"format": "openvino", "file": "model.xml", "files": files}
    (folder / "model.xml.manifest.json").write_text(json.dumps(written))
    found = find_artefacts(tmp_path, SPEC, "dynamic")
    assert [artefact.manifest.format for artefact in found] == ["onnx", "openvino"]
    (folder / "model.bin").write_bytes(b"weighty")
    with pytest.raises(ArtefactError, match=r"model\.bin is damaged"):
        find_artefacts(tmp_path, SPEC, "dynamic")


def test_a_manifest_of_another_model_is_refused(tmp_path: Path) -> None:
    _put(tmp_path, model="ocrnet_hr18s_voc12_20k")
    with pytest.raises(ArtefactError, match="not of demo"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"model": "demo"}'])
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    manifest = _put(tmp_path).with_name(MANIFEST)
    manifest.write_text(text)
    with pytest.raises(ArtefactError, match=r"manifest\.json"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('"file": "model.onnx"', '"file": 5'),
        ('"precision": "float32"', '"precision": "float64"'),
        ('"height": null', '"height": "512"'),
        ('"logits"', '"labels"'),
        ('"kind": "dynamic"', '"kind": "window"'),
        ('"parity": {}', '"parity": {"64x96": "small"}'),
    ],
)
def test_a_manifest_with_wrong_facts_is_refused(tmp_path: Path, right: str, wrong: str) -> None:
    manifest = _put(tmp_path).with_name(MANIFEST)
    assert right in manifest.read_text()
    manifest.write_text(manifest.read_text().replace(right, wrong))
    with pytest.raises(ArtefactError, match=r"manifest\.json"):
        find_graphs(tmp_path, SPEC)


def test_a_graph_without_manifest_is_not_served(tmp_path: Path) -> None:
    _put(tmp_path).with_name(MANIFEST).unlink()
    with pytest.raises(ArtefactError, match="is missing"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize("gpu", ["", "sm80", "rtx"])
@pytest.mark.parametrize("precision", get_args(Precision))
def test_names_of_artefacts_tell_their_precision(precision: Precision, gpu: str) -> None:
    for ending in (".onnx", ".plan", ".xml"):
        assert precision_named(artefact_stem(precision, gpu) + ending) == precision
