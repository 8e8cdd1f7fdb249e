"""benchmarks/fps.py as a command: measured, kept, gone on with, and refused."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fps import _cases, _parser, main
from benchmarks.speed import measure
from benchmarks.speed.case import Case
from benchmarks.speed.compute import measured_peak
from benchmarks.speed.device import Device
from benchmarks.speed.measure import Bench
from benchmarks.speed.places import Places
from export.tensorrt.api import Gpu


@pytest.fixture
def fps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def run(*flags: str) -> int:
        usual = ["--json", tmp_path / "fps.json", "--repository", tmp_path / "graphs"]
        monkeypatch.setattr(sys, "argv", ["fps.py", *map(str, usual), *flags])
        monkeypatch.setattr("benchmarks.fps.measured_peak", partial(measured_peak, 256, 3))
        return main()

    return run


def _mostly_here(work: Any, case: Case, bench: Bench) -> Any:
    """Do it without a new process, which takes seconds to import what it needs.

    What asks a gateway leaves its connections to the end of its process.
    """
    if work is measure._measure and case.engine == "http":
        return _in_child(work, case, bench)
    with ThreadPoolExecutor(1) as pool:
        return measure._outcome(pool.submit(work, case, bench))


_in_child = measure._in_child


@pytest.mark.slow
@pytest.mark.parametrize("processes", ["two", pytest.param("all", marks=pytest.mark.thorough)])
def test_a_run_measures_goes_on_and_is_shown(
    processes: str,
    fps,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each measurement has a process of its own: here all of them, or two."""
    what = ["--device", "cpu", "--model", "demo", "--size", "64x96", "--images", "3"]
    assert fps(*what, "--engine", "torch") == 0
    first = json.loads((tmp_path / "fps.json").read_text())
    capsys.readouterr()
    if processes == "two":
        monkeypatch.setattr(measure, "_in_child", _mostly_here)
    chart = tmp_path / "chart.svg"
    engines = ["torch", "openvino", "http"]
    assert fps(*what, "--engine", *engines, "--plot", str(chart)) == 0
    said = capsys.readouterr().out
    second = json.loads((tmp_path / "fps.json").read_text())
    assert "[1/2] hr18s_cityscapes 64x96 whole, openvino float32 plain" in said
    assert second["results"][0] == first["results"][0]  # not measured again
    assert [one["engine"] for one in second["results"]] == engines
    for result in second["results"]:
        assert len(result["seconds"]) == result["calls"] == 3
        assert result["weights"] == "demo.safetensors"
        assert 0 < result["p50_ms"] <= result["p95_ms"]
        assert result["peak_mb"] > 50
    assert [one["labels_by"] for one in second["results"]] == ["CPU", "CPU", "server"]
    assert [one["precision"] for one in second["results"]] == ["float32", "float32", "as served"]
    assert second["results"][2]["served_precision"] == "float32"
    assert "HTTP: PNG sent → PNG mask received" in said
    assert "10.45 (A100)" in said
    assert chart.read_bytes().startswith(b"<?xml")
    assert fps(*what, "--warmup", "1") == 1
    assert "results of other settings" in capsys.readouterr().err


def test_what_cannot_be_measured_ends_with_a_sentence_and_status_2(
    fps, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fps("--device", "A100") == 2
    assert "there is no NVIDIA GPU here" in capsys.readouterr().err
    assert fps("--device", "cpu", "--engine", "tensorrt") == 2
    assert "tensorrt computes on a GPU" in capsys.readouterr().err
    assert fps("--device", "cpu", "--precision", "tf32") == 2
    assert "has no TF32" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        fps("--device", "cpu", "--plot", "chart.gif")
    assert ended.value.code == 2
    assert "ends in .png or .svg" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        fps("--device", "cpu", "--baseline", "missing.json")
    assert "there is no file missing.json" in capsys.readouterr().err
    assert not (tmp_path / "fps.json").exists()


@pytest.mark.slow
def test_a_model_that_fails_stands_in_the_table_and_the_others_go_on(
    fps, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "_in_child", _mostly_here)
    what = ["--device", "cpu", "--model", "demo", "--size", "64x96", "--images", "1"]
    url = ["--url", "http://127.0.0.1:9"]
    assert fps(*what, *url, "--engine", "http", "torch") == 1
    results = json.loads((tmp_path / "fps.json").read_text())["results"]
    assert ["error" in result for result in results] == [True, False]
    assert "http as served plain failed: " in capsys.readouterr().out


def _chosen(device: Device, *flags: str) -> list[tuple[str, str, str]]:
    arguments = _parser().parse_args(["--device", "x", "--model", "demo", *flags])
    places = Places(Path("graphs"), triton=arguments.triton, url=arguments.url)
    return [(one.engine, one.precision, one.graph) for one in _cases(arguments, device, places)]


def test_on_a_gpu_pytorch_has_tf32_and_graphs_for_cpus_are_not_alone() -> None:
    cpu = Device("a CPU", {})
    h200, v100 = (
        Device(name, {}, Gpu(name, capability, "580"))
        for name, capability in (("NVIDIA H200", "9.0"), ("Tesla V100-SXM2-16GB", "7.0"))
    )
    both = ["--engine", "torch", "onnxruntime"]
    of_cpu = [("torch", "float32", "plain"), ("onnxruntime", "float32", "optimised")]
    assert _chosen(cpu, *both) == of_cpu
    on_gpu = [("onnxruntime", "tf32", "plain"), ("onnxruntime", "tf32", "optimised")]
    assert _chosen(h200, *both) == [("torch", "tf32", "plain"), *on_gpu]
    assert _chosen(v100, *both)[0] == ("torch", "float32", "plain")
    asked = ["--precision", "float32", "tf32", "float16", "--graph", "plain"]
    assert [precision for _, precision, _ in _chosen(h200, *asked)] == asked[1:4]
    assert [precision for _, precision, _ in _chosen(v100, *asked)] == ["float32", "float16"]


def test_a_server_that_runs_computes_in_what_it_serves() -> None:
    h200 = Device("NVIDIA H200", {}, Gpu("NVIDIA H200", "9.0", "580"))
    servers = ["--engine", "triton", "http", "--triton", "gpu:8001", "--url", "http://gpu:8000"]
    expected = [("triton", "as served", "plain"), ("http", "as served", "plain")]
    assert _chosen(h200, *servers) == expected
    assert _chosen(h200, *servers, "--precision", "float16", "int8") == expected
