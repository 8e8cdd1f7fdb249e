"""How the start script of the Triton containers waits, becomes the server and ends."""

import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.docker.triton_container import CPU, Container
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow


def test_a_repository_with_nothing_in_it(container: Container) -> None:
    assert container.run().left_out("holds none", "build demo --to onnx tensorrt")
    container.models.rmdir()
    assert container.run().left_out("No such file or directory")
    container.models.write_text("a file")
    assert container.run().left_out("Not a directory")


def test_it_waits_for_a_model_and_starts_by_itself(container: Container, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as file:
        process = subprocess.Popen(
            container.command("--wait=0.05"), env=container.variables, stdout=file, stderr=file
        )
    try:
        wait_until(lambda: "holds none" in log.read_text(), seconds=1)
        container.add_model("demo_window", CPU)
        wait_until(lambda: "folder 1 is missing" in log.read_text(), seconds=1)
        assert process.poll() is None
        building = container.models / "demo_whole" / "1.partial"
        building.mkdir(parents=True)
        container.add_model("demo_window", CPU, "model.onnx")
        wait_until(
            lambda: f"waits for what is being built: {building}" in log.read_text(), seconds=1
        )
        assert process.poll() is None
        shutil.rmtree(building.parent)
        assert process.wait(patience(1)) == 0
    finally:
        process.kill()
        process.wait()
    text = log.read_text()
    assert "served demo_window" in text
    assert text.count("folder 1 is missing") == 1, "it says the same again and again"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_once_while_it_waits(container: Container, number: signal.Signals) -> None:
    process = subprocess.Popen(
        container.command("--wait=3600"), env=container.variables, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    assert "holds none" in process.stderr.readline()
    process.send_signal(number)
    assert process.wait(patience(1)) == 128 + number
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_the_server_takes_the_process_and_its_signals(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    server = "#!/bin/sh\necho $$\nsed -n s/SigIgn:.//p /proc/$$/status\n"
    container.add_program("tritonserver", server)
    process = subprocess.Popen(
        container.command(), env=container.variables, stdout=subprocess.PIPE, text=True
    )
    said, _ = process.communicate(timeout=patience(1))
    pid, ignored = said.split()
    assert int(pid) == process.pid
    assert int(ignored, 16) % 2**31 == 0  # those past it are the C library's own


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model-control-mode=explicit"], "it must be none"),
        (["--model-control-mode", "poll"], "it must be none"),
        (["--load-model=demo_window"], "it loads all models that are whole"),
        (["--model-store=/models"], "use --model-repository"),
        (["--model-repository=/more"], "given only once"),
        (["--wait=0"], "not a time"),
        (["--wait=soon"], "not a time"),
    ],
)
def test_flags_that_do_not_go_with_it(container: Container, flags: list[str], said: str) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    run = container.run(*flags)
    assert (run.status, run.served) == (2, [])
    assert said in run.said


def test_a_server_that_is_not_there(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    run = container.run("--tritonserver=/nowhere/tritonserver")
    assert run.status == 1
    assert "/nowhere/tritonserver does not start: No such file or directory" in run.said


def test_help_fits_a_terminal(container: Container) -> None:
    container.variables["COLUMNS"] = "80"
    done = subprocess.run(
        container.command("--help"), env=container.variables, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert max(map(len, done.stdout.splitlines())) <= 80
