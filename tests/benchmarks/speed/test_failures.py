"""A measurement that fails is a row that says why, whatever it was that failed."""

import signal
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest
import torch
from polygraphy.exception import PolygraphyException

from benchmarks.speed import measure
from benchmarks.speed.case import Case
from benchmarks.speed.device import claimed_device
from benchmarks.speed.fps_results import Failure
from benchmarks.speed.measure import Bench
from benchmarks.speed.places import Places
from benchmarks.speed.protocol import Protocol
from ocrnet.errors import EngineError

CASE = Case(
    "hr18s_cityscapes", "demo", "torch", "float32", "plain", "whole", 1, 1, 64, 96
)  # fmt: skip


class NotHandedOver(RuntimeError):
    """Like some libraries' errors: it cannot be made again from its arguments."""

    def __init__(self, status: int, text: str):
        super().__init__(f"{text} (status {status})")


def raises_what_cannot_be_handed_over(case: Case, bench: Bench) -> None:
    raise NotHandedOver(7, "the engine is broken")


def is_killed(case: Case, bench: Bench) -> None:
    signal.raise_signal(signal.SIGKILL)


def _failed(error: BaseException) -> "Future[Any]":
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (EngineError("TensorRT failed on images"), "TensorRT failed on images"),
        (PolygraphyException("CUDA error: 700"), "PolygraphyException: CUDA error: 700"),
        (RuntimeError("cuDNN error\nwith a stack"), "RuntimeError: cuDNN error"),
        (KeyError("labels"), "KeyError: 'labels'"),
        (SystemExit("gone"), "SystemExit: gone"),
        (AssertionError(), "AssertionError"),
        (MemoryError("8 GB"), "not enough memory: 8 GB"),
        (torch.OutOfMemoryError("CUDA out of memory"), "not enough memory: CUDA out of memory"),
        (BrokenProcessPool("abruptly"), "its process was killed: there may not be enough memory"),
    ],
)
def test_what_failed_is_said(error: BaseException, said: str) -> None:
    assert measure._outcome(_failed(error)) == Failure(said)


def test_what_nobody_expected_leaves_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    measure._outcome(_failed(KeyError("labels")))
    assert "KeyError: 'labels'" in capsys.readouterr().err
    measure._outcome(_failed(EngineError("no such output")))
    assert capsys.readouterr().err == ""


def test_an_interrupted_measurement_ends_the_run() -> None:
    with pytest.raises(KeyboardInterrupt):
        measure._outcome(_failed(KeyboardInterrupt()))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "said"),
    [
        (raises_what_cannot_be_handed_over, "NotHandedOver"),
        (is_killed, "its process was killed: there may not be enough memory"),
    ],
)
def test_a_process_that_does_not_answer_is_a_row(work, said: str) -> None:
    bench = Bench(claimed_device("cpu"), Protocol(), Places(Path("nowhere")))
    found = measure._in_child(work, CASE, bench)
    assert isinstance(found, Failure)
    assert said in found.error
