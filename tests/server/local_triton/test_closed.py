"""A real Triton serves inference alone: it refuses to be controlled on every port that it opens."""

import base64
import http.client
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from tritonclient.grpc import InferenceServerClient, InferInput, service_pb2, service_pb2_grpc

from server.local_triton import LocalTriton, TritonEnvironment
from tests.conftest import patient_triton
from tests.patience import patience
from tests.server.local_triton.http2 import DATA, kinds, raw_call

pytestmark = pytest.mark.slow

REGION = f"ocrnet-test-{os.getpid()}"
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F"}
VERTEX_AI = {
    "AIP_MODE": "PREDICTION",
    "AIP_HTTP_PORT": "0",
    "AIP_HEALTH_ROUTE": "/health",
    "AIP_PREDICT_ROUTE": "/predict",
}
Call = Callable[[service_pb2_grpc.GRPCInferenceServiceStub], object]


@pytest.fixture(scope="module")
def triton(local_triton_environment: TritonEnvironment, root: Path) -> Iterator[LocalTriton]:
    """Started where the variables of Vertex AI are set: Triton would open a port for it."""
    repository = root / "model_repository"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in VERTEX_AI.items():
            patch.setenv(name, value)
        triton = LocalTriton(local_triton_environment, repository, ["demo"], kinds=["dynamic"])
        with patient_triton(triton) as started:
            yield started


@pytest.fixture(scope="module")
def ports(triton: LocalTriton) -> list[int]:
    return [port for _, port in _listening(triton)]


@pytest.fixture(autouse=True, scope="module")
def region() -> Iterator[None]:
    """Shared memory of this user that Triton would find."""
    path = Path("/dev/shm") / REGION
    path.write_bytes(b"0")
    yield
    path.unlink()


@pytest.fixture
def planted(tmp_path: Path) -> Path:
    """What the code of an attacker writes if it runs."""
    return tmp_path / "planted"


