"""Many pictures, a few at a time: answers saved, failures told, the rest goes on."""

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ocrnet.commands.segment_runners import Runner, Unreachable
from ocrnet.commands.sources import Source
from ocrnet.concurrency import in_lone_thread, in_thread
from ocrnet.errors import OcrnetError, OutOfMemory

_OUT_OF_MEMORY = "there is not enough free memory: use --jobs 1, --mode slide, or a smaller --crop"


@dataclass(frozen=True)
class Task:
    """A picture and where its answer goes; target: None is standard output."""

    source: Source
    target: Path | None


class Batch:
    """Runs tasks and says how each one ended."""

    def __init__(self, runner: Runner, *, jobs: int, as_json: bool):
        """jobs: pictures at once. as_json: one line of JSON for each, on standard output."""
        self._runner = runner
        self._places = asyncio.Semaphore(jobs)
        self._as_json = as_json
        self.failed = 0

    async def run(self, tasks: Sequence[Task]) -> None:
        """Work through all of them; raises Unreachable if there is nobody to send them to."""
        # Only where somebody watches.
        with tqdm(total=len(tasks), unit="picture", disable=not sys.stderr.isatty()) as bar:
            running = [asyncio.create_task(self._one(task, bar)) for task in tasks]
            try:
                await asyncio.gather(*running)
            finally:
                for one in running:
                    one.cancel()
                await asyncio.gather(*running, return_exceptions=True)

    async def _one(self, task: Task, bar: "tqdm[Any]") -> None:
        async with self._places:
            start = time.perf_counter()
            try:
                answer = await self._runner.run(await in_lone_thread(task.source.read))
                await in_thread(_save, answer, task.target)
            except (Unreachable, BrokenPipeError):  # standard output has nobody who reads it
                raise
            except MemoryError:  # with OutOfMemory among them
                self._tell_failure(task, bar, OutOfMemory.code, _OUT_OF_MEMORY)
            except OcrnetError as error:
                self._tell_failure(task, bar, error.code, str(error))
            except OSError as error:
                name = error.filename or task.source.name
                self._tell_failure(task, bar, "file_error", f"{name}: {error.strerror or error}")
            else:
                seconds = round(time.perf_counter() - start, 3)
                self._tell_success(task, bar, seconds)
            bar.update()

    def _tell_success(self, task: Task, bar: "tqdm[Any]", seconds: float) -> None:
        if self._as_json:
            facts = {"input": task.source.name, "output": _name(task.target), "seconds": seconds}
            _line(bar, json.dumps({**facts, "ok": True}))
        elif task.target is not None:
            _line(bar, str(task.target))

    def _tell_failure(self, task: Task, bar: "tqdm[Any]", code: str, message: str) -> None:
        self.failed += 1
        if self._as_json:
            facts = {"input": task.source.name, "output": None, "code": code, "error": message}
            _line(bar, json.dumps({**facts, "ok": False}))
        else:
            name = task.source.name
            text = message if message.startswith(name) else f"{name}: {message}"
            _line(bar, f"ocrnet segment: {text}", sys.stderr)


def _line(bar: "tqdm[Any]", text: str, file: Any = None) -> None:
    """Write a line without tearing the progress bar."""
    bar.write(text, file=file or sys.stdout)


def _name(target: Path | None) -> str:
    return "-" if target is None else str(target)


def _save(answer: bytes, target: Path | None) -> None:
    """Write all of it or nothing: a file under its final name is always whole."""
    if target is None:
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(answer)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise
