"""What tests of several packages share: reference data, pictures, gateways."""

import asyncio
import importlib.util
import logging
import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import httpx2
import numpy as np
import pytest
import uvicorn
from numpy.typing import NDArray
from PIL import Image

from benchmarks.lib.gateway import GatewayProcess, running_gateway
from benchmarks.lib.machine import cores
from ocrnet.artefacts import find_graphs
from ocrnet.engines import Engine, open_engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from ocrnet.process import switch_off_telemetry
from ocrnet.zoo import Size, get_spec
from server.app import create_app
from server.cli import server_config
from server.local_triton import (
    LocalTriton,
    TritonEnvironment,
    find_environment,
    install_environment,
)
from server.models import ServedModel, ServedModels
from server.settings import Settings
from tests.patience import patience, wait_until

GOLDEN = Path(__file__).parent / "golden"
ROOT = Path(__file__).parent.parent

switch_off_telemetry()  # tests import OpenVINO and ONNX Runtime by themselves

# Of the gateways that tests start, unless they state their own: none ends what a test waits for.
ANSWER = patience(60)  # seconds until a client gives up
SETTINGS = {
    "max_request_time": min(2 * ANSWER, 86_400.0),
    "body_timeout": min(patience(10), 3600.0),
}


def pytest_configure() -> None:
    """Before PyTorch is imported: let tests be the same wherever they are started from."""
    # In the background of a shell they would ignore Ctrl-C, and what they start would as well.
    usually = {signal.SIGINT: signal.default_int_handler, signal.SIGQUIT: signal.SIG_DFL}
    for number, usual in usually.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, usual)
    # Workers share the cores: threads of one would wait in loops for those of another.
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // workers)))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine reaches a test."""
    for name in os.environ:
        if name.startswith("OCRNET_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """A test that configures logging leaves no handler on a stream that is closed after it."""
    root_logger = logging.getLogger()
    handlers, level = root_logger.handlers[:], root_logger.level
    yield
    root_logger.handlers[:] = handlers
    root_logger.setLevel(level)


@pytest.fixture(scope="session")
def golden() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def tracked(root: Path) -> Callable[..., list[str]]:
    """Names of the files that git holds, or would at the next commit, by patterns.

    Skips where the tree came without git's data, as an archive of it does.
    """
    if not (root / ".git").exists():
        missing("the tree", "has no .git")
    git = need("git")

    def tracked(*patterns: str) -> list[str]:
        command = [git, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *patterns]
        listed = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        names = dict.fromkeys(listed.stdout.split("\0"))
        return [name for name in names if (root / name).is_file()]

    return tracked


@pytest.fixture(scope="session")
def golden_weights() -> ModuleType:
    """The module that the reference data was made with."""
    found = importlib.util.spec_from_file_location("golden_weights", GOLDEN / "weights.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def encode() -> Callable[..., bytes]:
    """Encode an array with Pillow."""

    def encode(image: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
        file = BytesIO()
        Image.fromarray(image).save(file, kind, **options)
        return file.getvalue()

    return encode


class _KeptOpen:
    """An engine for many gateways, one after the other: they close it, and it goes on."""

    def __init__(self, engine: Engine):
        self._engine = engine

    def outputs(self, size: Size) -> frozenset[str]:
        return self._engine.outputs(size)

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        return await self._engine.infer(images, output)

    async def close(self) -> None:
        pass


@pytest.fixture(scope="session")
def demo_engine(root: Path) -> Iterator[Engine]:
    """The demo in this process, compiled once: for tests that do not close it to see it closed."""
    spec = get_spec("demo")
    engine = open_engine(spec, find_graphs(root / "model_repository", spec))
    yield _KeptOpen(engine)
    asyncio.run(engine.close())


@pytest.fixture
def gateway() -> Iterator[Callable[..., httpx2.Client]]:
    """Start gateways on engines of the test's choice; the default is the fake one.

    Real servers on real sockets, each in a thread of its own.
    """
    with ExitStack() as stack:

        def start(
            engine: Engine | None = None,
            name: str = "demo",
            model: ServedModel | None = None,
            **settings: object,
        ) -> httpx2.Client:
            spec = get_spec(name)
            engine = engine or FakeEngine(spec.classes, spec.output_stride)
            served = ServedModels([model or ServedModel(spec, [], lambda: engine)])
            chosen = Settings(**(SETTINGS | settings))
            config = server_config(create_app(chosen, served), chosen)
            url = stack.enter_context(listening(config))
            return stack.enter_context(httpx2.Client(base_url=url, timeout=ANSWER))

        yield start


@pytest.fixture(scope="module")
def gateway_process(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., GatewayProcess]]:
    """Start gateways as `make serve` does, on free ports, with more flags if wanted.

    log: the file that it logs into; None: one of its own.
    """
    with ExitStack() as stack:

        def start(*flags: str, log: Path | None = None) -> GatewayProcess:
            log = log or tmp_path_factory.mktemp("gateway") / "log"
            return stack.enter_context(patient_gateway(log, *flags))

        yield start


def patient_gateway(log: Path, *flags: str) -> AbstractContextManager[GatewayProcess]:
    """`ocrnet serve` in a process of its own, with limits that no slow machine reaches."""
    patient = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
    return running_gateway(log, *patient, *flags, timeout=ANSWER, stop=patience(6))


@contextmanager
def patient_triton(triton: LocalTriton) -> Iterator[LocalTriton]:
    """A local Triton that is started, however long that takes, and stopped."""
    try:
        triton.start(patience(20))
        yield triton
    finally:
        triton.stop()


@contextmanager
def listening(config: uvicorn.Config) -> Iterator[str]:
    """Run a server in a thread on a free port; its URL."""
    config.port = 0
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive(), seconds=10)
    assert server.started, "the gateway did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=patience(5))
        assert not thread.is_alive(), "the gateway did not stop"


def need(program: str) -> str:
    """Return the path of a program; skip without it, except in CI, where it must be there."""
    path = shutil.which(program)
    if path is None:
        missing(program, "is not installed")
    return path


def missing(part: str, why: str) -> NoReturn:
    """Skip, or in CI fail, for want of a part."""
    reason = f"{part} {why}"
    if os.environ.get("CI") == "true":
        pytest.fail(f"{reason}, and CI must have it")
    pytest.skip(reason)


@pytest.fixture
def needed() -> Callable[[str], str]:
    return need


@pytest.fixture(scope="session")
def local_triton_environment() -> TritonEnvironment:
    """Where a real Triton is installed; in CI it is installed now, elsewhere tests are skipped."""
    if os.environ.get("CI") == "true":
        return install_environment()
    found = find_environment()
    if found is None:
        pytest.skip("Triton is not installed: run 'ocrnet triton --install-only'")
    return found


@pytest.fixture(scope="session")
def demo_triton(root: Path, local_triton_environment: TritonEnvironment) -> Iterator[LocalTriton]:
    """A real Triton that serves the demo as git holds it, for tests that leave it running."""
    repository = root / "model_repository"
    with patient_triton(LocalTriton(local_triton_environment, repository, ["demo"])) as started:
        yield started


@pytest.fixture(scope="session")
def labelled_demo(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of `labelled_demo_spec()`, whose float16 graph of whole images gives labels."""
    from tests.small_models import build_labelled_demo  # with PyTorch, which few tests need

    folder = tmp_path_factory.mktemp("labelled")
    build_labelled_demo(folder, root / "model_repository")
    return folder


@pytest.fixture(scope="session")
def labelled_triton(
    labelled_demo: Path, local_triton_environment: TritonEnvironment
) -> Iterator[LocalTriton]:
    """A real Triton that serves it, for tests that leave it running."""
    triton = LocalTriton(local_triton_environment, labelled_demo, ["demo"], config_name="onnx")
    with patient_triton(triton) as started:
        yield started
