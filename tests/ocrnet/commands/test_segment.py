"""`ocrnet segment` in process and against a gateway."""

import asyncio
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.cli import main
from ocrnet.engines import Engine
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine
from tests.patience import patience, wait_until

pytestmark = pytest.mark.slow

Gateway = Callable[..., httpx2.Client]
Capture = pytest.CaptureFixture[str]


def _open(path: Path) -> NDArray[np.uint8]:
    return np.asarray(Image.open(path))


def _names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_folder_goes_into_masks_with_its_structure(pictures: Path, capsys: Capture) -> None:
    assert main(["segment", "in"]) == 0
    written = ["a.mask.png", "deep/b.mask.png", "deep/c.mask.png"]
    assert _names(Path("masks")) == written
    assert sorted(capsys.readouterr().out.split()) == [f"masks/{name}" for name in written]
    for name in written:
        assert _open(Path("masks") / name).shape == (64, 96)


@pytest.mark.parametrize("flags", [[], ["--crop", "64x64", "--overlap", "0.5", "--flip"]])
def test_a_gateway_and_this_process_give_the_same(
    pictures: Path, gateway: Gateway, demo_engine: Engine, flags: list[str]
) -> None:
    client = gateway(demo_engine)
    for kind in ("png", "index", "overlay", "confidence", "json", "npz"):
        more = ["--format", kind, *flags]
        assert main(["segment", "in", "-o", "here", *more]) == 0
        assert main(["segment", "in", "-o", "there", "--url", str(client.base_url), *more]) == 0
    names = _names(Path("here"))
    assert names == _names(Path("there"))
    assert len(names) == 18
    for name in names:
        here, there = Path("here", name), Path("there", name)
        if name.endswith(".json"):
            one, other = (json.loads(path.read_text()) for path in (here, there))
            assert one.pop("milliseconds").keys() <= other.pop("milliseconds").keys()
            assert one == other
        elif name.endswith(".npz"):
            np.testing.assert_array_equal(np.load(here)["labels"], np.load(there)["labels"])
        else:
            assert here.read_bytes() == there.read_bytes()


def test_a_picture_that_fails_is_reported_and_the_rest_go_on(
    pictures: Path, capsys: Capture
) -> None:
    (pictures / "b.png").write_bytes(b"not a picture")
    assert main(["segment", "in", "missing.png"]) == 1
    said = capsys.readouterr()
    assert "in/b.png: the content is not a JPEG, PNG or WebP picture" in said.err
    assert "missing.png: No such file or directory" in said.err
    assert "2 of 5 pictures failed" in said.err
    assert len(_names(Path("masks"))) == 3


def test_json_lines_say_how_each_one_ended(
    pictures: Path, gateway: Gateway, capsys: Capture
) -> None:
    (pictures / "b.png").write_bytes(b"not a picture")
    for where in ([], ["--url", str(gateway().base_url)]):
        assert main(["segment", "in", "--json", *where]) == 1
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        by_input = {line["input"]: line for line in lines}
        assert len(by_input) == 4
        assert by_input["in/b.png"]["code"] == "unsupported_media_type"
        assert by_input["in/b.png"]["ok"] is False
        assert by_input["in/a.png"]["output"] == "masks/a.mask.png"
        assert by_input["in/a.png"]["seconds"] > 0


def test_files_patterns_and_repeats(pictures: Path) -> None:
    shutil.copy("in/a.png", "in/a2.png")
    assert main(["segment", "in/a*.png", "in/a.png", "-o", "out"]) == 0
    assert _names(Path("out")) == ["a.mask.png", "a2.mask.png"]
    assert main(["segment", "in/**/*.jpg", "-o", "out2"]) == 0
    assert _names(Path("out2")) == ["b.mask.png"]


def test_names_that_would_clash_stay_apart(pictures: Path) -> None:
    shutil.copy("in/deep/b.jpg", "in/a.jpg")
    shutil.copy("in/a.png", "a.png")
    assert main(["segment", "in/a.png", "in/a.jpg", "a.png", "-o", "out"]) == 0
    assert _names(Path("out")) == ["a.jpg.mask.png", "a.png.2.mask.png", "a.png.mask.png"]
    np.testing.assert_array_equal(
        _open(Path("out/a.png.mask.png")), _open(Path("out/a.png.2.mask.png"))
    )


def test_answers_beside_their_pictures_are_not_pictures(pictures: Path) -> None:
    for _ in range(2):
        assert main(["segment", "in", "-o", "in"]) == 0
        assert main(["segment", "in", "-o", "in/out"]) == 0
    assert len([name for name in _names(pictures) if name.endswith(".mask.png")]) == 6
    assert not [name for name in _names(pictures) if "mask.mask" in name or ".part" in name]


