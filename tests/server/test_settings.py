import socket

import pytest
from pydantic import ValidationError

from ocrnet.cli import main
from server.settings import Settings


def test_flags_win_over_variables_win_over_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings().port == 8080
    monkeypatch.setenv("OCRNET_PORT", "9001")
    monkeypatch.setenv("OCRNET_MAX_PIXELS", "123")
    assert Settings().port == 9001
    assert Settings(port=9002).port == 9002
    assert Settings().picture_limits.max_pixels == 123


def test_models_are_names_separated_by_commas() -> None:
    assert Settings(models="demo, ocrnet_hr18s_voc12_20k").model_names == [
        "demo",
        "ocrnet_hr18s_voc12_20k",
    ]


@pytest.mark.parametrize("models", ["", " ", ",", " , ,"])
def test_no_model_at_all_is_refused(models: str) -> None:
    with pytest.raises(ValidationError):
        Settings(models=models)


def test_a_model_named_twice_is_one() -> None:
    assert Settings(models="demo,demo").model_names == ["demo"]


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().port = 1


def test_every_bad_setting_is_named_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OCRNET_MAX_SIDE", "-3")
    assert main(["serve", "--port", "99999", "--log-level", "loud", "--max-requests", "many"]) == 2
    message = capsys.readouterr().err
    for name in ("--port", "--log-level", "--max-requests", "--max-side"):
        assert f"ocrnet serve: {name}: " in message


def test_a_taken_port_is_named_before_anything_is_loaded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--models", "not loaded"]) == 1
    message = f"ocrnet serve: cannot listen on 127.0.0.1:{port}: address already in use\n"
    assert capsys.readouterr().err == message


def test_an_unknown_model_is_named_before_anything_starts(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "--port", "0", "--models", "demo,ocrnet_hr99"]) == 1
    assert "no model is called 'ocrnet_hr99'" in capsys.readouterr().err
