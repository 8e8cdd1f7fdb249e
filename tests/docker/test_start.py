"""What the Triton containers' start script serves, leaves out and says, on real folders."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

A100 = ("GPU-a", "8.0", "NVIDIA A100")
H100 = ("GPU-h", "9.0", "NVIDIA H100")
V100 = ("GPU-v", "7.0", "Tesla V100")

PLANS = """
name: "NAME"
platform: "tensorrt_plan"
version_policy { specific { versions: [1] } }
max_batch_size: 8
instance_group { kind: KIND_GPU count: 2 }
default_model_filename: "no_plan_for_this_gpu.plan"
cc_model_filenames { key: "8.0" value: "model_sm80_fp16.plan" }
cc_model_filenames { key: "9.0" value: "model_sm90_fp16.plan" }
"""
CPU = """
name: "NAME"
platform: "onnxruntime_onnx"
version_policy { specific { versions: [1] } }
instance_group { kind: KIND_CPU count: 1 }
default_model_filename: "model.onnx"
"""
_SERVER = """#!/bin/sh
for argument in "$@"; do
  case "$argument" in
    --model-repository=*) echo served $(ls "${argument#*=}") ;;
    *) echo "argument $argument" ;;
  esac
done
"""


class Container:
    """A folder of models, and the programs that the script finds beside it."""

    def __init__(self, folder: Path, script: Path):
        self.models, self._programs, self._script = folder / "models", folder / "bin", script
        self.models.mkdir()
        self._programs.mkdir()
        self.add_program("tritonserver", _SERVER)
        (folder / "tmp").mkdir()
        self.variables = {
            "PATH": f"{self._programs}:/usr/bin:/bin",
            "TMPDIR": str(folder / "tmp"),
        }

    def add_program(self, name: str, text: str) -> None:
        path = self._programs / name
        path.write_text(text)
        path.chmod(0o755)

    def add_gpus(self, *gpus: tuple[str, str, str]) -> None:
        lines = "\n".join(", ".join(gpu) for gpu in gpus)
        self.add_program("nvidia-smi", f"#!/bin/sh\ncat <<'END'\n{lines}\nEND\n")

    def add_model(
        self, name: str, config: str, *files: str, variant: str = "", version: str = "1"
    ) -> Path:
        """Return the version's folder."""
        folder = self.models / name
        path = folder / "configs" / f"{variant}.pbtxt" if variant else folder / "config.pbtxt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(config.replace("NAME", name))
        for file in files:
            (folder / version).mkdir(exist_ok=True)
            (folder / version / file).write_bytes(f"{name} {file}".encode())
        return folder / version

    def command(self, *flags: str) -> list[str]:
        return [sys.executable, str(self._script), f"--model-repository={self.models}", *flags]

    def run(self, *flags: str, prefix: tuple[str, ...] = ()) -> "Run":
        done = subprocess.run(
            [*prefix, *self.command(*flags)],
            env=self.variables,
            capture_output=True,
            text=True,
            timeout=patience(5),
            check=False,
        )
        return Run(done)


class Run:
    """What one run of the script served and said."""

    def __init__(self, done: "subprocess.CompletedProcess[str]"):
        lines = done.stdout.splitlines()
        self.status, self.said = done.returncode, done.stderr
        self.served = [line.split()[1:] for line in lines if line.startswith("served")]
        self.arguments = [line.split(" ", 1)[1] for line in lines if line.startswith("argument")]

    def left_out(self, *parts: str) -> bool:
        return self.status == 78 and not self.served and all(part in self.said for part in parts)


