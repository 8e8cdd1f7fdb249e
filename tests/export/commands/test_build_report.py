"""What a build of plans says of the Triton that is to serve them."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from export.tensorrt.api import Gpu
from export.tensorrt.plan_builder import Plan
from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.cli import main
from tests.small_models import one_block_a_branch, small_spec

pytestmark = pytest.mark.slow

MODEL = "ocrnet_hr18s_voc12_20k"


def test_a_build_names_plans_that_triton_would_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With TensorRT itself, which has its own tests, left out."""
    module = SimpleNamespace(__version__="11.4.0.106")
    plan = "export.artefacts.tensorrt_plan"
    for place in ("export.tensorrt.api", plan):
        monkeypatch.setattr(f"{place}.load_tensorrt", lambda _: module)
    gpu = Gpu("NVIDIA A100", "8.0", "610.43")
    monkeypatch.setattr("export.tensorrt.api.find_gpu", lambda: gpu)
    monkeypatch.setattr(f"{plan}.build_plan", lambda *_: Plan(b"a plan", 1, 1, 1))
    monkeypatch.setattr(f"{plan}.save_summary", lambda *_: None)
    monkeypatch.setattr("export.commands.build.get_spec", small_spec)
    write_configs(small_spec(MODEL), tmp_path, Serving())
    command = ["export", "build", MODEL, "--checkpoint", "stand-in", "--kinds", "window"]
    command += ["--to", "tensorrt", "--repository", str(tmp_path)]
    with one_block_a_branch():
        assert main([*command, "--max-batch", "4"]) == 1
        captured = capsys.readouterr()
        assert captured.err.startswith("TensorRT 11.4.0.106 is installed, and Triton 26.07 has ")
        assert "model_sm80_fp16.plan takes [1, 64, 96, 3] to [4, 64, 96, 3], and " in captured.err
        assert f"build {MODEL} --to tensorrt --precision float16 --max-batch 8'" in captured.err
        # As it says: the plan is built anew, and no longer named.
        module.__version__ = "11.1.0.106"
        assert main([*command, "--max-batch", "8"]) == 0
        captured = capsys.readouterr()
        assert "1 layers" in captured.out
        assert captured.err == ""
