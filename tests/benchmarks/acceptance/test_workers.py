"""What the steps' processes do, as far as a CPU can: parity, and the recording of tests."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.acceptance.device_tests import EXPORT, engine_tests
from benchmarks.acceptance.parity import demo_rows, golden_rows, onnxruntime_rows, tf32_allowed
from benchmarks.acceptance.tensorrt_plans import verified_rows
from benchmarks.speed import graph_runtimes
from ocrnet.zoo import Size

torch = pytest.importorskip("torch")


def test_parity_of_the_demo_is_judged_by_the_gates() -> None:
    ways = (("torch", "float32"), ("torch", "tf32"), ("torch", "float16"))
    rows = list(demo_rows("cpu", ((1, Size(128, 256)),), ways))
    assert [(row["precision"], row["verdict"]) for row in rows] == [
        ("float32", "pass"),
        ("tf32", "not judged"),  # a CPU has none: the figures alone
        ("float16", "pass"),
    ]
    assert rows[0]["logit_error"] < 1e-5 < rows[2]["logit_error"] < 3e-2


def test_parity_of_a_network_of_the_reference_data() -> None:
    rows = list(golden_rows("cpu", ["hr18s_voc12"]))
    assert [(row["network"], row["precision"]) for row in rows] == [
        ("hr18s_voc12", "float32"), ("hr18s_voc12", "float16"),
    ]  # fmt: skip
    assert [row["verdict"] for row in rows] == ["pass", "pass"]
    assert rows[0]["logit_error"] < 1e-4 < rows[1]["logit_error"]


def test_another_network_fails_its_gate(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.acceptance import parity

    monkeypatch.setattr(parity, "on_cpu", lambda network, spec, images: _off(network, spec, images))
    rows = list(demo_rows("cpu", ((1, Size(64, 128)),), (("torch", "float32"),)))
    assert rows[0]["verdict"] == "fail"
    assert "logits are off by" in rows[0]["reasons"][0]


def _off(network, spec, images):
    from benchmarks.acceptance.parity import _labels

    with torch.inference_mode():
        logits = network(torch.from_numpy(images)) * 1.01
    return logits.numpy(), _labels(logits, spec, Size(*images.shape[1:3]))


def test_parity_of_onnx_runtime_bound_to_the_device(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the graph that git holds: another would be built and compared first."""
    held = root / "model_repository" / "demo_dynamic" / "1" / "model.onnx"
    monkeypatch.setattr(graph_runtimes, "ready_graph", lambda *_, **__: held)
    (row,) = onnxruntime_rows("cpu", tmp_path, ((2, Size(64, 96)),))
    assert (row["verdict"], row["batch"]) == ("pass", 2)
    assert 0 < row["logit_error"] < 1e-4


def test_tf32_is_as_before_afterwards() -> None:
    before = torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32
    with tf32_allowed(not before[0]):
        assert torch.backends.cudnn.allow_tf32 == (not before[0])
    assert (torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32) == before


def test_tests_are_written_down_one_by_one(tmp_path: Path) -> None:
    """In a process of its own, as the step runs it."""
    tests = tmp_path / "test_some.py"
    tests.write_text(
        "import pytest\n"
        "def test_good(): pass\n"
        "def test_bad(): assert 1 == 2, 'off by 1'\n"
        "def test_left_out(): pytest.skip('onnxruntime-gpu is not installed')\n"
    )
    file = tmp_path / "results.json"
    code = (
        "import sys; from pathlib import Path; from benchmarks.acceptance.device_tests import run\n"
        f"sys.exit(run(Path({str(file)!r}), [{str(tests)!r}]))"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert ended.returncode == 1
    results = json.loads(file.read_text())["results"]
    assert [(one["test"], one["outcome"]) for one in results] == [
        ("test_good", "passed"), ("test_bad", "failed"), ("test_left_out", "skipped"),
    ]  # fmt: skip
    assert results[1]["reasons"] == ["AssertionError: off by 1"]
    assert results[2]["reason"] == "onnxruntime-gpu is not installed"


def test_the_tests_of_a_gpu_are_where_the_step_looks(root: Path) -> None:
    assert (root / EXPORT).is_file()
    assert engine_tests()
    for name in engine_tests():
        assert "gpu" in name or "cuda" in name
        assert (root / name).is_file()


def test_a_report_of_verify_becomes_rows() -> None:
    artefact = {
        "format": "tensorrt", "precision": "float16", "verdict": "fail", "reasons": ["off"],
        "figures": {"logit_error": 0.2, "changed_labels": 0.01, "miou_loss": 0.4},
    }  # fmt: skip
    not_run = artefact | {"figures": None, "verdict": "not run"}
    kinds = [{"kind": "whole", "size": "1024x2048", "artefacts": [artefact, not_run]}]
    rows = verified_rows({"model": "demo", "kinds": kinds})
    assert [(row["verdict"], row["logit_error"]) for row in rows] == [
        ("fail", 0.2), ("not run", None),
    ]  # fmt: skip
    assert rows[0]["size"] == "1024x2048"
