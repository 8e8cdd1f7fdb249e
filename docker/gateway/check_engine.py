"""Shows, while the gateway's image is built, that its engine reads both formats and runs.

    check_engine.py GRAPH.onnx

The graph runs as ONNX and as OpenVINO's own format, and the results must be equal.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import openvino
import tritonclient.grpc.aio  # noqa: F401  # with libraries that remove_unused.py changes


def main(path: str) -> str:
    """Return what is wrong, or nothing."""
    core = openvino.Core()
    onnx = core.read_model(path)
    with tempfile.TemporaryDirectory() as folder:
        xml = Path(folder) / "model.xml"
        openvino.save_model(onnx, xml, compress_to_fp16=False)
        models = {"ONNX": onnx, "OpenVINO's format": core.read_model(xml)}
        image = np.random.default_rng(0).integers(0, 256, (1, 65, 97, 3), np.uint8)
        options = {"INFERENCE_PRECISION_HINT": "f32"}
        results = [
            core.compile_model(model, "CPU", options)({"image": image})["logits"]
            for model in models.values()
        ]
    if not np.array_equal(*results):
        return "the graph gives other logits in OpenVINO's format than as ONNX"
    print(f"{path} runs as {' and as '.join(models)}")
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) or 0)
