"""Requests to the gateway in a container, and the masks that they are compared with."""

import io
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_SECONDS = 120.0


def status_of(url: str, timeout: float = 10.0) -> int:
    """Return the status of a GET; 0 if nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def metric(url: str, name: str) -> float:
    """Return a metric of the gateway, summed over its labels."""
    with urllib.request.urlopen(f"{url}/metrics", timeout=10.0) as response:
        lines = response.read().decode().splitlines()
    return sum(
        float(line.rsplit(" ", 1)[1])
        for line in lines
        if line.startswith((f"{name}{{", f"{name} "))
    )


def wait_for(condition: Callable[[], bool], what: str, seconds: float = _SECONDS) -> float:
    """Wait until a condition holds; return how long that took. Raises TimeoutError."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > seconds:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)
    return time.monotonic() - start


def segment(url: str, image: Path, options: str = "") -> tuple[int, bytes]:
    """POST an image; return the status and the response: a mask, or the code of a problem."""
    request = urllib.request.Request(
        f"{url}/segment{options}",
        data=image.read_bytes(),
        headers={"Content-Type": "image/jpeg"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as response:
            return int(response.status), bytes(response.read())
    except urllib.error.HTTPError as error:
        return error.code, _problem_code(error.read())
    except OSError as error:
        return 0, str(error).encode()


def _problem_code(body: bytes) -> bytes:
    """The code of a problem document; the response itself if it is none."""
    try:
        return str(json.loads(body)["code"]).encode()
    except (ValueError, KeyError, TypeError):
        return body


def masks_in_process(images: list[Path], folder: Path) -> dict[str, bytes]:
    """Return the mask of each image by name, computed by `ocrnet segment` on this machine."""
    command = [sys.executable, "-m", "ocrnet", "segment", *map(str, images), "-o", str(folder)]
    subprocess.run(command, check=True, capture_output=True)
    return {image.name: (folder / f"{image.stem}.mask.png").read_bytes() for image in images}


def share_of_equal_labels(one: bytes, other: bytes) -> float:
    """Return the share of pixels whose labels are equal in two masks; 0 for other sizes."""
    first, second = _labels(one), _labels(other)
    return float((first == second).mean()) if first.shape == second.shape else 0.0


def _labels(png: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(png)), np.uint8)
