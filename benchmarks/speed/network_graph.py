"""A PyTorch network where an engine's graph would be."""

import numpy as np
import torch
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName


class NetworkGraph:
    """A PyTorch network as a LoadedGraph."""

    outputs = frozenset({"logits"})

    def __init__(self, network: torch.nn.Module, place: str = "cpu", *, autocast: bool = False):
        """place: PyTorch's name of the device, which the network is moved to.

        autocast: compute in float16 what PyTorch's autocast chooses. It converts weights each call.
        """
        self.place = torch.device(place)
        self._network = network.to(self.place)
        self._autocast = autocast

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """(N, H, W, 3) uint8 on the device → logits there, not waited for."""
        with (
            torch.inference_mode(),
            torch.autocast(self.place.type, torch.float16, enabled=self._autocast),
        ):
            logits: torch.Tensor = self._network(images)
        return logits

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        given = torch.from_numpy(np.ascontiguousarray(images)).to(self.place)
        result: NDArray[np.generic] = self.logits(given).float().cpu().numpy()
        return result
