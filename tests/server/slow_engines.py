"""Engines that take their time, as a test wants it."""

import asyncio
import threading

import numpy as np
from numpy.typing import NDArray

from ocrnet.concurrency import in_thread
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.fake import FakeEngine

FOR_EVER = 86_400.0  # seconds: the longest that a gateway can be told


class Gated(FakeEngine):
    """Answers only once the gate is open."""

    def __init__(self) -> None:
        super().__init__(19)
        self.gate = threading.Event()

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        while not self.gate.is_set():
            await asyncio.sleep(0.005)
        return await super().infer(images, output)


class Slow(FakeEngine):
    """Takes its time with every window, and counts those it was left alone with."""

    def __init__(self, seconds: float) -> None:
        super().__init__(19)
        self.seconds = seconds
        self.started = 0
        self.cancelled = 0

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.started += 1
        try:
            await asyncio.sleep(self.seconds)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return await super().infer(images, output)


class Busy(FakeEngine):
    """Cannot be stopped once it runs, like a real one."""

    def __init__(self) -> None:
        super().__init__(19)
        self.gate = threading.Event()
        self.started = 0

    async def infer(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        self.started += 1
        await in_thread(self.gate.wait)
        return await super().infer(images, output)
