"""What stands beside what in the tables, and what is not compared."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from benchmarks.lib.architectures import architectures
from benchmarks.lib.table import Table
from benchmarks.speed.case import Case, check_case, published_size
from benchmarks.speed.compare import times_baseline, times_published, times_torch
from benchmarks.speed.device import Device
from benchmarks.speed.fps_results import FpsResult, FpsRun
from benchmarks.speed.fps_tables import measured_table, published_table
from benchmarks.speed.results_page import render
from export.tensorrt.api import Gpu
from ocrnet.errors import InputError
from ocrnet.zoo import get_spec, load_zoo

MadeUp = Callable[..., dict[str, Any]]
CPU = Device("a CPU, 2 cores", {})
GPU = Device("NVIDIA A100-SXM4-80GB", {}, Gpu("NVIDIA A100-SXM4-80GB", "8.0", "570"))
V100 = Device("Tesla V100-SXM2-16GB", {}, Gpu("Tesla V100-SXM2-16GB", "7.0", "570"))


def test_all_published_rows_are_there_with_the_figures_of_their_architecture(
    made_up: MadeUp,
) -> None:
    table = published_table(FpsRun.from_json(made_up()), {"ocrnet_hr18s_cityscapes_40k": 0.7661})
    names = [row[0] for row in table.rows]
    assert len(names) == 25
    assert sorted(names) == sorted(set(load_zoo()) - {"demo"})
    rows = {row[0]: dict(zip(table.head, row, strict=True)) for row in table.rows}
    first = rows["ocrnet_hr18s_cityscapes_40k"]
    assert first["published fps"] == "10.45 (A100)"
    assert first["fps here"] == "0.16"
    assert first["× published"] == "–"  # another device
    assert (first["openvino ×"], first["openvino int8 ×"]) == ("2.40", "6.50")
    assert (first["published mIoU"], first["measured mIoU"]) == ("76.61", "76.61")
    assert rows["ocrnet_hr18s_cityscapes_160k"]["fps here"] == "0.16"
    assert rows["ocrnet_hr48_voc12_20k"]["fps here"] == "–"


def test_published_fps_are_compared_on_their_own_device_alone(made_up: MadeUp) -> None:
    spec = get_spec("ocrnet_hr18s_cityscapes_40k")
    (result,) = [
        one
        for one in FpsRun.from_json(made_up()).results
        if one.case.architecture == spec.architecture and one.case.engine == "torch"
    ]
    assert times_published(result, spec, "NVIDIA A100-SXM4-80GB") is None  # its own are in TF32
    result = _other(result, precision="tf32")
    assert times_published(result, spec, "NVIDIA A100-SXM4-80GB") == pytest.approx(0.16 / 10.45)
    assert times_published(result, spec, "NVIDIA H100") is None
    of_v100 = get_spec("ocrnet_hr18_cityscapes_40k")  # a GPU without TF32
    assert times_published(result, of_v100, "Tesla V100-SXM2-16GB") is None
    in_float32 = _other(result, precision="float32")
    assert times_published(in_float32, of_v100, "Tesla V100-SXM2-16GB") == pytest.approx(0.16 / 7.5)
    for name, value in {
        "engine": "openvino", "precision": "float16", "mode": "slide", "batch": 8, "height": 512,
    }.items():  # fmt: skip
        assert (
            times_published(_other(result, **{name: value}), spec, "NVIDIA A100-SXM4-80GB") is None
        )


def test_a_multiple_is_of_the_same_work(made_up: MadeUp) -> None:
    results = FpsRun.from_json(made_up()).results
    torch, openvino, _ = results[:3]
    assert times_torch(openvino, results) == pytest.approx(2.4)
    assert times_torch(_other(openvino, mode="slide"), results) is None
    assert times_torch(_other(openvino, batch=2), results) is None
    assert times_torch(_other(openvino, width=1024), results) is None
    assert times_torch(torch, results) == 1


def test_a_baseline_of_other_conditions_is_refused(made_up: MadeUp) -> None:
    content, faster = made_up(), made_up()
    for result in faster["results"]:
        if "fps" in result:
            result["fps"] *= 2
    run = FpsRun.from_json(faster)
    ratios = times_baseline(run, FpsRun.from_json(content))
    assert {ratio for ratio in ratios if ratio is not None} == {2.0}
    assert ratios.count(None) == 3  # failed in both
    table = measured_table(run.results, run.peaks_gmac_s, ratios)
    assert table.head[-1] == "× baseline"
    assert table.rows[0][-1] == "2.00"
    with pytest.raises(InputError, match="of other machine"):
        times_baseline(FpsRun.from_json(made_up("Another CPU")), FpsRun.from_json(content))
    content["settings"]["warmup"] = 1
    with pytest.raises(InputError, match="of other settings"):
        times_baseline(run, FpsRun.from_json(content))
    content["settings"]["warmup"] = 5
    content["results"][0]["boundary"] = "without argmax"
    with pytest.raises(
        InputError, match=r"torch float32 plain: the baseline timed 'without argmax'"
    ):
        times_baseline(run, FpsRun.from_json(content))


def test_the_terminal_s_table_is_aligned(made_up: MadeUp) -> None:
    lines = _table(made_up()).for_terminal().splitlines()
    assert len(lines) == 1 + 3 * len(architectures())
    assert "failed" in next(line for line in lines if line.startswith("hr48_voc12"))
    place = lines[0].index("precision")
    assert all(line[place:].startswith(("precision", "float32", "int8")) for line in lines)


def _other(result: FpsResult, **changed: Any) -> FpsResult:
    """The same figures of another case."""
    return replace(result, case=replace(result.case, **changed))


def _table(content: dict[str, Any]) -> Table:
    run = FpsRun.from_json(content)
    return measured_table(run.results, run.peaks_gmac_s)


def _case(**fields: Any) -> Case:
    spec = get_spec("demo")
    size = published_size(spec)
    usual = {"engine": "torch", "precision": "float32", "graph": "plain"}
    return Case(
        architecture=spec.architecture, model=spec.name, height=size.height, width=size.width,
        **usual | {"mode": "whole", "batch": 1, "concurrency": 1} | fields,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "device", "said"),
    [
        ({"engine": "openvino"}, GPU, "--device cpu"),
        ({"engine": "tensorrt"}, CPU, "name it with --device"),
        ({"engine": "onnxruntime", "precision": "float16"}, CPU, "no float16 arithmetic"),
        ({"precision": "int8"}, CPU, "torch has no int8"),
        ({"engine": "torch-graph", "precision": "int8"}, GPU, "torch has no int8"),
        ({"engine": "torch-autocast"}, GPU, "is for --precision float16"),
        ({"engine": "torch-autocast", "precision": "float16"}, CPU, "no float16 arithmetic"),
        ({"precision": "tf32"}, CPU, "a CPU, 2 cores has no TF32.*: --precision float32"),
        ({"engine": "tensorrt", "precision": "tf32"}, V100, "compute capability 8.0 on"),
        ({"engine": "torch-compile", "mode": "slide"}, CPU, "--mode whole"),
        ({"engine": "tensorrt-bound"}, CPU, "name it with --device"),
        ({"engine": "torch-graph"}, CPU, "torch-graph is a CUDA graph: name a GPU"),
        ({"engine": "torch-graph-channels-last", "mode": "slide"}, GPU, "--mode whole"),
        ({"engine": "onnxruntime-bound", "mode": "slide"}, CPU, "--mode whole"),
        ({"engine": "http", "batch": 2}, CPU, "use --concurrency"),
        ({"mode": "slide", "batch": 2}, CPU, "--batch is for --mode whole"),
        ({"concurrency": 2}, CPU, "for triton and http"),
        ({"engine": "http"}, GPU, "computes on the CPU: name one with --url"),
        ({"engine": "triton"}, GPU, "computes on the CPU: name one with --triton HOST:PORT"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(
    fields: dict[str, Any], device: Device, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        check_case(_case(**fields), device)


@pytest.mark.parametrize(
    ("fields", "device"),
    [
        ({}, CPU),
        ({"precision": "float16"}, GPU),
        ({"engine": "openvino", "precision": "int8", "batch": 4}, CPU),
        ({"engine": "tensorrt", "precision": "int8"}, GPU),
        ({"engine": "torch", "precision": "float16", "batch": 9}, GPU),
        ({"engine": "torch-autocast", "precision": "float16", "mode": "slide"}, GPU),
        ({"engine": "torch-compile"}, CPU),
        ({"engine": "onnxruntime", "precision": "tf32"}, GPU),
        ({"engine": "tensorrt-bound", "precision": "tf32", "batch": 4}, GPU),
        ({"engine": "torch"}, V100),
        ({"engine": "torch-graph"}, GPU),
        ({"engine": "onnxruntime-bound"}, CPU),
        ({"engine": "triton", "concurrency": 8, "mode": "slide"}, CPU),
    ],
)
def test_what_there_is_passes(fields: dict[str, Any], device: Device) -> None:
    check_case(_case(**fields), device)
    assert _case(**fields).kind(get_spec("demo")) in ("whole", "window")


def test_the_column_of_a_gpu_is_filled_from_its_results_alone(made_up: MadeUp) -> None:
    page = render(
        FpsRun.from_json(made_up()), {},
        {"A100": FpsRun.from_json(made_up("NVIDIA A100-SXM4-80GB"))},
    )  # fmt: skip
    assert "On A100: NVIDIA A100-SXM4-80GB, 2026-11-25." in page
    assert "The column of the V100 is empty: **there was none**." in page
    lines = [line for line in page.splitlines() if line.startswith("| ocrnet_hr18s_voc12_20k ")]
    head = next(line for line in page.splitlines() if line.startswith("| model "))
    row = dict(zip(head.split(" | "), lines[0].split(" | "), strict=True))
    assert row["fps on A100"] == row["fps here"] != ""
    assert row["fps on V100"] == ""
    assert "hr48_voc12, torch float32 failed: `its process was killed`" in page


def test_the_share_of_the_peak_is_of_the_arithmetic_that_is_used(made_up: MadeUp) -> None:
    content = made_up()
    assert _table(content).rows[0][-2] == "38%"  # 330.2 GMAC x 0.16 a second of 140
    content["peaks_gmac_s"]["tf32"] = 1400.0
    shares = [row[-2] for row in _table(content).rows[:3]]
    assert shares == ["38%", "91%", "–"]
    content["results"][0]["precision"] = "tf32"
    assert _table(content).rows[0][-2] == "4%"
    content["results"][0] |= {"engine": "triton", "precision": "as served"}
    assert _table(content).rows[0][-2] == "–"  # it does not say what it computes in
    content["results"][0]["served_precision"] = "tf32"
    assert _table(content).rows[0][-2] == "4%"


@pytest.mark.parametrize(
    ("height", "width", "kind"),
    [(1024, 2048, "whole"), (512, 1024, "window"), (512, 1023, "dynamic")],
)
def test_a_size_runs_by_the_graph_that_is_made_for_it(height: int, width: int, kind: str) -> None:
    case = replace(_case(), height=height, width=width)
    assert case.kind(get_spec("demo")) == kind


def test_short_calls_are_shown_to_a_tenth_of_a_millisecond(made_up: MadeUp) -> None:
    content = made_up()
    content["results"][0] |= {"p50_ms": 4.94, "p95_ms": 10.4}
    row = dict(zip(*[_table(content).head, _table(content).rows[0]], strict=True))
    assert (row["p50 ms"], row["p95 ms"]) == ("4.9", "10")


def test_pytorch_s_other_ways_are_of_the_same_peak(made_up: MadeUp) -> None:
    content = made_up()
    content["peaks_gmac_s"] = {"float32": 140.0, "tf32": 1400.0, "float16": 2800.0}
    content["results"][0] |= {"engine": "torch-graph", "precision": "tf32"}
    content["results"][1] |= {"engine": "torch", "precision": "float16", "fps": 1.6}
    shares = [row[-2] for row in _table(content).rows[:2]]
    assert shares == ["4%", "19%"]  # 330.2 GMAC x 0.16 of 1400, and x 1.6 of 2800


def test_a_server_elsewhere_may_have_the_gpu() -> None:
    check_case(_case(engine="http"), GPU, elsewhere=True)
    check_case(_case(engine="triton", concurrency=8), GPU, elsewhere=True)


def _row(content: dict[str, Any], index: int = 0) -> dict[str, str]:
    table = _table(content)
    return dict(zip(table.head, table.rows[index], strict=True))


def test_multiples_are_of_what_pytorch_does_by_default(made_up: MadeUp) -> None:
    """Whichever of its rows comes first: on a GPU that has it, TF32."""
    content = made_up()
    content["results"][1] |= {"engine": "torch", "precision": "tf32", "fps": 0.32}
    content["results"][2] |= {"engine": "torch-graph", "precision": "float16", "fps": 0.64}
    assert [_row(content, k)["× torch"] for k in range(3)] == ["0.50", "1.00", "2.00"]
    rows = published_table(FpsRun.from_json(content), {})
    first = dict(zip(rows.head, rows.rows[0], strict=True))
    assert (first["fps here"], first["torch ×"]) == ("0.32", "0.50")
    assert first["torch-graph float16 ×"] == "2.00"


def test_a_row_says_who_labels_and_what_is_computed(made_up: MadeUp) -> None:
    content = made_up()
    assert _row(content)["labels by"] == "–"  # of before it was recorded
    content["results"][0] |= {"labels_by": "torch on GPU", "graph": "optimised"}
    assert _row(content)["labels by"] == "torch on GPU"
    assert _row(content)["graph"] == "rewritten for CPUs"
    content["results"][0] |= {
        "engine": "triton", "precision": "as served", "served_precision": "int8",
        "weights": "as served",
    }  # fmt: skip
    row = _row(content)
    assert (row["precision"], row["graph"]) == ("int8", "as served")
    assert "compiled, s" not in row
    content["results"][1]["compile_seconds"] = 123.4
    assert (_row(content, 1)["compiled, s"], _row(content, 2)["compiled, s"]) == ("123", "–")


def test_a_device_without_a_known_peak_is_said(made_up: MadeUp) -> None:
    content = made_up("NVIDIA L20")
    content["peaks_gmac_s"] = {}
    known, unknown = FpsRun.from_json(made_up()), FpsRun.from_json(content)
    page = render(known, {}, {"L20": unknown})
    assert "No peak is known of NVIDIA L20: the column 'of peak' is empty." in page
    assert "No peak is known" not in render(known, {}, {"one": known})
