"""Downloads from a real HTTP server on this machine, which can be told to misbehave."""

import dataclasses
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from export.checkpoints.download import cached_checkpoint, pull
from ocrnet.cli import main
from ocrnet.errors import DownloadError
from ocrnet.zoo import ModelSpec, get_spec
from ocrnet.zoo.spec import Checkpoint

CONTENT = bytes(range(256)) * 5000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class _Handler(BaseHTTPRequestHandler):
    breaks_after: int | None = None
    ranges = True
    range_offset = 0
    refuses_all = False
    asked: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        type(self).asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start > len(CONTENT) or self.refuses_all:
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            shown = start + self.range_offset
            self.send_header("Content-Range", f"bytes {shown}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        self.wfile.write(body[: self.breaks_after])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def handler() -> type[_Handler]:
    class Handler(_Handler):
        asked: ClassVar[list[str | None]] = []

    return Handler


@pytest.fixture
def spec(
    handler: type[_Handler], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelSpec]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/x-{DIGEST[:8]}.pth"
    yield dataclasses.replace(get_spec("demo"), checkpoint=Checkpoint(url, DIGEST[:8]))
    server.shutdown()
    server.server_close()
    thread.join()


def test_downloads_once_and_records_the_hash(spec: ModelSpec, handler: type[_Handler]) -> None:
    pulled = pull(spec)
    assert pulled.path.read_bytes() == CONTENT
    assert pulled.sha256 == DIGEST
    assert pulled.warning == ""
    assert pulled.path.with_name(pulled.path.name + ".sha256").read_text().split() == [
        DIGEST,
        pulled.path.name,
    ]
    assert pull(spec) == pulled
    assert len(handler.asked) == 1


def test_a_broken_download_goes_on_where_it_stopped(
    spec: ModelSpec, handler: type[_Handler]
) -> None:
    handler.breaks_after = 300_000
    with pytest.raises(DownloadError, match="300000 bytes are kept"):
        pull(spec)
    assert not cached_checkpoint(spec).exists()
    handler.breaks_after = None
    assert pull(spec).sha256 == DIGEST
    assert handler.asked == [None, "bytes=300000-"]


def test_a_server_without_ranges_is_asked_for_all(spec: ModelSpec, handler: type[_Handler]) -> None:
    handler.breaks_after = 1000
    with pytest.raises(DownloadError):
        pull(spec)
    handler.breaks_after, handler.ranges = None, False
    assert pull(spec).path.read_bytes() == CONTENT


def test_a_server_that_answers_with_another_part_is_not_believed(
    spec: ModelSpec, handler: type[_Handler]
) -> None:
    handler.breaks_after = 1000
    with pytest.raises(DownloadError):
        pull(spec)
    handler.breaks_after, handler.range_offset = None, 5
    # Never glued to what was there: what came is all there is, and its digits give it away.
    pulled = pull(spec)
    assert pulled.path.read_bytes() == CONTENT[1000:]
    assert spec.checkpoint.digits in pulled.warning


def test_a_server_that_refuses_every_range_is_an_error(
    spec: ModelSpec, handler: type[_Handler]
) -> None:
    handler.refuses_all = True
    with pytest.raises(DownloadError, match="416"):
        pull(spec)


def test_a_cache_that_cannot_be_written_is_named(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="cannot write"):
        pull(spec)


def test_a_partial_file_that_is_too_long_is_started_anew(spec: ModelSpec) -> None:
    path = cached_checkpoint(spec)
    path.parent.mkdir(parents=True)
    path.with_name(path.name + ".part").write_bytes(CONTENT + b"more")
    assert pull(spec).path.read_bytes() == CONTENT


def test_other_digits_than_the_file_name_s_are_a_warning_that_names_both(spec: ModelSpec) -> None:
    other = dataclasses.replace(
        spec, checkpoint=dataclasses.replace(spec.checkpoint, digits="deadbeef")
    )
    pulled = pull(other)
    assert "deadbeef" in pulled.warning
    assert DIGEST[:8] in pulled.warning


def test_a_file_that_changed_in_the_cache_is_noticed(spec: ModelSpec) -> None:
    pull(spec).path.write_bytes(b"something else")
    with pytest.raises(DownloadError, match="has changed"):
        pull(spec)


def test_without_a_network_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):  # a proxy that nobody listens on
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    spec = get_spec("ocrnet_hr18s_cityscapes_40k")
    assert main(["export", "pull", spec.name]) == 1
    message = capsys.readouterr().err
    assert spec.checkpoint.url in message
    assert str(cached_checkpoint(spec)) in message


def test_a_file_put_there_by_hand_is_taken(spec: ModelSpec, handler: type[_Handler]) -> None:
    path = cached_checkpoint(spec)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert pull(spec).sha256 == DIGEST
    assert handler.asked == []
