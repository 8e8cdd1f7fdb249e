"""A folder of models, and one run of the start script of the Triton containers over it."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path

from tests.patience import patience

A100 = ("GPU-a", "8.0", "NVIDIA A100")
H100 = ("GPU-h", "9.0", "NVIDIA H100")
V100 = ("GPU-v", "7.0", "Tesla V100")

PLANS = """
name: "NAME"
platform: "tensorrt_plan"
version_policy { specific { versions: [1] } }
max_batch_size: 8
instance_group { kind: KIND_GPU count: 2 profile: ["0", "1"] }
model_warmup {
  name: "512x1024"
  batch_size: 1
  inputs { key: "image" value { data_type: TYPE_UINT8 dims: [512, 1024, 3] zero_data: true } }
}
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
SERVER = """#!/bin/sh
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
        self.add_program("tritonserver", SERVER)
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
