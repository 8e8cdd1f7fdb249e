"""An engine that found too little memory says so, and is right again afterwards."""

import json
from pathlib import Path

import pytest

from corpus import address_space

pytestmark = pytest.mark.slow

_RUN = """
import json, os
from pathlib import Path
import numpy as np
from corpus.address_space import MIB, little_left
from ocrnet.artefacts import find_graphs
from ocrnet.engines import EngineOptions, open_engine
from ocrnet.zoo import Size, get_spec

spec = get_spec("demo")
graphs = [g for g in find_graphs(Path(sys.argv[1]), spec) if g.fixed_size is None]
dice = np.random.default_rng(0)
small, large = (
    dice.integers(0, 256, (1, *size, 3), dtype=np.uint8) for size in ((64, 96), (384, 512))
)

def opened():
    return open_engine(spec, graphs, EngineOptions(sys.argv[2]))._graphs[None]

graph = opened()
expected = [graph.run(images, "logits") for images in (small, large)]
graph = opened()
graph.run(small, "logits")
told = ""
with little_left(os.getpid(), 12 * MIB):
    try:
        graph.run(large, "logits")
    except Exception as error:
        told = type(error).__name__
right = []
for images, logits in zip((small, large), expected):
    found = graph.run(images, "logits")
    right.append(found.shape == logits.shape and bool(np.allclose(found, logits, atol=1e-3)))
print(json.dumps({"told": told, "right": right}))
"""


@pytest.mark.skipif(not address_space.LIMITED, reason="only Linux limits address space")
@pytest.mark.parametrize("runtime", ["openvino", "onnxruntime"])
def test_too_little_memory_for_a_run(runtime: str, root: Path) -> None:
    pytest.importorskip(runtime)
    done = address_space.python(_RUN, str(root / "model_repository"), runtime)
    found = json.loads(done)
    assert found == {"told": "OutOfMemory", "right": [True, True]}
