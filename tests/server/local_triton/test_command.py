"""What `ocrnet triton` refuses before it installs or starts anything."""

import pytest

from ocrnet.cli import main


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--http-port", "8000"], "--http-port: this Triton does not answer HTTP"),
        (["--http-port", "8000"], "use gRPC (--grpc-port)"),
        (["--models", " , "], "--models: ' , ' names no model: name at least one"),
        (["--models", ""], "--models: '' names no model"),
        (["--repository", ""], "--repository: '' is no path"),
        (["--environment", ""], "--environment: '' is no path"),
        (["--log", " "], "--log: ' ' is no path"),
    ],
)
def test_a_wrong_flag_is_named_with_what_would_be_right(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["triton", "--install-only", *flags])
    assert ended.value.code == 2
    assert said in capsys.readouterr().err
