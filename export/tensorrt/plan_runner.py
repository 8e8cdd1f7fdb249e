"""Run a plan here, for verification and benchmarks; serving it is Triton's job."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.tensorrt.api import Gpu, find_gpu, load_tensorrt
from ocrnet.artefacts import MANIFEST_SUFFIX, Manifest, read_manifest
from ocrnet.engines.contract import Images, OutputName
from ocrnet.errors import ArtefactError, EngineError, OcrnetError, OutOfMemory
from ocrnet.memory_errors import says_out_of_memory


class PlanGraph:
    """A LoadedGraph of a TensorRT plan, by Polygraphy's runner; one picture shape at a time."""

    def __init__(self, path: Path):
        """Check the plan against this machine and load it.

        Raises ArtefactError without a GPU, for another GPU's plan, another TensorRT's, or one that
        TensorRT does not load, and OutOfMemory.
        """
        manifest = read_manifest(path.with_name(path.name + MANIFEST_SUFFIX))
        gpu = find_gpu()
        if manifest.format == "tensorrt_rtx":
            raise ArtefactError(f"{path} was built as a check, ahead of time: it is not run")
        trt = load_tensorrt("tensorrt")
        check_plan(path, manifest, gpu, trt.__version__)
        from polygraphy.backend.trt import EngineFromBytes, TrtRunner
        from polygraphy.exception import PolygraphyException

        self._failure = PolygraphyException  # imported here, since it is not everywhere
        self._runner = TrtRunner(EngineFromBytes(path.read_bytes()))
        try:
            self._runner.activate()
        except self._failure as error:
            raise _translated(error, ArtefactError(f"TensorRT cannot load {path}: {error}")) from (
                error
            )
        self.outputs = frozenset(manifest.outputs)
        plan = manifest.build.plan
        self._profile, self._has_single = 0, plan is not None and plan.profiles > 1

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        return self.run_outputs(images, [output])[output]

    def run_outputs(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        """As run, but several outputs of one run, by name."""
        profile = 1 if self._has_single and len(images) == 1 else 0
        if profile != self._profile:
            self._runner.set_profile(profile)
            self._profile = profile
        # Copies: the runner's own arrays are written again by the next call.
        found = self._infer(np.ascontiguousarray(images))
        return {name: np.array(found[name]) for name in outputs}

    def on_gpu(self, images: Any) -> dict[str, Any]:
        """Run PyTorch's tensor on the GPU, uint8 (N, H, W, 3); return the outputs there, by name.

        They are written again by the next call. Raises as run.
        """
        return self._infer(images, copy_outputs_to_host=False)

    def _infer(self, images: Any, **flags: bool) -> dict[str, Any]:
        try:
            found: dict[str, Any] = self._runner.infer({"image": images}, **flags)
        except self._failure as error:
            failed = EngineError(f"TensorRT failed on images of shape {images.shape}: {error}")
            raise _translated(error, failed) from error
        return found

    def close(self) -> None:
        """Give the GPU's memory back."""
        self._runner.deactivate()


def check_plan(path: Path, manifest: Manifest, gpu: Gpu, version: str) -> None:
    """Raise ArtefactError unless the plan was built on such a GPU by this TensorRT."""
    built_for = manifest.gpu.compute_capability if manifest.gpu else ""
    if built_for != gpu.compute_capability:
        raise ArtefactError(
            f"{path} was built for compute capability {built_for or 'unknown'}, the GPU here "
            f"({gpu.name}) has {gpu.compute_capability}: build it again on this GPU"
        )
    built_by = manifest.versions.get("tensorrt", "")
    if built_by != version:
        raise ArtefactError(
            f"{path} was built by TensorRT {built_by or 'unknown'}, here is {version}: plans hold "
            "for one version alone; build it again with this one"
        )


def _translated(error: Exception, otherwise: OcrnetError) -> OcrnetError:
    """What one of Polygraphy's errors is to callers."""
    return OutOfMemory() if says_out_of_memory(str(error)) else otherwise
