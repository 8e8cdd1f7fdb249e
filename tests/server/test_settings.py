import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from ocrnet.cli import main
from ocrnet.engines import EngineOptions
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


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("port", "", "a valid integer"),
        ("repository", "", "a folder; '.' is the current one"),
        ("repository", " ", "a folder; '.' is the current one"),
        ("cache", "", "auto, none or a folder"),
        ("cache", "\t", "auto, none or a folder"),
        ("models", "", "name at least one model"),
        ("triton", " ", "HOST:PORT, such as triton.example:8001, or local"),
        ("triton", "nowhere", "HOST:PORT, such as triton.example:8001, or local"),
        ("load", "", "'start' or 'first-use'"),
        ("device", "gpu", "'cpu', 'cuda' or 'auto'"),
    ],
)
@pytest.mark.parametrize("way", ["flag", "variable"])
def test_a_wrong_setting_is_shown_with_what_it_takes(
    name: str,
    value: str,
    takes: str,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    flags = {"--models": "not opened", "--port": "0"}
    flags.pop(f"--{name}", None)
    if way == "flag":
        flags[f"--{name}"] = value
    else:
        monkeypatch.setenv(f"OCRNET_{name.upper()}", value)
    assert main(["serve", *(word for flag in flags.items() for word in flag)]) == 2
    given = repr(value) if way == "flag" else f"OCRNET_{name.upper()}={value!r}"
    said = capsys.readouterr().err
    assert said.startswith(f"ocrnet serve: --{name}: {given}: ")
    assert takes in said


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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"fast": "ocrnet_hr18_voc12_20k"}, "not one of --models"),
        ({"fast": " , "}, "--fast is ' , ': it takes names of models, or all"),
        ({"fast": "demo", "runtime": "onnxruntime"}, "needs --runtime openvino"),
        ({"fast": "demo", "runtime": "onnxruntime", "device": "auto"}, "or --device cuda"),
        ({"fast": "demo", "triton": "localhost:8001"}, "models in this process"),
        ({"device": "cuda", "triton": "localhost:8001"}, "--device is for models in this process"),
        ({"device": "auto", "triton": "local"}, "--device is for models in this process"),
    ],
)
def test_fast_and_device_are_for_models_served_here(given: dict[str, str], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Settings(**given)  # type: ignore[arg-type]


def test_precision_is_chosen_for_each_model() -> None:
    other = "ocrnet_hr18s_voc12_20k"
    two = {"models": f"demo,{other}"}
    assert Settings(**two).precision_of("demo") == "exact"
    some = Settings(**two, fast=f" {other} ,")
    assert [some.precision_of(name) for name in ("demo", other)] == ["exact", "fast"]
    assert Settings(**two, fast="all").precision_of("demo") == "fast"


def test_options_of_the_engine_follow_from_the_settings() -> None:
    assert Settings(cache="none").engine_options == EngineOptions()
    given = Settings(
        threads=3, streams=2, pin="no", cache="compiled", runtime="onnxruntime", max_batch=4
    )
    expected = EngineOptions("onnxruntime", 3, 2, pin=False, cache=Path("compiled"), max_batch=4)
    assert given.engine_options == expected


def test_compiled_graphs_lie_in_the_users_own_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert Settings().engine_options.cache == tmp_path / "ocrnet" / "compiled"
    (tmp_path / "ocrnet" / "compiled").rmdir()
    (tmp_path / "ocrnet").chmod(0o700)
    (tmp_path / "ocrnet" / "compiled").write_bytes(b"no folder")
    assert Settings().engine_options.cache is None