def manifest(path: Path, **facts: object) -> None:
    """Write the manifest of a file as `ocrnet export build` does, as far as the script reads it."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {"format": "tensorrt", "files": {path.name: digest}, "profile": {}, "gpu": {}}
    content |= {"versions": {}, **facts}
    path.with_name(path.name + ".manifest.json").write_text(json.dumps(content))


@pytest.fixture
def container(root: Path, tmp_path: Path) -> Container:
    return Container(tmp_path, root / "docker" / "triton" / "start.py")


def test_a_model_that_is_not_built_is_left_out_and_the_others_are_served(
    container: Container,
) -> None:
    container.add_model("demo_dynamic", CPU, "model.onnx")
    container.add_model("demo_window", CPU)
    run = container.run("--exit-timeout-secs=30")
    assert (run.status, run.served) == (0, [["demo_dynamic"]])
    assert run.arguments == ["--exit-timeout-secs=30"]
    assert "Left out: demo_window: its folder 1 is missing, with model.onnx in it." in run.said
    assert "    ocrnet export build demo --to onnx\n" in run.said


def test_the_demo_s_repository_starts_as_git_holds_it(
    root: Path, container: Container, tracked: Callable[..., list[str]]
) -> None:
    for name in tracked("model_repository"):
        copy = container.models.parent / "models" / Path(name).relative_to("model_repository")
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes((root / name).read_bytes())
    run = container.run("--model-config-name=cpu")
    assert run.status == 0
    assert "demo_dynamic" in run.served[0]
    assert "--model-config-name=cpu" in run.arguments
    container.add_gpus(A100)
    assert container.run().left_out("demo_window", "A100", "ocrnet export build demo --to tensorrt")


def test_without_any_plan_it_says_how_to_build_them(container: Container) -> None:
    container.add_gpus(A100)
    for kind in ("dynamic", "window", "whole"):
        container.add_model(f"demo_{kind}", PLANS)
    run = container.run("--export-command=docker compose run --rm export")
    assert run.left_out("demo_dynamic, demo_whole, demo_window", "model_sm80_fp16.plan")
    commands = [line for line in run.said.splitlines() if line.startswith("    ")]
    assert commands == ["    docker compose run --rm export build demo --to tensorrt"]


@pytest.mark.parametrize(
    ("gpus", "plans", "whole"),
    [
        ([A100], ["80"], True),
        ([A100], ["90"], False),
        ([A100, A100], ["80"], True),
        ([A100, H100], ["80"], False),
        ([A100, H100], ["90"], False),
        ([A100, H100], ["80", "90"], True),
        ([V100], ["80", "90"], False),
    ],
)
def test_every_gpu_needs_its_plan(
    container: Container, gpus: list[tuple[str, str, str]], plans: list[str], whole: bool
) -> None:
    container.add_gpus(*gpus)
    container.add_model("demo_window", PLANS, *(f"model_sm{plan}_fp16.plan" for plan in plans))
    run = container.run()
    assert (run.status == 0) == whole, run.said
    if not whole:
        assert any(gpu[2] in run.said for gpu in gpus)


def test_a_gpu_without_plans_is_sent_to_onnx(container: Container) -> None:
    container.add_gpus(V100)
    container.add_model("demo_window", PLANS)
    container.add_model("demo_window", CPU.replace("_CPU", "_GPU"), "model.onnx", variant="onnx")
    assert container.run().left_out(
        "7.0 (Tesla V100)", "--model-config-name=onnx", "--to onnx-fp16"
    )
    assert container.run("--model-config-name=onnx").served == [["demo_window"]]


@pytest.mark.parametrize(
    ("variables", "served"),
    [
        ({"CUDA_VISIBLE_DEVICES": "GPU-a"}, True),
        ({"CUDA_VISIBLE_DEVICES": "GPU-h"}, False),
        ({"CUDA_VISIBLE_DEVICES": "GPU-h,GPU-a"}, False),
        ({"CUDA_VISIBLE_DEVICES": "1"}, False),  # CUDA's own order is not nvidia-smi's
        ({"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, True),
        ({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, False),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, False),
        ({"CUDA_VISIBLE_DEVICES": ""}, False),
        ({"CUDA_VISIBLE_DEVICES": "7", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, False),
    ],
)
def test_only_gpus_that_triton_uses_count(
    container: Container, variables: dict[str, str], served: bool
) -> None:
    container.add_gpus(A100, H100)
    container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    container.variables |= variables
    run = container.run()
    assert (run.status == 0) == served, run.said


def test_instance_groups_choose_gpus(container: Container) -> None:
    container.add_gpus(A100, H100)
    config = PLANS.replace("count: 2", "count: 1 gpus: [ 0 ]")
    container.add_model("demo_window", config, "model_sm80_fp16.plan")
    assert container.run().status == 0


@pytest.mark.parametrize(
    ("smi", "said"),
    [
        (None, "there is no nvidia-smi"),
        ("echo 'driver not loaded' >&2; exit 9", "driver not loaded"),
        ("exit 0", "lists no GPU"),
        ("echo 'GPU-x, [N/A], Old'", "does not say the compute capability"),
        ("printf '\\377\\376'", "does not say the compute capability"),
    ],
)
def test_without_a_gpu_plans_are_left_out_and_cpus_serve(
    container: Container, smi: str | None, said: str
) -> None:
    if smi:
        container.add_program("nvidia-smi", f"#!/bin/sh\n{smi}\n")
    container.add_model("demo_window", PLANS, "model.onnx", "model_sm80_fp16.plan")
    container.add_model("demo_window", CPU, variant="cpu")
    assert container.run().left_out(said, "--model-config-name=cpu")
    assert container.run("--model-config-name=cpu").served == [["demo_window"]]


@pytest.mark.parametrize(
    ("variant", "file", "command"),
    [
        ("plan-int8", "model_sm80_int8.plan", "build demo --to tensorrt --precision int8"),
        ("plan-float32", "model_sm80.plan", "build demo --to tensorrt --precision float32"),
        ("onnx", "model_fp16.onnx", "build demo --to onnx-fp16"),
        ("onnx-int8", "model_int8.onnx", "build demo --to onnx-int8"),
        ("of-your-own", "engine.plan", "build demo --to tensorrt"),
    ],
)
def test_any_configuration_can_be_chosen(
    container: Container, variant: str, file: str, command: str
) -> None:
    container.add_gpus(A100)
    config = PLANS.replace("model_sm80_fp16.plan", file)
    container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    container.add_model("demo_window", config, variant=variant)
    run = container.run(f"--model-config-name={variant}")
    assert run.left_out(f"{file} is missing", f"    ocrnet export {command}\n")
    container.add_model("demo_window", config, file, variant=variant)
    run = container.run("--model-config-name", variant)
    assert (run.served, run.arguments) == ([["demo_window"]], [f"--model-config-name={variant}"])


def test_a_configuration_that_a_model_lacks_is_its_usual_one(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    assert container.run("--model-config-name=onnx").served == [["demo_window"]]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"gpu": {"compute_capability": "8.6"}}, "built for compute capability 8.6"),
        ({"versions": {"tensorrt": "10.16.1.11"}}, "built by TensorRT 10.16.1.11"),
        ({"versions": {"tensorrt": "11.1.0.107"}}, "this image has 11.1.0.106"),
        ({"profile": {"min": [1], "opt": [4], "max": [4, 512, 1024, 3]}}, "--max-batch 8"),
        ({"format": "tensorrt_rtx"}, "as a check"),
        ({"files": {"model_sm80_fp16.plan": "0" * 64}}, "is damaged"),
        ({"files": {}}, "is not a manifest of model_sm80_fp16.plan"),
        ({"files": []}, "is not a manifest"),
        ({"files": {"model_sm80_fp16.plan": 7}}, "is not a manifest"),
        ({"files": {"../../secret": "0" * 64}}, "is not a manifest"),
    ],
)
def test_a_plan_that_its_manifest_speaks_against_is_left_out(
    container: Container, facts: dict[str, object], said: str
) -> None:
    container.add_gpus(A100)
    container.variables["TRT_VERSION"] = "11.1.0.106+cuda13.3"
    folder = container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    manifest(folder / "model_sm80_fp16.plan", **facts)
    run = container.run()
    assert run.left_out(said, "ocrnet export build demo --to tensorrt"), run.said


def test_a_plan_that_fits_is_served(container: Container) -> None:
    container.add_gpus(A100)
    container.variables["TRT_VERSION"] = "11.1.0.106"
    folder = container.add_model("demo_window", PLANS, "model_sm80_fp16.plan")
    manifest(
        folder / "model_sm80_fp16.plan",
        gpu={"compute_capability": "8.0", "name": "A100"},
        versions={"tensorrt": "11.1.0.106"},
        profile={"min": [1, 512, 1024, 3], "opt": [8], "max": [8, 512, 1024, 3]},
    )
    assert container.run().served == [["demo_window"]]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "\x00", '{"files": "x"}', "[" * 100_000])
def test_a_manifest_that_is_damaged(container: Container, text: str) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    (folder / "model.onnx.manifest.json").write_text(text)
    assert container.run().left_out("model.onnx.manifest.json", "build demo --to onnx")


def test_files_beside_a_graph_are_compared_too(container: Container) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx", "model.data")
    digests = {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in ("model.onnx", "model.data")
    }
    manifest(folder / "model.onnx", format="onnx", files=digests)
    assert container.run().served == [["demo_window"]]
    (folder / "model.data").unlink()
    assert container.run().left_out("model.data is missing, which model.onnx needs")


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ('name: "other"', "its configuration is of the model 'other'"),
        ("name: ", "line 1: the end of the file is not expected"),
        ("instance_group {", "is not a configuration"),
        ("\x01", "is not a configuration"),
        ('default_model_filename: "model', "is not a configuration"),
        ("a {" * 5000, "nested too deeply"),
        ('platform: "onnxruntime_onnx" max_batch_size: many', "max_batch_size: 'many'"),
        (
            'platform: "onnxruntime_onnx" version_policy { specific { versions: [1, 3] } }',
            "folder 3",
        ),
    ],
)
def test_a_configuration_that_triton_would_refuse(
    container: Container, config: str, said: str
) -> None:
    container.add_model("demo_window", config, "model.onnx")
    assert container.run().left_out(said)


def test_bytes_that_are_no_text_are_no_configuration(container: Container) -> None:
    container.add_model("demo_window", "", "model.onnx")
    (container.models / "demo_window" / "config.pbtxt").write_bytes(b"\xff\xfe")
    assert container.run().left_out("is not a configuration", "ocrnet export repository demo")


def test_models_of_others_are_served_by_triton_s_own_rules(container: Container) -> None:
    config = 'backend: "onnxruntime" # its default: model.onnx, the newest version\n'
    container.add_model("theirs", config, "model.onnx", version="2")
    container.add_model("nothing", config)
    container.add_model("all", config + "version_policy { all {} }", "model.onnx")
    (container.models / "all" / "2").mkdir()
    (container.models / "chain" / "1").mkdir(parents=True)
    (container.models / "chain" / "config.pbtxt").write_text('platform: "ensemble"')
    (container.models / ".git").mkdir()
    (container.models / "README.md").write_text("no model")
    run = container.run("--disable-auto-complete-config")
    assert run.served == [["chain", "theirs"]]
    assert "nothing: it has no version's folder, such as 1, with model.onnx in it" in run.said
    assert "all/2/model.onnx is missing" in run.said
    assert "ocrnet export" not in run.said


def test_a_model_without_configuration_needs_auto_completion(container: Container) -> None:
    folder = container.add_model("theirs", "", "model.onnx")
    (folder.parent / "config.pbtxt").unlink()
    assert container.run("--disable-auto-complete-config").left_out("it has no config.pbtxt")
    assert container.run().served == [["theirs"]]


def test_links_are_followed_and_broken_ones_named(container: Container, tmp_path: Path) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    elsewhere = folder.parent.rename(tmp_path / "elsewhere")
    (container.models / "demo_window").symlink_to(elsewhere)
    assert container.run().served == [["demo_window"]]
    for target in ("nowhere", "model.onnx"):  # the second is a link to itself
        (elsewhere / "1" / "model.onnx").unlink()
        (elsewhere / "1" / "model.onnx").symlink_to(target)
        assert container.run().left_out("model.onnx")


def test_a_model_s_folder_may_be_a_broken_link(container: Container) -> None:
    container.add_model("demo_window", CPU, "model.onnx")
    (container.models / "gone").symlink_to("/nowhere")
    run = container.run()
    assert run.served == [["demo_window"]]
    assert "gone: it is a link to /nowhere, not there" in run.said


def test_ensembles_are_left_out_with_their_models(container: Container) -> None:
    container.add_model("net", CPU, "model.onnx")
    container.add_model("missing", CPU)
    for name, member in {"a": "net", "b": "missing", "c": "b", "d": "a"}.items():
        config = (
            f'platform: "ensemble" ensemble_scheduling {{ step [ {{ model_name: "{member}" }} ] }}'
        )
        container.add_model(name, config)
        (container.models / name / "1").mkdir()
    run = container.run()
    assert run.served == [["a", "d", "net"]]
    assert "b: it is an ensemble with missing, left out" in run.said
    assert "c: it is an ensemble with b, left out" in run.said


def test_what_may_not_be_read_is_named(container: Container) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx")
    # Root may read everything, unless these rights are taken away, as in the container.
    limited = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")
    prefix = limited if os.geteuid() == 0 else ()
    for place in (folder / "model.onnx", folder, folder.parent, container.models):
        mode = place.stat().st_mode
        place.chmod(0)
        run = container.run(prefix=prefix)
        place.chmod(mode)
        assert run.left_out("may not read", "chmod -R a+rX"), (place, run.said)
    (folder / "model.onnx").write_bytes(b"")
    assert container.run().left_out("model.onnx is empty")


@pytest.mark.parametrize("name", ["1/model.onnx", "1/model.onnx.manifest.json", "config.pbtxt"])
def test_pipes_are_no_files(container: Container, name: str) -> None:
    folder = container.add_model("demo_window", CPU, "model.onnx").parent
    (folder / name).unlink(missing_ok=True)
    os.mkfifo(folder / name)
    assert container.run().left_out(f"{name} cannot be read: it is not a file")


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
        container.add_model("demo_window", CPU, "model.onnx")
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
    server = "#!/bin/sh\necho pid $$\ngrep SigIgn /proc/$$/status\n"
    container.add_program("tritonserver", server)
    process = subprocess.Popen(
        container.command(), env=container.variables, stdout=subprocess.PIPE, text=True
    )
    said, _ = process.communicate(timeout=patience(1))
    assert said == f"pid {process.pid}\nSigIgn:\t{0:016x}\n"


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
