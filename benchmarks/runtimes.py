"""OpenVINO against ONNX Runtime on one and the same graph, in turns: which serves in process?

python benchmarks/runtimes.py --model demo --size 1024x2048 --runs 5
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ocrnet.artefacts import find_graphs
from ocrnet.without_telemetry import onnxruntime
from ocrnet.zoo import get_spec


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="demo")
    parser.add_argument("--size", default="1024x2048", help="HEIGHTxWIDTH (default: 1024x2048)")
    parser.add_argument("--runs", type=int, default=5, help="of each, after one warm-up")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    arguments = parser.parse_args()
    from ocrnet.without_telemetry import openvino

    height, width = (int(side) for side in arguments.size.split("x"))
    graphs = find_graphs(arguments.repository, get_spec(arguments.model))
    path = str(next(graph.path for graph in graphs if graph.fixed_size is None))
    images = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)

    exact = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(path, "CPU", exact)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    runs: dict[str, Callable[[], object]] = {
        "OpenVINO": lambda: compiled(images),
        "ONNX Runtime": lambda: session.run(None, {"image": images}),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(arguments.runs + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            if turn:
                seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    for name, values in seconds.items():
        print(f"{name:14}median {median[name]:.3f} s   all {[round(value, 3) for value in values]}")
    print(f"OpenVINO is {median['ONNX Runtime'] / median['OpenVINO']:.2f} times as fast")


if __name__ == "__main__":
    main()
