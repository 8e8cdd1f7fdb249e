"""Removes from the gateway's image what its packages bring and nothing in it loads.

    remove_unused.py SITE_PACKAGES

Each entry must be there: a release with another layout fails here, and someone looks again at what
is needed. check_engine.py runs afterwards, in the image's build.
"""

import shutil
import subprocess
import sys
from pathlib import Path

# Patterns below site-packages, and why nothing here loads them.
_UNUSED = {
    # Graphs run on the CPU alone (ocrnet/engines/openvino.py); plugins are loaded by device.
    "openvino/libs/libopenvino_intel_gpu_plugin.so": "runs on Intel's GPUs",
    "openvino/libs/cache.json": "kernels of the GPU plugin",
    "openvino/libs/libopenvino_intel_npu_plugin.so": "runs on Intel's NPUs",
    "openvino/libs/libopenvino_auto_batch_plugin.so": "the device BATCH",
    "openvino/libs/libopenvino_hetero_plugin.so": "the device HETERO",
    # Graphs are ONNX files or OpenVINO's own; readers are loaded by format.
    "openvino/libs/libopenvino_tensorflow_frontend.so.*": "reads TensorFlow's models",
    "openvino/libs/libopenvino_tensorflow_lite_frontend.so.*": "reads TensorFlow Lite's models",
    "openvino/libs/libopenvino_pytorch_frontend.so.*": "reads PyTorch's models",
    "openvino/libs/libopenvino_paddle_frontend.so.*": "reads PaddlePaddle's models",
    "openvino/libs/libopenvino_jax_frontend.so.*": "reads JAX's models",
    "openvino/libs/libopenvino_gguf_frontend.so.*": "reads GGUF models",
    "openvino/include": "C++ headers",
    "openvino/cmake": "for C++ builds",
    "numpy/*/tests": "NumPy's own tests",
    "numpy/_core/include": "C headers",
}
# Libraries that are published with their debugging information, most of what they are.
_DEBUGGABLE = ("ml_dtypes/_ml_dtypes_ext.*.so", "rapidjson.*.so")


def main(packages: Path) -> str:
    """Remove all of it; return what is missing, or nothing."""
    found = {pattern: sorted(packages.glob(pattern)) for pattern in (*_UNUSED, *_DEBUGGABLE)}
    missing = [pattern for pattern, paths in found.items() if not paths]
    if missing:
        return (
            f"{packages} has no {', '.join(missing)}: its packages have changed, look at "
            f"{Path(__file__).name} again"
        )
    total = 0
    for pattern, paths in found.items():
        for path in paths:
            before = _size(path)
            if pattern in _DEBUGGABLE:
                subprocess.run(["strip", "--strip-debug", str(path)], check=True)
            elif path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            saved = before - (_size(path) if path.exists() else 0)
            total += saved
            print(f"{saved / 1e6:8.1f} MB  {path.relative_to(packages)}")
    print(f"{total / 1e6:8.1f} MB removed")
    return ""


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) or 0)
