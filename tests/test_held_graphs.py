"""What git holds below model_repository: what `make serve` needs to be fast, and no more."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

from ocrnet.artefacts import MANIFEST_SUFFIX, find_artefacts, find_graphs, sha256_of
from ocrnet.zoo import get_spec

DEMO = get_spec("demo")
MOST_BYTES = 40_000_000
DYNAMIC, WINDOW = "model_repository/demo_dynamic/1/", "model_repository/demo_window/1/"
GRAPHS = {
    f"{DYNAMIC}model.onnx",
    f"{DYNAMIC}model.onnx{MANIFEST_SUFFIX}",
    f"{WINDOW}model.onnx",
    f"{WINDOW}model.onnx{MANIFEST_SUFFIX}",
    f"{WINDOW}model_int8.bin",
    f"{WINDOW}model_int8.xml",
    f"{WINDOW}model_int8.xml.int8.json",
    f"{WINDOW}model_int8.xml{MANIFEST_SUFFIX}",
}


def test_git_holds_these_graphs_and_their_manifests(
    root: Path, tracked: Callable[..., list[str]]
) -> None:
    names = tracked("model_repository")
    assert {name for name in names if "/1/" in name} == GRAPHS
    assert all(name in GRAPHS or name.endswith(".pbtxt") for name in names)
    assert sum((root / name).stat().st_size for name in names) <= MOST_BYTES


def test_no_line_ending_of_what_a_manifest_vouches_for_is_changed(
    root: Path, tracked: Callable[..., list[str]], needed: Callable[[str], str]
) -> None:
    """Else a checkout on Windows would not be what its manifest says."""
    assert tracked("model_repository")  # skips where there is no git
    hashed = sorted(name for name in GRAPHS if not name.endswith(".json"))
    command = [needed("git"), "check-attr", "text", "--", *hashed]
    said = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    assert said.splitlines() == [f"{name}: text: unset" for name in hashed]


def test_the_manifests_fit_the_files_and_name_the_demos_weights(root: Path) -> None:
    weights = sha256_of(root / "export" / "weights" / "demo.safetensors")
    for name in sorted(name for name in GRAPHS if name.endswith(MANIFEST_SUFFIX)):
        manifest = json.loads((root / name).read_text())
        assert manifest["checkpoint_sha256"] == weights
        for file, expected in manifest["files"].items():
            assert sha256_of((root / name).parent / file) == expected
    # As the gateway and `ocrnet export verify` read them.
    repository = root / "model_repository"
    for kind in ("dynamic", "window"):
        assert find_artefacts(repository, DEMO, kind)


def test_the_window_graphs_are_rewritten_and_say_so(root: Path) -> None:
    repository = root / "model_repository"
    for precision in ("exact", "fast"):
        window = next(
            one for one in find_graphs(repository, DEMO, precision) if one.manifest.kind == "window"
        )
        passes = window.manifest.build.passes
        assert {"split_bottleneck", "token_head", "associative"} <= set(passes)
        assert window.fixed_size == DEMO.crop
        assert window.manifest.build.float16_weights == (precision == "exact")
