"""What manifests say of builds: their JSON stays as it is, and whatever a file says still loads."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ocrnet.artefacts import (
    BuildFacts,
    Int8Facts,
    Manifest,
    PlanFacts,
    PlanGpu,
    Port,
    Ports,
    Profile,
    read_manifest,
)

INT8 = {
    "calibration": "drawn scenes 500000 to 500031",
    "floating": ["normalisation", "spatial gather"],
    "changed_labels": 0.01234,
    "miou_loss": None,
    "parts_measured": False,
}
PLAN = {
    "level": 3,
    "workspace": 0,
    "tiling": "none",
    "l2_limit": 0,
    "aux_streams": None,
    "profiles": 2,
    "layers": 612,
    "parse_seconds": 1.25,
    "build_seconds": 80.5,
    "tf32": False,
}
# As builds of all targets write them; all but a plan's as before there were dataclasses.
BUILDS = {
    "plain": {},
    "rewritten": {"passes": ["split_bottleneck", "token_head", "associative"]},
    "INT8 for CPUs": INT8 | {"passes": ["token_head", "convolutions"]},
    "INT8 plan": INT8 | PLAN,
    "plan": PLAN,
    "plan with ports": PLAN
    | {
        "ports": {
            "inputs": [{"name": "image", "element": "UINT8", "dims": [-1, 512, 512, 3]}],
            "outputs": [{"name": "logits", "element": "FLOAT16", "dims": [-1, 19, 128, 128]}],
        }
    },
    "weights stored as float16": {"float16_weights": True, "passes": ["token_head"]},
}
PLAN_FACTS = {
    "profile": {"min": [1, 512, 512, 3], "opt": [4, 512, 512, 3], "max": [8, 512, 512, 3]},
    "gpu": {"name": "NVIDIA A100", "compute_capability": "8.0", "driver": "610.43"},
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[..., Path]:
    """A manifest with these facts, written without our dataclasses."""

    def written(**facts: Any) -> Path:
        manifest = Manifest(
            "demo", "window", "tensorrt", "int8", "model_int8.plan", {}, 512, 512, ["logits"], 19,
            "x.pth", "", {}, {},
        )  # fmt: skip
        path = manifest.write(tmp_path)
        content = json.loads(path.read_text()) | facts
        path.write_text(json.dumps(content, indent=2) + "\n")
        return path

    return written


@pytest.mark.parametrize("build", BUILDS.values(), ids=BUILDS)
def test_a_manifest_is_written_as_it_was_read(
    written: Callable[..., Path], tmp_path: Path, build: dict[str, Any]
) -> None:
    path = written(build=build, **(PLAN_FACTS if "level" in build else {}))
    before = path.read_bytes()
    manifest = read_manifest(path)
    path.unlink()
    assert manifest.write(tmp_path).read_bytes() == before


def test_facts_are_read_by_their_names(written: Callable[..., Path]) -> None:
    with_ports = read_manifest(written(build=BUILDS["plan with ports"])).build
    assert with_ports.ports == Ports(
        (Port("image", "UINT8", (-1, 512, 512, 3)),),
        (Port("logits", "FLOAT16", (-1, 19, 128, 128)),),
    )
    manifest = read_manifest(written(build=BUILDS["INT8 plan"], **PLAN_FACTS))
    assert manifest.build == BuildFacts(
        int8=Int8Facts(INT8["calibration"], INT8["floating"], 0.01234, None, groups_measured=False),
        plan=PlanFacts(3, 0, "none", 0, None, 2, 612, 1.25, 80.5, tf32=False),
    )
    assert manifest.profile == Profile([1, 512, 512, 3], [4, 512, 512, 3], [8, 512, 512, 3])
    assert manifest.gpu == PlanGpu("NVIDIA A100", "8.0", "610.43")


@pytest.mark.parametrize("file", ["INT8 for CPUs", "plan"])
def test_keys_of_other_versions_are_passed_over(written: Callable[..., Path], file: str) -> None:
    plain = read_manifest(written(build=BUILDS[file])).build
    assert read_manifest(written(build=BUILDS[file] | {"later": {"a": 1}})).build == plain


@pytest.mark.parametrize(
    "build",
    [
        {"calibration": 5, "floating": [], "changed_labels": 0, "miou_loss": None},
        {"calibration": "drawn scenes"},
        {"level": "3", "workspace": 0},
        PLAN | {"tiling": "most"},
        PLAN | {"aux_streams": "2"},
        PLAN | {"tf32": None},
        {"level": 3, "workspace": 0, "layers": 612, "parse_seconds": 1.25, "build_seconds": 80.5},
        {"passes": "token_head"},
        {"ports": [1]},
        {"ports": {"inputs": []}},
        {"ports": {"inputs": [], "outputs": ["logits"]}},
        {"ports": {"inputs": [], "outputs": [{"name": "logits", "element": 1, "dims": []}]}},
        {"ports": {"inputs": [], "outputs": [{"name": "a", "element": "FLOAT", "dims": ["N"]}]}},
        {"float16_weights": "yes"},
    ],
)
def test_what_cannot_be_read_is_not_stated(
    written: Callable[..., Path], build: dict[str, Any]
) -> None:
    """The artefact still loads; where a build asks, it is not current."""
    manifest = read_manifest(written(build=build, profile={"min": 1}))
    assert manifest.build == BuildFacts()
    assert manifest.profile is None
