"""OpenVINO against ONNX Runtime on one and the same graph, in turns: which serves in process?

python benchmarks/runtimes.py --model demo --size 1024x2048 --runs 5
"""

import statistics

import numpy as np

from benchmarks.lib.arguments import add_served_graphs, add_size, make_parser
from benchmarks.lib.bare_runtimes import onnxruntime_run, openvino_run
from benchmarks.lib.interleaved import Run, in_turns
from benchmarks.lib.table import Table
from ocrnet.artefacts import find_graphs
from ocrnet.zoo import get_spec


def main() -> None:
    """Command line."""
    parser = make_parser("runtimes.py", __doc__)
    parser.add_argument("--model", default="demo")
    add_size(parser, "HEIGHTxWIDTH (default: 1024x2048)")
    parser.add_argument("--runs", type=int, default=5, help="of each, after one warm-up")
    add_served_graphs(parser)
    arguments = parser.parse_args()
    graphs = find_graphs(arguments.repository, get_spec(arguments.model))
    path = next(graph.path for graph in graphs if graph.fixed_size is None)
    shape = 1, arguments.size.height, arguments.size.width, 3
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    compiled, session = openvino_run(path), onnxruntime_run(path)
    runs: dict[str, Run] = {
        "OpenVINO": lambda: compiled(images),
        "ONNX Runtime": lambda: session(images),
    }
    seconds = in_turns(runs, arguments.runs)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    rows = [
        [name, f"{median[name]:.3f}", str([round(value, 3) for value in values])]
        for name, values in seconds.items()
    ]
    print(Table(["", "median s", "all"], rows).for_terminal())
    print(f"OpenVINO is {median['ONNX Runtime'] / median['OpenVINO']:.2f} times as fast")


if __name__ == "__main__":
    main()