def _listening(triton: LocalTriton) -> list[tuple[str, int]]:
    """(address in hexadecimal, port) of every socket that the server or a child listens at."""
    sockets = set()
    processes = list(_group(triton.pid))
    assert len(processes) == 2
    for process in processes:
        for link in (process / "fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                sockets.add(str(link.readlink()))
    found = []
    for name in ("tcp", "tcp6"):
        for line in Path(f"/proc/{triton.pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                address, port = fields[1].split(":")
                found.append((address, int(port, 16)))
    return found


def _group(pid: int) -> Iterator[Path]:
    """The folders of the server's process and of those of its models, which are of its group."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            _, _, group, *_ = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(group) == pid:
                yield folder


def test_it_listens_at_the_ports_it_names_on_the_loopback_interface_alone(
    triton: LocalTriton,
) -> None:
    found = _listening(triton)
    named = {triton.addresses.grpc, triton.addresses.metrics}
    assert sorted(port for _, port in found) == sorted(int(one.split(":")[1]) for one in named)
    assert {address for address, _ in found} <= LOOPBACK


def _code(planted: Path) -> str:
    return f"open({str(planted)!r}, 'w').close()\n"


def _load(planted: Path) -> dict[str, Any]:
    code = base64.b64encode(_code(planted).encode()).decode()
    config = json.dumps({"backend": "python", "max_batch_size": 0})
    return {"parameters": {"config": config, "file:1/model.py": code}}


@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
@pytest.mark.parametrize(
    "path",
    [
        "repository/models/evil/load",
        "repository/models/demo_dynamic/load",
        "repository/models/demo_dynamic/unload",
        "repository/index",
        "logging",
        "trace/setting",
        "systemsharedmemory/region/evil/register",
        "cudasharedmemory/region/evil/register",
    ],
)
def test_control_over_http_is_refused_on_every_port(
    triton: LocalTriton, ports: list[int], planted: Path, path: str, kind: str
) -> None:
    for port in ports:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=patience(1))
        try:
            connection.request(
                "POST", f"/v2/{path}", json.dumps(_load(planted)), {"Content-Type": kind}
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException):  # it speaks no HTTP/1
            continue
        finally:
            connection.close()
        assert status in (404, 405), port
    assert not planted.exists()
    _still_serves(triton)


def _load_over_grpc(stub: service_pb2_grpc.GRPCInferenceServiceStub, planted: Path) -> object:
    request = service_pb2.RepositoryModelLoadRequest(model_name="evil")
    request.parameters["config"].string_param = _load(planted)["parameters"]["config"]
    request.parameters["file:1/model.py"].bytes_param = _code(planted).encode()
    return stub.RepositoryModelLoad(request)


def _log(stub: service_pb2_grpc.GRPCInferenceServiceStub, **settings: Any) -> object:
    request = service_pb2.LogSettingsRequest()
    for name, value in settings.items():
        kind = "string_param" if isinstance(value, str) else "uint32_param"
        setattr(request.settings[name], kind, value)
    return stub.LogSettings(request)


def _trace(stub: service_pb2_grpc.GRPCInferenceServiceStub, **settings: str) -> object:
    request = service_pb2.TraceSettingRequest()
    for name, value in settings.items():
        request.settings[name].value.append(value)
    return stub.TraceSetting(request)


REQUESTS: dict[str, Call] = {
    "load again": lambda stub: stub.RepositoryModelLoad(
        service_pb2.RepositoryModelLoadRequest(model_name="demo_dynamic")
    ),
    "unload": lambda stub: stub.RepositoryModelUnload(
        service_pb2.RepositoryModelUnloadRequest(model_name="demo_dynamic")
    ),
    "log more": lambda stub: _log(stub, log_verbose_level=1),
    "trace": lambda stub: _trace(stub, trace_level="OFF", trace_rate="1"),
    "shared memory": lambda stub: stub.SystemSharedMemoryRegister(
        service_pb2.SystemSharedMemoryRegisterRequest(name="evil", key=f"/{REGION}", byte_size=1)
    ),
    "no shared memory": lambda stub: stub.SystemSharedMemoryUnregister(
        service_pb2.SystemSharedMemoryUnregisterRequest(name="")
    ),
    "a GPU's memory": lambda stub: stub.CudaSharedMemoryRegister(
        service_pb2.CudaSharedMemoryRegisterRequest(name="evil", raw_handle=b"0" * 64, byte_size=1)
    ),
}


@pytest.mark.parametrize("name", [*REQUESTS, "load a file", "log to a file", "trace to a file"])
def test_control_over_grpc_is_refused_on_every_port(
    triton: LocalTriton, ports: list[int], planted: Path, name: str
) -> None:
    to_files: dict[str, Call] = {
        "load a file": lambda stub: _load_over_grpc(stub, planted),
        "log to a file": lambda stub: _log(stub, log_file=str(planted)),
        "trace to a file": lambda stub: _trace(stub, trace_file=str(planted), trace_rate="1"),
    }
    call = (REQUESTS | to_files)[name]
    refusals = {port: _refusal(port, call) for port in ports}
    grpc_port = int(triton.addresses.grpc.split(":")[1])
    assert "This protocol is restricted" in refusals[grpc_port]
    assert not planted.exists()
    _still_serves(triton)


def _refusal(port: int, call: Call) -> str:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        with pytest.raises(grpc.RpcError) as refused:
            call(service_pb2_grpc.GRPCInferenceServiceStub(channel))
        code, details = refused.value.code(), refused.value.details()
        assert code == grpc.StatusCode.UNAVAILABLE, (port, details)
        return str(details)


def test_no_header_opens_what_is_restricted(triton: LocalTriton) -> None:
    """Not even the one that its refusal names: HTTP/2 has no capital letters in names."""
    with grpc.insecure_channel(triton.addresses.grpc) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        request = service_pb2.RepositoryIndexRequest()
        with pytest.raises(grpc.RpcError) as refused:
            stub.RepositoryIndex(request)
        name = str(refused.value.details()).split("'")[1]
        assert name.lower().startswith("triton-grpc-protocol-")
        (flag,) = [
            flag
            for flag in Path(f"/proc/{triton.pid}/cmdline").read_text().split("\0")
            if flag.startswith("--grpc-restricted-protocol=")
        ]
        secret = flag.rpartition("=")[2]
        with pytest.raises(grpc.RpcError) as refused:
            stub.RepositoryIndex(request, metadata=[(name.lower(), secret)])
    assert refused.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "restricted" in str(refused.value.details())
    # The client of gRPC sends no capital letters, so frames are written by hand.
    allowed = raw_call(triton.addresses.grpc, "ServerLive", service_pb2.ServerLiveRequest(), {})
    assert DATA in kinds(allowed)
    index = raw_call(triton.addresses.grpc, "RepositoryIndex", request, {name: secret})
    assert DATA not in kinds(index)
    assert b"demo" not in index


def _still_serves(triton: LocalTriton) -> None:
    with InferenceServerClient(triton.addresses.grpc) as client:
        image = InferInput("image", [1, 8, 8, 3], "UINT8")
        image.set_data_from_numpy(np.zeros((1, 8, 8, 3), np.uint8))
        logits = client.infer("demo_dynamic", [image], client_timeout=patience(6)).as_numpy(
            "logits"
        )
        assert logits is not None
        assert logits.shape == (1, 19, 2, 2)
        (work,) = client.get_inference_statistics("demo_dynamic").model_stats
        assert work.name == "demo_dynamic"
