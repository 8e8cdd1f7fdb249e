"""The files that `export verify --json` and `export build --to int8` write, to the byte."""

import math
from pathlib import Path

import pytest

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate
from export.evaluation.report import (
    Attempt,
    Int8Report,
    KindReport,
    LayerGroup,
    Reference,
    VerificationReport,
    Verified,
)

VERIFIED = """\
{
  "model": "demo",
  "checkpoint": "demo.safetensors",
  "checkpoint_sha256": "00",
  "pictures": "drawn scenes 0 to 19",
  "date": "2026-01-31",
  "machine": "a processor, 2 threads",
  "versions": {
    "ocrnet": "0.1.0"
  },
  "kinds": [
    {
      "kind": "window",
      "size": "512x1024",
      "reference": {
        "miou": 0.5,
        "miou_of_present": 0.75,
        "iou": {
          "road": 0.75,
          "train": null
        },
        "present": [
          "road"
        ],
        "latency_ms": 20.5
      },
      "artefacts": [
        {
          "file": "model_fp16.onnx",
          "format": "onnx",
          "precision": "float16",
          "gate": {
            "logit_error": 0.03,
            "changed_labels": 0.001,
            "miou_loss": 0.1
          },
          "figures": {
            "logit_error": LOGIT_ERROR,
            "changed_labels": 0.25,
            "miou": 0.5,
            "miou_of_present": 0.5,
            "miou_loss": 25.0,
            "iou": {
              "road": 0.5,
              "train": null
            },
            "worst_class": [
              "road",
              25.0
            ],
            "latency_ms": null,
            "speedup": null
          },
          "verdict": "fail",
          "reasons": [
            "25.000% of the labels change, allowed 0.100%"
          ]
        },
        {
          "file": "model_sm80.plan",
          "format": "tensorrt",
          "precision": "float32",
          "gate": null,
          "figures": null,
          "verdict": "not run",
          "reasons": []
        }
      ]
    },
    {
      "kind": "dynamic",
      "size": null,
      "reference": null,
      "artefacts": []
    }
  ]
}
"""

INT8 = """\
{
  "pictures": "drawn scenes 500000 to 500031",
  "calibrated": 32,
  "held_out": 8,
  "miou": MIOU,
  "gate": {
    "changed_labels": 0.03,
    "miou_loss": 0.5
  },
  "attempts": [
    {
      "floating": [
        "normalisation"
      ],
      "figures": {
        "changed_labels": 0.25,
        "miou_loss": LOSS
      }
    },
    {
      "floating": [
        "fusion",
        "normalisation"
      ],
      "figures": {
        "changed_labels": 0.02,
        "miou_loss": LOSS
      }
    }
  ],
  "parts": [
    {
      "name": "fusion",
      "floating": true,
      "why": "measured: changes 20.00% of the labels when it alone is INT8",
      "changed_labels": 0.2
    },
    {
      "name": "stem",
      "floating": false,
      "why": "",
      "changed_labels": null
    }
  ]
}
"""


@pytest.mark.parametrize(("logit_error", "written"), [(0.01, "0.01"), (math.inf, "null")])
def test_what_verify_writes(logit_error: float, written: str, tmp_path: Path) -> None:
    figures = Figures(
        logit_error=logit_error,
        changed_labels=0.25,
        miou=0.5,
        miou_of_present=0.5,
        miou_loss=25.0,
        iou={"road": 0.5, "train": None},
        worst_class=("road", 25.0),
        latency_ms=None,
        speedup=None,
    )
    why = ["25.000% of the labels change, allowed 0.100%"]
    judged = Verified(
        "model_fp16.onnx", "onnx", "float16", Gate(0.03, 0.001, 0.1), figures, "fail", why
    )
    not_run = Verified("model_sm80.plan", "tensorrt", "float32", None, None, "not run", [])
    reference = Reference(0.5, 0.75, {"road": 0.75, "train": None}, ["road"], 20.5)
    report = VerificationReport(
        model="demo",
        checkpoint="demo.safetensors",
        checkpoint_sha256="00",
        pictures="drawn scenes 0 to 19",
        date="2026-01-31",
        machine="a processor, 2 threads",
        versions={"ocrnet": "0.1.0"},
        kinds=[
            KindReport("window", "512x1024", reference, [judged, not_run]),
            KindReport("dynamic", None, None, []),
        ],
    )
    report.write_json(tmp_path / "new" / "report.json")
    found = (tmp_path / "new" / "report.json").read_text()
    assert found == VERIFIED.replace("LOGIT_ERROR", written)


@pytest.mark.parametrize(
    ("miou", "loss", "written"), [(0.5, 0.25, ("0.5", "0.25")), (None, None, ("null", "null"))]
)
def test_what_stands_beside_an_int8_artefact(
    miou: float | None, loss: float | None, written: tuple[str, str], tmp_path: Path
) -> None:
    report = Int8Report(
        pictures="drawn scenes 500000 to 500031",
        calibrated=32,
        held_out=8,
        miou=miou,
        gate=Gate(None, 0.03, 0.5),
        attempts=[
            Attempt(["normalisation"], Figures(None, 0.25, miou=0.5, miou_loss=loss)),
            Attempt(["fusion", "normalisation"], Figures(None, 0.02, miou=0.5, miou_loss=loss)),
        ],
        groups=[
            LayerGroup(
                "fusion", True, "measured: changes 20.00% of the labels when it alone is INT8", 0.2
            ),
            LayerGroup("stem", False, "", None),
        ],
    )
    report.write_json(tmp_path / "model_int8.xml.int8.json")
    found = (tmp_path / "model_int8.xml.int8.json").read_text()
    assert found == INT8.replace("MIOU", written[0]).replace("LOSS", written[1])
