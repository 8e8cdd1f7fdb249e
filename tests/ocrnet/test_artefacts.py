import dataclasses
import json
from pathlib import Path

import pytest

from ocrnet.artefacts import MANIFEST, Kind, Manifest, find_graphs, kinds_present, sha256_of
from ocrnet.errors import ArtefactError
from ocrnet.zoo import Size, get_spec

SPEC = get_spec("demo")


def _put(repository: Path, kind: Kind = "dynamic", **changes: object) -> Path:
    folder = repository / f"demo_{kind}" / "1"
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    path.write_bytes(b"a graph")
    size = (512, 1024) if kind == "window" else (None, None)
    manifest = Manifest(
        "demo", kind, path.name, sha256_of(path), "float32", *size, ["logits"], "x.pth", "", {}, {}
    )
    dataclasses.replace(manifest, **changes).write(folder)
    return path


def test_finds_every_kind_that_is_there(tmp_path: Path) -> None:
    _put(tmp_path)
    _put(tmp_path, "window")
    graphs = find_graphs(tmp_path, SPEC)
    assert [graph.fixed_size for graph in graphs] == [None, Size(512, 1024)]
    assert kinds_present(tmp_path, "demo") == ["dynamic", "window"]
    assert kinds_present(tmp_path, "ocrnet_hr18s_voc12_20k") == []


def test_an_empty_repository_says_how_to_fill_it(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="ocrnet export onnx demo"):
        find_graphs(tmp_path, SPEC)


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = _put(tmp_path)
    path.write_bytes(b"a grapi")
    with pytest.raises(ArtefactError, match="SHA-256"):
        find_graphs(tmp_path, SPEC)


@pytest.mark.parametrize("name", ["../model.onnx", "/etc/passwd", "gone.onnx"])
def test_a_manifest_cannot_name_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    _put(tmp_path, file=name)
    with pytest.raises(ArtefactError, match="not beside it"):
        find_graphs(tmp_path, SPEC)


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
        ('"height": null', '"height": "512"'),
        ('"logits"', '"labels"'),
        ('"kind": "dynamic"', '"kind": "window"'),
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


def test_the_committed_manifest_fits_the_committed_graph(root: Path) -> None:
    folder = root / "model_repository" / "demo_dynamic" / "1"
    manifest = json.loads((folder / MANIFEST).read_text())
    assert manifest["sha256"] == sha256_of(folder / "model.onnx")
    assert (folder / "model.onnx").stat().st_size <= 14_000_000
