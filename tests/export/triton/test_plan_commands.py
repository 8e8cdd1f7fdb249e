"""Commands say which plans Triton would refuse, and what to do."""

from pathlib import Path

import pytest

from export.triton.config_files import write_configs
from export.triton.models import Serving
from ocrnet.cli import main
from tests.export.triton.plan_files import DEMO, put_plan

pytestmark = pytest.mark.slow


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """With the configurations of the demo."""
    write_configs(DEMO, tmp_path, Serving())
    return tmp_path


@pytest.mark.parametrize("version", ["11.4.0.106", "11.1.2.4", "10.16.1.11", ""])
def test_commands_name_plans_of_another_tensorrt(
    repository: Path, version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = put_plan(repository)
    command = ["export", "repository", "demo", "--repository", str(repository)]
    main(command)  # which names the weights of the plan
    assert main([*command, "--check"]) == 0
    put_plan(repository, versions={"tensorrt": version} if version else {})
    capsys.readouterr()
    for each in (command, [*command, "--check"]):
        assert main(each) == 1
        assert capsys.readouterr().err == (
            f"{plan} was built by TensorRT {version or '(not stated)'}, and Triton loads plans of "
            "its own version alone (TensorRT 11.1.0 in Triton 26.07): build it again with 'ocrnet "
            "export build demo --to tensorrt --precision float16' where TensorRT 11.1.0 is "
            "installed, or name the TensorRT of your Triton with 'ocrnet export repository demo "
            "--tensorrt VERSION'\n"
        )
    if version:
        assert main([*command, "--check", "--tensorrt", version]) == 0
        assert main([*command, "--check", "--tensorrt", version.rpartition(".")[0]]) == 0


@pytest.mark.parametrize("version", ["", "new", "11", "11.1.", "11.1.0.106.2", "v11.1"])
def test_a_version_that_is_none_is_refused(
    version: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["export", "repository", "demo", "--tensorrt", version])
    assert "must be two to four numbers, such as 11.1.0" in capsys.readouterr().err


def test_commands_name_a_plan_for_smaller_batches(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    put_plan(repository, max_batch=4)
    command = ["export", "repository", "demo", "--repository", str(repository)]
    for each in (command, [*command, "--check"]):
        assert main(each) == 1
        err = capsys.readouterr().err
        assert "asks for more: max_batch_size 8" in err
        assert err.count("\n") == 1  # it says itself what to do
    assert main([*command, "--max-batch", "4"]) == 0
    assert main([*command, "--max-batch", "4", "--check"]) == 0
