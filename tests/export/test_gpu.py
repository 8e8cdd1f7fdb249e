"""What only a GPU shows; skipped without one."""

import csv
import dataclasses
from pathlib import Path
from types import ModuleType

import numpy as np
import onnxruntime
import pytest
import safetensors.torch
import torch

from export import load_model
from export.artefacts.build_artefact import build_artefact
from export.artefacts.settings import BuildSettings
from export.artefacts.targets import Target
from export.evaluation.gates import gate_for
from export.evaluation.runners import open_graph, run_pytorch
from export.graphs.source import Source
from export.training.loop import train
from export.training.run_config import read_config
from ocrnet.artefacts import graph_folder
from ocrnet.engines.contract import checked_labels, checked_logits
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU")


@pytest.mark.parametrize(
    ("reference", "model"),
    [
        ("hr18s_cityscapes", "ocrnet_hr18s_cityscapes_40k"),
        ("hr18_ade20k", "ocrnet_hr18_ade20k_80k"),
        ("hr48_voc12", "ocrnet_hr48_voc12_20k"),
        ("r101_cityscapes", "ocrnet_r101-d8_cityscapes_40k_b8"),
    ],
)
def test_logits_on_the_gpu_are_those_of_mmsegmentation(
    reference: str,
    model: str,
    golden: Path,
    golden_weights: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    expected = np.load(golden / f"{reference}.npz")["logits"]
    width = 192 if reference.endswith("cityscapes") else 96
    image = torch.from_numpy(golden_weights.image(96, width, 1))[None].cuda()
    with torch.inference_mode():
        logits = load_model(model, "stand-in").cuda()(image).cpu().numpy()[0]
    np.testing.assert_allclose(logits, expected, rtol=0, atol=1e-4 * np.abs(expected).max())


def test_a_float16_graph_on_the_gpu_is_within_its_gate(root: Path, tmp_path: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is not installed")
    spec = get_spec("demo")
    source = Source(spec, str(root / "export" / "weights" / "demo.safetensors"))
    target = Target("onnx", "float16")
    build_artefact(source, "dynamic", target, BuildSettings(tmp_path))
    path = graph_folder(tmp_path, "demo", "dynamic") / target.file
    image = draw_scene(0, 512, 1024).image[None]
    logits = np.asarray(open_graph(path, "onnx", "float16").run(image, "logits"))
    expected = run_pytorch(source.network)(image)
    gate = gate_for("float16", trained=True, changed_labels=None, miou_loss=None)
    assert gate.logit_error is not None
    assert gate.changed_labels is not None
    assert np.abs(logits - expected).max() <= gate.logit_error * np.abs(expected).max()
    assert np.mean(logits.argmax(1) != expected.argmax(1)) <= gate.changed_labels
    assert not np.array_equal(logits, expected)  # it was not computed in float32


def test_labels_on_the_gpu_are_the_classes_of_its_logits(root: Path, tmp_path: Path) -> None:
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("onnxruntime-gpu is not installed")
    spec = get_spec("demo")
    assert spec.whole is not None
    source = Source(spec, str(root / "export" / "weights" / "demo.safetensors"))
    target = Target("onnx", "float16")
    build_artefact(source, "whole", target, BuildSettings(tmp_path))
    graph = open_graph(graph_folder(tmp_path, "demo", "whole") / target.file, "onnx", "float16")
    image = draw_scene(0, spec.whole.height, spec.whole.width).image[None]
    labels = checked_labels(graph.run(image, "labels"), spec.classes, image)
    logits = checked_logits(graph.run(image, "logits"), spec.classes, spec.output_stride, image)
    expected = upsample_argmax(logits[0], spec.whole, align_corners=spec.align_corners)
    assert np.mean(labels[0] == expected) >= 0.9999


def test_training_on_the_gpu_learns_and_resumes(root: Path, tmp_path: Path) -> None:
    config = dataclasses.replace(
        read_config(root / "export" / "configs" / "demo.toml"),
        start="",
        steps=30,
        batch=4,
        crop=Size(64, 128),
        scene_heights=(64, 100),
        warmup_steps=5,
    )
    train(config, tmp_path, device="cuda", workers=2, stop_after=15)
    kept = train(config, tmp_path, device="cuda").cpu().state_dict()
    text = (tmp_path / "log.csv").read_text()
    losses = [float(row[1]) for row in csv.reader(text.splitlines())]
    assert len(losses) == 30
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    half = safetensors.torch.load_file(tmp_path / "weights.safetensors")
    name = "decode_head.1.conv_seg.weight"
    assert torch.equal(half[name], kept[name].half())