def _piped(arguments: list[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ocrnet", "segment", *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=False)


def test_standard_input_goes_to_standard_output(pictures: Path) -> None:
    data = Path("in/a.png").read_bytes()
    done = _piped(["-"], data)
    assert done.returncode == 0, done.stderr
    assert np.asarray(Image.open(BytesIO(done.stdout))).shape == (64, 96)
    assert done.stderr == b""
    assert _piped(["-", "-o", "out"], data).stdout == b"out/stdin.mask.png\n"
    assert _names(Path("out")) == ["stdin.mask.png"]
    assert _piped(["-", "--json"], data).returncode == 2
    assert _piped(["-"], b"text").returncode == 1


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--crop", "large"], "--crop: "),
        (["--mode", "whole", "--stride", "64x64"], "--stride: "),
        (["--scales", "0"], "--scales: "),
        (["--opacity", "0.5"], "--opacity: opacity is for format=overlay"),
        (["--format", "json", "--min-pixels", "3"], "--min-pixels: "),
        (["--overlap", "1"], "--overlap: "),
        (["--model", "ocrnet_hr18s_ade20k_80k", "--ids", "label"], "--ids: "),
    ],
)
def test_wrong_flags_are_named_before_anything_runs(
    pictures: Path, capsys: Capture, flags: list[str], said: str
) -> None:
    assert main(["segment", "in", *flags]) == 2
    assert f"ocrnet segment: {said}" in capsys.readouterr().err
    assert not Path("masks").exists()


def test_nothing_to_do_and_nobody_to_ask(pictures: Path, capsys: Capture) -> None:
    Path("empty").mkdir()
    assert main(["segment", "empty"]) == 2
    assert main(["segment", "in", "--url", "http://127.0.0.1:9"]) == 1
    assert "no gateway answers at http://127.0.0.1:9" in capsys.readouterr().err
    assert main(["segment", "in", "--url", "ftp://x"]) == 1
    assert main(["segment", "in", "--model", "ocrnet_hr99"]) == 1
    assert "no model is called" in capsys.readouterr().err
    assert main(["segment", "in", "--repository", "empty"]) == 1
    assert not Path("masks").exists()


def test_an_output_that_cannot_be_written_is_reported(pictures: Path, capsys: Capture) -> None:
    Path("file").write_text("")
    assert main(["segment", "in/a.png", "-o", "file"]) == 1
    assert "file: " in capsys.readouterr().err


def test_a_busy_gateway_is_asked_again(pictures: Path, gateway: Gateway) -> None:
    class Gated(FakeEngine):
        gate = threading.Event()

        async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
            while not self.gate.is_set():
                await asyncio.sleep(0.005)
            return await super().infer(images, output)

    client = gateway(Gated(19), max_requests=1, retry_after=1)
    codes: list[int] = []
    command = ["segment", "in", "--jobs", "3", "--url", str(client.base_url)]
    worker = threading.Thread(target=lambda: codes.append(main(command)))
    worker.start()
    refused = 'ocrnet_refusals_total{code="overloaded"}'
    wait_until(lambda: refused in client.get("/metrics").text, seconds=3)
    Gated.gate.set()
    worker.join()
    assert codes == [0]
    assert len(_names(Path("masks"))) == 3


def test_an_interrupt_leaves_whole_files_only(pictures: Path) -> None:
    for number in range(200):  # far from all by the time that one is done
        shutil.copy("in/a.png", f"in/{number}.png")
    command = [sys.executable, "-m", "ocrnet", "segment", "in"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        running.stdout.readline()
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=patience(6)) == 130
    assert not [name for name in _names(Path("masks")) if name.endswith(".part")]
    for path in Path("masks").rglob("*.png"):
        assert _open(path).shape == (64, 96)


def test_random_weights_are_told(pictures: Path, capsys: Capture, root: Path) -> None:
    folder = pictures.parent / "random"
    shutil.copytree(root / "model_repository" / "demo_dynamic", folder / "demo_dynamic")
    manifest = folder / "demo_dynamic" / "1" / "model.onnx.manifest.json"
    facts = json.loads(manifest.read_text()) | {"checkpoint": "stand-in", "checkpoint_sha256": ""}
    manifest.write_text(json.dumps(facts))
    assert main(["segment", "in/a.png", "--repository", str(folder)]) == 0
    assert "demo: random weights: masks mean nothing" in capsys.readouterr().err
