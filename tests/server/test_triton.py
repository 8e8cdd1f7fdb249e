"""The gateway in front of a real Triton: the same masks, and every fault as what it is."""

import asyncio
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import InferenceServerClient

from benchmarks.lib.gateway import GatewayProcess
from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.graphs.source import Source
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.cli import main
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec
from server.local_triton import LocalTriton, TritonEnvironment
from tests.conftest import patient_triton
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

Start = Callable[..., GatewayProcess]
NAME = "ocrnet_hr18s_cityscapes_40k"
MODES = {
    "whole": {"mode": "whole"},
    "slide": {"mode": "slide", "crop": "128x128", "stride": "85x85"},
}


@pytest.fixture(scope="module")
def repository(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo as git holds it, and a model with the weights of the reference data."""
    folder = tmp_path_factory.mktemp("repository")
    for kind in ("dynamic", "window"):
        name = f"demo_{kind}"
        shutil.copytree(root / "model_repository" / name, folder / name)
    source = Source(get_spec(NAME), "stand-in")
    build_artefact(source, "dynamic", Target("onnx", "float32"), BuildSettings(folder))
    write_configs(get_spec(NAME), folder, Serving())
    shutil.rmtree(folder / f"{NAME}_window")
    shutil.rmtree(folder / f"{NAME}_whole")
    return folder


@pytest.fixture(scope="module")
def triton(local_triton_environment: TritonEnvironment, repository: Path) -> Iterator[LocalTriton]:
    triton = LocalTriton(local_triton_environment, repository, ["demo", NAME], warmup=False)
    with patient_triton(triton) as started:
        yield started


@pytest.fixture(scope="module")
def behind(triton: LocalTriton, gateway_process: Start) -> GatewayProcess:
    """A gateway in front of that Triton."""
    return gateway_process("--triton", triton.addresses.grpc, "--models", f"demo,{NAME}")


def _mask(client: httpx2.Client, data: bytes, **query: str) -> np.ndarray:
    answer = client.post("/segment", params=query, files={"image": data})
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(BytesIO(answer.content)))


def _scene(height: int, width: int) -> bytes:
    file = BytesIO()
    Image.fromarray(draw_scene(5, height, width).image).save(file, "PNG")
    return file.getvalue()


def _batches(triton: LocalTriton, name: str) -> dict[int, int]:
    with InferenceServerClient(triton.addresses.grpc) as client:
        (found,) = client.get_inference_statistics(name).model_stats
    return {one.batch_size: one.compute_infer.count for one in found.batch_stats}


def _ready(behind: GatewayProcess, status: int) -> None:
    wait_until(
        lambda: behind.client.get("/health/ready").status_code == status,
        seconds=5,  # it asks once a second, and gives Triton two to answer
        what=f"/health/ready did not become {status}",
    )


def test_masks_are_those_of_the_reference_and_of_the_engine_in_process(
    behind: GatewayProcess, gateway_process: Start, repository: Path, golden: Path
) -> None:
    expected = np.load(golden / "modes_197x331_seed2.npz")
    picture = (golden / "picture_197x331_seed2.png").read_bytes()
    here = gateway_process("--repository", str(repository), "--models", NAME)
    for mode, query in MODES.items():
        through = _mask(behind.client, picture, model=NAME, **query)
        assert (through == expected[f"hr18s_cityscapes_{mode}_label"]).mean() >= 0.9999
        assert (through == _mask(here.client, picture, **query)).mean() >= 0.9999


def test_what_is_served_is_described(behind: GatewayProcess) -> None:
    graphs = behind.client.get("/models/demo").json()["graphs"]
    assert [graph["triton"] for graph in graphs] == ["demo_dynamic", "demo_window"]
    assert behind.client.get("/models").json()["models"][0]["precision"] is None
    window = {"kind": "window", "precision": "float32", "size": "512x1024", "outputs": ["logits"]}
    assert graphs[1] == window | {"triton": "demo_window", "max_batch": 8}
    assert len(behind.client.get(f"/models/{NAME}").json()["graphs"]) == 1


@pytest.mark.parametrize(
    ("graph", "height", "width"),
    [
        ("demo_dynamic", 256, 512),
        pytest.param("demo_window", 512, 1024, marks=pytest.mark.thorough),
    ],
)
def test_four_clients_share_batches(
    behind: GatewayProcess, triton: LocalTriton, graph: str, height: int, width: int
) -> None:
    """Of either graph: by its own size, or by windows of another one."""
    picture = _scene(2 * height, 2 * width)
    before = _batches(triton, graph)
    size = f"{height}x{width}"
    with ThreadPoolExecutor(4) as clients:
        # Side by side: 4 windows each instead of the 9 of the default stride.
        ask = partial(_mask, behind.client, picture, crop=size, stride=size)
        masks = list(clients.map(lambda _: ask(), range(4)))
    assert all((mask == masks[0]).all() for mask in masks)
    runs = {
        number: count - before.get(number, 0) for number, count in _batches(triton, graph).items()
    }
    images = sum(number * count for number, count in runs.items())
    assert images == 4 * 4
    assert images / sum(runs.values()) > 2


def test_the_queue_is_told_apart_and_metrics_show_triton(
    behind: GatewayProcess, triton: LocalTriton
) -> None:
    def all_is_told() -> bool:
        answer = behind.client.post("/segment", files={"image": _scene(128, 256)})
        entries = [part.split(";dur=") for part in answer.headers["Server-Timing"].split(", ")]
        timing = {name: float(milliseconds) for name, milliseconds in entries}
        total = timing.pop("total")
        assert sum(timing.values()) <= 1.05 * total
        return 0 < timing.get("queue", 0) < total and sum(timing.values()) >= 0.95 * total

    # Not each time on a machine that has other work: a thread may wait for its turn between two.
    wait_until(all_is_told, seconds=5)
    runs = float(sum(_batches(triton, "demo_dynamic").values()))
    told = f'ocrnet_triton_batch_size_count{{graph="demo_dynamic"}} {runs}'
    wait_until(lambda: told in behind.client.get("/metrics").text, seconds=2)
    text = behind.client.get("/metrics").text
    assert "ocrnet_triton_reachable 1.0" in text
    assert 'ocrnet_triton_queue_seconds_total{graph="demo_dynamic"}' in text
    assert 'ocrnet_engine_queue{model="demo"} 0.0' in text


def test_a_client_that_leaves_cancels_its_windows(
    behind: GatewayProcess, triton: LocalTriton
) -> None:
    def counted(metric: str) -> float:
        url = f"http://{triton.addresses.metrics}/metrics"
        text = httpx2.get(url, timeout=patience(1)).text
        rows = [line for line in text.splitlines() if line.startswith(metric)]
        return sum(float(row.split()[-1]) for row in rows if 'model="demo_window"' in row)

    async def leave() -> None:
        url = behind.client.base_url
        async with httpx2.AsyncClient(base_url=url, timeout=patience(6)) as client:
            # 65 windows, several batches of 8: whatever the machine, most wait when it leaves.
            query = {"mode": "slide", "stride": "128x128"}
            files = {"image": _scene(1024, 2048)}
            asking = asyncio.create_task(client.post("/segment", params=query, files=files))
            while not counted("nv_inference_pending_request_count"):
                assert not asking.done(), asking.result().text
                await asyncio.sleep(0.02)
            text = (await client.get("/metrics")).text
            (under_way,) = re.findall(r'^ocrnet_engine_queue{model="demo"} (.*)$', text, re.M)
            assert 1 <= float(under_way) <= 16
            asking.cancel()

    failures = 'nv_inference_request_failure{model="demo_window",reason="CANCELED"'
    before = counted(failures)
    asyncio.run(leave())
    wait_until(
        lambda: counted(failures) > before, seconds=5, what="no window was cancelled in Triton"
    )


def test_a_triton_that_hangs_is_a_deadline_that_passes(
    behind: GatewayProcess, triton: LocalTriton
) -> None:
    triton.pause()
    try:
        started = time.monotonic()
        answer = behind.client.post(
            "/segment", files={"image": _scene(64, 64)}, headers={"X-Request-Timeout": "1.5"}
        )
        assert answer.status_code == 504, answer.text
        assert answer.json()["code"] == "deadline_exceeded"
        assert time.monotonic() - started >= 1.5
        _ready(behind, 503)
    finally:
        triton.resume()
    _ready(behind, 200)


def test_a_triton_that_was_killed_is_used_again(
    behind: GatewayProcess, triton: LocalTriton
) -> None:
    picture = _scene(64, 64)
    expected = _mask(behind.client, picture)
    triton.kill()
    answer = behind.client.post("/segment", files={"image": picture})
    assert answer.status_code == 503, answer.text
    assert answer.json()["code"] == "engine_unavailable"
    _ready(behind, 503)
    assert "ocrnet_triton_reachable 0.0" in behind.client.get("/metrics").text
    triton.start(patience(20))
    _ready(behind, 200)
    np.testing.assert_array_equal(_mask(behind.client, picture), expected)


def test_a_full_queue_is_refused_with_a_time_to_come_back(
    local_triton_environment: TritonEnvironment,
    repository: Path,
    gateway_process: Start,
    tmp_path: Path,
) -> None:
    shutil.copytree(repository / "demo_dynamic", tmp_path / "demo_dynamic")
    write_configs(get_spec("demo"), tmp_path, Serving(max_batch=1, queue_size=1))
    shutil.rmtree(tmp_path / "demo_whole")
    picture, codes = _scene(256, 512), []
    triton = LocalTriton(local_triton_environment, tmp_path, ["demo"], warmup=False)
    with patient_triton(triton) as small:
        client = gateway_process("--triton", small.addresses.grpc).client

        def send() -> None:
            answer = client.post("/segment", files={"image": picture}, params={"mode": "whole"})
            codes.append((answer.status_code, answer.headers.get("Retry-After")))

        def one_is_refused() -> bool:
            senders = [threading.Thread(target=send) for _ in range(4)]
            for sender in senders:
                sender.start()
            for sender in senders:
                sender.join()
            return any(status != 200 for status, _ in codes)

        wait_until(one_is_refused, seconds=2)
    assert (200, None) in codes
    refused = [code for code in codes if code[0] != 200]
    assert refused
    assert set(refused) == {(503, "1")}


def test_a_gateway_that_starts_first_waits_for_triton(
    triton: LocalTriton, gateway_process: Start, tmp_path: Path
) -> None:
    triton.kill()
    log, wait = tmp_path / "log", min(patience(20), 3600.0)
    flags = ("--triton", triton.addresses.grpc, "--triton-wait", f"{wait:g}")
    with ThreadPoolExecutor(1) as beside:
        starting = beside.submit(gateway_process, *flags, log=log)
        waiting = f"Waiting up to {wait:g} s for Triton at"
        wait_until(lambda: log.exists() and waiting in log.read_text(), seconds=5)
        assert not starting.done()
        triton.start(patience(20))
        gateway = starting.result(timeout=patience(10))
    assert gateway.client.get("/health/ready").status_code == 200


def test_what_is_not_there_is_said_at_the_start(
    triton: LocalTriton, capsys: pytest.CaptureFixture[str]
) -> None:
    serve = ["serve", "--port", "0", "--triton"]
    assert main([*serve, "127.0.0.1:9", "--triton-wait", "0.3"]) == 1
    said = capsys.readouterr().err
    assert "Waiting up to 0.3 s for Triton at 127.0.0.1:9: " in said
    assert "there is no Triton at 127.0.0.1:9: " in said
    assert "(its gRPC port is usually 8001)" in said
    assert main([*serve, triton.addresses.grpc, "--models", "ocrnet_hr18_voc12_20k"]) == 1
    assert "does not serve ocrnet_hr18_voc12_20k_dynamic" in capsys.readouterr().err
    assert main([*serve, "8001"]) == 2
    assert "--triton" in capsys.readouterr().err
