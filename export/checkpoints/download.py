"""Fetch published checkpoints into a cache, resumably, and say what arrived."""

import sys
from dataclasses import dataclass
from pathlib import Path

import httpx2
from tqdm import tqdm

from export.checkpoints.cache import cached_checkpoint, origin_record
from ocrnet.artefacts import sha256_of
from ocrnet.errors import DownloadError
from ocrnet.zoo import ModelSpec


@dataclass(frozen=True)
class Pulled:
    """A checkpoint in the cache. warning: empty, or what is odd about it."""

    path: Path
    sha256: str
    warning: str


def pull(spec: ModelSpec) -> Pulled:
    """Download a model's checkpoint unless the cache has it; go on where a try broke off.

    The full SHA-256 is recorded beside the file. The digits in the published file name may be
    those of the file before it was stripped, so a difference is a warning, not an error.

    Raises DownloadError, which says what to do by hand.
    """
    if spec.checkpoint.shipped:
        raise DownloadError(f"{spec.name} needs no download: its weights come with this project")
    if not spec.checkpoint.url:
        raise DownloadError(
            f"{spec.name} has no published checkpoint: "
            f"build it with 'ocrnet export build {spec.name} --checkpoint FILE'"
        )
    path = cached_checkpoint(spec)
    try:
        return _pull(spec, path)
    except OSError as error:
        raise DownloadError(f"cannot write {path}: {error.strerror or error}") from error


def _pull(spec: ModelSpec, path: Path) -> Pulled:
    record = path.with_name(path.name + ".sha256")
    received = not path.exists()
    if received:
        path.parent.mkdir(parents=True, exist_ok=True)
        _download(spec.checkpoint.url, path)
    sha256 = sha256_of(path)
    if received:
        origin_record(path).write_text(f"{sha256} {spec.checkpoint.url}\n", encoding="utf-8")
    recorded = (record.read_text().split() or [sha256])[0] if record.exists() else sha256
    if recorded != sha256:
        raise DownloadError(
            f"{path} has changed since it was pulled: SHA-256 {sha256}, recorded {recorded}. "
            f"Delete it and {record.name} to pull it again"
        )
    record.write_text(f"{sha256}  {path.name}\n")
    digits = spec.checkpoint.digits
    warning = ""
    if digits and not sha256.startswith(digits):
        warning = (
            f"the file name says {digits}, the SHA-256 begins with {sha256[: len(digits)]}: the "
            "publisher may have stripped the file after naming it, or it is not the published one"
        )
    return Pulled(path, sha256, warning)


def _download(url: str, path: Path) -> None:
    partial = path.with_name(path.name + ".part")
    try:
        with httpx2.Client(follow_redirects=True, timeout=30) as client:
            _receive(client, url, partial)
    except httpx2.HTTPError as error:
        kept = partial.stat().st_size if partial.exists() else 0
        reason = str(error).split("\n")[0] or type(error).__name__
        raise DownloadError(
            f"cannot download {url}: {reason}.\n"
            f"  {kept} bytes are kept; the same command goes on from there.\n"
            f"  Without a network here: fetch that URL elsewhere and put the file at\n  {path}"
        ) from error
    partial.rename(path)


def _receive(client: httpx2.Client, url: str, partial: Path) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with client.stream("GET", url, headers=headers) as response:
        if have and response.status_code == httpx2.codes.RANGE_NOT_SATISFIABLE:
            partial.unlink()  # longer than the file: not a part of it
            _receive(client, url, partial)
            return
        response.raise_for_status()
        start = response.headers.get("content-range", "").partition("-")[0]
        resumed = have > 0 and start == f"bytes {have}"
        have = have if resumed else 0
        total = int(response.headers.get("content-length", 0)) + have
        bar = tqdm(
            desc=partial.name.removesuffix(".part"), initial=have, total=total or None,
            unit="B", unit_scale=True, file=sys.stderr,
        )  # fmt: skip
        with partial.open("ab" if resumed else "wb") as file, bar:
            # As it comes: a larger chunk size would lose what arrived before a break.
            for chunk in response.iter_raw():
                file.write(chunk)
                bar.update(len(chunk))
