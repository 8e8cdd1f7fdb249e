"""Servers that end, hang, or start others: nothing is left of them. No Triton is needed."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrnet.errors import OcrnetError
from server.local_triton import LocalTriton, Ports, TritonEnvironment
from tests.patience import wait_until

Fake = Callable[[str], TritonEnvironment]
Remains = Callable[[Path], list[str]]


def _launched(environment: TritonEnvironment, repository: Path, grace: float = 5) -> LocalTriton:
    """Started, without waiting for an answer, which a script does not give."""
    triton = LocalTriton(environment, repository, ["demo"], grace=grace)
    triton.launch()
    return triton


def test_a_server_that_does_not_start_says_why(
    fake_environment: Fake, demo_repository: Path
) -> None:
    environment = fake_environment('echo "| a table |"; echo "error: no such thing" >&2; exit 1')
    triton = LocalTriton(environment, demo_repository, ["demo"])
    with pytest.raises(OcrnetError, match=r"did not start:\nerror: no such thing$"):
        triton.start()
    assert not triton.is_running()
    triton.stop()


def test_a_server_that_does_not_get_ready_is_stopped(
    fake_environment: Fake, demo_repository: Path
) -> None:
    triton = LocalTriton(fake_environment("exec sleep 60"), demo_repository, ["demo"])
    with pytest.raises(OcrnetError, match=r"was not ready after 0\.3 s"):
        triton.start(deadline=0.3)  # short on purpose
    assert not triton.is_running()


def test_a_binary_that_is_not_there_is_an_error_of_ours(
    demo_repository: Path, tmp_path: Path
) -> None:
    triton = LocalTriton(TritonEnvironment(tmp_path / "gone", "3.11"), demo_repository, ["demo"])
    with pytest.raises(OcrnetError, match="No such file or directory"):
        triton.start()


@pytest.mark.parametrize("halted", [False, True])
def test_one_that_ignores_sigterm_is_killed_with_its_children(
    fake_environment: Fake,
    demo_repository: Path,
    tmp_path: Path,
    temporary: Path,
    remains: Remains,
    halted: bool,
) -> None:
    script = f"trap '' TERM; sleep 60 & touch {tmp_path}/up; while :; do sleep 0.05; done"
    triton = _launched(fake_environment(script), demo_repository, grace=0.3)
    wait_until((tmp_path / "up").exists, seconds=1)
    (scratch,) = temporary.iterdir()
    if halted:
        triton.pause()
    assert len(remains(scratch)) >= 3  # the supervisor, the server, what that started
    triton.stop()
    assert remains(scratch) == []
    assert not scratch.exists()


def test_shared_memory_goes_with_a_server_that_was_killed(
    fake_environment: Fake,
    demo_repository: Path,
    tmp_path: Path,
    temporary: Path,
    remains: Remains,
) -> None:
    # As Triton does: regions are named after what its command line says.
    script = (
        'for a; do case $a in *region-prefix-name=*) touch "/dev/shm/${a##*=}1" ;; esac; done; '
        f"touch {tmp_path}/up; sleep 60 & sleep 60"
    )
    triton = _launched(fake_environment(script), demo_repository)
    wait_until((tmp_path / "up").exists, seconds=1)
    (scratch,) = temporary.iterdir()
    assert f"/dev/shm/{scratch.name}_1" in remains(scratch)
    triton.kill()
    assert remains(scratch) == []
    assert not scratch.exists()


def test_one_that_ends_by_itself_is_noticed(fake_environment: Fake, demo_repository: Path) -> None:
    triton = _launched(fake_environment("echo it burns; exit 0"), demo_repository)
    with pytest.raises(OcrnetError, match="has ended by itself:\nit burns"):
        triton.wait()
    triton.stop()


def test_a_taken_port_is_named(demo_repository: Path, fake_environment: Fake) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        triton = LocalTriton(
            fake_environment("exit 1"), demo_repository, ["demo"], ports=Ports(metrics=port)
        )
        with pytest.raises(OcrnetError, match=rf"metrics port 127\.0\.0\.1:{port} cannot be used"):
            triton.start()
