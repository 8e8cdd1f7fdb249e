"""An engine that joins calls of the same shape to batches, for a device that wants them large."""

import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.in_process import InProcessEngine, LoadedGraph
from ocrnet.errors import DeviceLost, EngineError
from ocrnet.zoo.spec import ModelSpec, Size

Answer = Future[NDArray[np.generic]]


@dataclass(eq=False)
class _Call:
    images: Images
    output: OutputName
    answer: Answer = field(default_factory=Future)

    def begin(self) -> bool:
        """Whether it is to be run: False if it was cancelled while it waited."""
        return self.answer.running() or self.answer.set_running_or_notify_cancel()

    def joins(self, other: "_Call") -> bool:
        """Whether both may be one run, and this one is still wanted."""
        alike = self.images.shape[1:] == other.images.shape[1:]
        return alike and self.output == other.output and not self.answer.cancelled()


class BatchingEngine(InProcessEngine):
    """Runs one model's graphs in one thread, and calls that wait for it together.

    No call waits for others to come: while the device is busy they gather by themselves, and those
    that fill a batch are run as one. If that fails, they are run one by one.
    """

    def __init__(
        self,
        spec: ModelSpec,
        graphs: Mapping[Size | None, LoadedGraph],
        most_images: Mapping[Size, int],
        worker: ThreadPoolExecutor,
    ):
        """graphs: as InProcessEngine. worker: one thread, the one that opened the graphs.

        most_images: of a batch, by the size of the graph; calls to others are not joined.
        """
        super().__init__(spec, graphs, workers=worker)
        self._most_images = dict(most_images)
        self._lock = threading.Lock()
        self._waiting: list[_Call] = []
        self._lost: DeviceLost | None = None

    @property
    def lost(self) -> bool:
        """Whether the device stopped working; every call fails then."""
        return self._lost is not None

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As Engine.infer; raises DeviceLost once the device stopped working."""
        if self._lost is not None:
            raise DeviceLost(str(self._lost))
        return await super().infer(images, output)

    def _submit(self, images: Images, output: OutputName) -> Answer:
        call = _Call(images, output)
        with self._lock:
            self._waiting.append(call)
        serving = self._workers.submit(self._serve, call)
        serving.add_done_callback(lambda ended: _tell_error(call.answer, ended))
        return call.answer

    def _serve(self, call: _Call) -> None:
        """Answer a call that no earlier run has answered, and others with it; raises its error."""
        with self._lock:
            if call in self._waiting:
                self._waiting.remove(call)
        if call.answer.done() or not call.begin():
            return
        if self._lost is not None:
            raise DeviceLost(str(self._lost))
        others = self._join(call)
        try:
            self._answer([call, *others])
        except (EngineError, MemoryError):
            if not others or self._lost:
                raise
            self._answer([call])  # the others follow by themselves, when it is their turn

    def _answer(self, calls: list[_Call]) -> None:
        """Run calls as one."""
        images = [call.images for call in calls]
        joined = images[0] if len(calls) == 1 else np.concatenate(images)
        try:
            answers = self._run(joined, calls[0].output)
        except DeviceLost as error:
            self._lost = error
            raise
        start = 0
        for call in calls:
            end = start + len(call.images)
            # A part of a batch would keep all of it in memory.
            part = answers[start:end]
            call.answer.set_result(part if len(calls) == 1 else part.copy())
            start = end

    def _join(self, call: _Call) -> list[_Call]:
        """Take calls out of the queue, in its order, that fill a batch with this one.

        None where they would not fill it: there is no graph for fewer, so nothing would be gained.
        """
        height, width = call.images.shape[1:3]
        room = self._most_images.get(Size(height, width), 0) - len(call.images)
        others = []
        with self._lock:
            for other in self._waiting:
                if len(other.images) <= room and other.joins(call):
                    others.append(other)
                    room -= len(other.images)
            if room:
                return []
            for other in others:
                self._waiting.remove(other)
        return [other for other in others if other.begin()]


def _tell_error(answer: Answer, ended: Future[None]) -> None:
    """Give the caller the error that ended the run of its call."""
    error = ended.exception()
    if error is not None and not answer.done():
        answer.set_exception(error)
