"""Every format of an answer, and that all say the same of each pixel."""

import csv
from collections.abc import Callable
from io import BytesIO, StringIO
from typing import Any

import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrnet.engines import Engine
from ocrnet.inference.argmax import upsample_argmax
from ocrnet.scenes import draw_scene
from ocrnet.zoo import Size, get_spec, load_labels

pytestmark = pytest.mark.slow

Gateway = Callable[..., httpx2.Client]
LABELS = load_labels("cityscapes")
SCENE = draw_scene(11, 192, 256).image
OPTIONS: list[Any] = [
    {"mode": "whole"},
    {"crop": "128x128", "overlap": "0.333"},
    {"crop": "96x128", "blend": "gaussian", "overlap": "0.5"},
    {"mode": "whole", "scales": "0.75,1.25", "flip": "1"},
    {"crop": "128x128", "scales": "1", "flip": "1"},
    # Thorough: the published size is that of a whole picture, ten times.
    pytest.param(
        {"resize": "published", "crop": "512x512", "stride": "512x512"},
        marks=pytest.mark.thorough,
    ),
]


@pytest.fixture
def client(gateway: Gateway, demo_engine: Engine) -> httpx2.Client:
    return gateway(demo_engine)


@pytest.fixture
def scene(encode: Callable[..., bytes]) -> bytes:
    return encode(SCENE)


def _ask(client: httpx2.Client, data: bytes, **query: str) -> httpx2.Response:
    answer = client.post("/segment", params=query, files={"image": data})
    assert answer.status_code == 200, answer.text
    return answer


def _png(answer: httpx2.Response, mode: str) -> NDArray[np.uint8]:
    picture = Image.open(BytesIO(answer.content))
    assert picture.mode == mode
    assert answer.headers["content-type"] == "image/png"
    return np.asarray(picture)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_all_formats_agree_pixel_by_pixel(
    client: httpx2.Client, encode: Callable[..., bytes], options: dict[str, str]
) -> None:
    # A strip, since the published resize makes large pictures of small ones.
    picture = SCENE[80:112] if "resize" in options else SCENE
    scene = encode(picture)
    labels = _png(_ask(client, scene, **options), "P")
    assert labels.shape == picture.shape[:2]
    assert len(np.unique(labels)) > 3

    index = _png(_ask(client, scene, format="index", **options), "L")
    np.testing.assert_array_equal(index, labels)

    archive = np.load(BytesIO(_ask(client, scene, format="npz", **options).content))
    np.testing.assert_array_equal(archive["labels"], labels)
    assert archive["names"].tolist() == list(LABELS.names)

    overlay = _png(_ask(client, scene, format="overlay", opacity="1", **options), "RGB")
    np.testing.assert_array_equal(overlay, LABELS.colours[labels])
    half = _png(_ask(client, scene, format="overlay", **options), "RGB").astype(float)
    np.testing.assert_allclose(
        half, (picture.astype(float) + LABELS.colours[labels]) / 2, atol=0.51
    )

    document = _ask(client, scene, format="json", boxes="1", min_pixels="1", **options).json()
    counts = {row["index"]: row["pixels"] for row in document["classes"]}
    present, pixels = np.unique(labels, return_counts=True)
    assert counts == dict(zip(present.tolist(), pixels.tolist(), strict=True))
    assert sum(row["share"] for row in document["classes"]) == pytest.approx(1, abs=1e-4)
    _check_boxes(document, labels)

    own = _png(_ask(client, scene, format="index", ids="label", **options), "L")
    assert LABELS.label_ids is not None
    np.testing.assert_array_equal(own, LABELS.label_ids[labels])
    coloured = Image.open(BytesIO(_ask(client, scene, ids="label", **options).content))
    np.testing.assert_array_equal(np.asarray(coloured), own)
    np.testing.assert_array_equal(np.asarray(coloured.convert("RGB")), LABELS.colours[labels])

    confidence = _png(_ask(client, scene, format="confidence", **options), "L")
    assert confidence.shape == labels.shape
    assert confidence.min() >= 255 // 19

    archive = np.load(
        BytesIO(_ask(client, scene, format="npz", content="logits", **options).content)
    )
    logits = archive["logits"]
    assert logits.dtype == np.float16
    assert logits.shape == (19, len(picture) // 4, 64)
    size = Size(*labels.shape)
    again = upsample_argmax(logits.astype(np.float32), size, align_corners=False)
    # With the published resize the network saw finer detail than its logits keep at this size.
    assert (again == labels).mean() > (0.8 if "resize" in options else 0.97)


def _check_boxes(document: dict[str, Any], labels: NDArray[np.uint8]) -> None:
    """Every box is tight around a region of its class, and the regions are all pixels."""
    assert document["components_total"] >= len(document["components"]) > 5
    for component in document["components"][:20]:
        left, top, width, height = component["box"]
        inside = labels[top : top + height, left : left + width] == component["index"]
        assert inside.any(axis=0).all()
        assert inside.any(axis=1).all()
        assert component["pixels"] <= inside.sum()
    if document["components_total"] <= 1000:
        assert sum(item["pixels"] for item in document["components"]) == labels.size


def test_confidence_is_high_where_the_model_is_right(client: httpx2.Client, scene: bytes) -> None:
    truth = draw_scene(11, 192, 256).labels
    labels = _png(_ask(client, scene, mode="whole"), "P")
    confidence = _png(_ask(client, scene, mode="whole", format="confidence"), "L")
    right, wrong = labels == truth, (labels != truth) & (truth != 255)
    assert confidence[right].mean() > confidence[wrong].mean() + 20


def test_edges_are_white_and_between_classes(client: httpx2.Client, scene: bytes) -> None:
    labels = _png(_ask(client, scene), "P").astype(int)
    query = {"format": "overlay", "opacity": "1", "edges": "1"}
    overlay = _png(_ask(client, scene, **query), "RGB")
    white = (overlay == 255).all(axis=2)
    expected = np.zeros_like(white)
    expected[:, :-1] = labels[:, :-1] != labels[:, 1:]
    expected[:-1] |= labels[:-1] != labels[1:]
    np.testing.assert_array_equal(white, expected)


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "image/png"),
        ("*/*", "image/png"),
        ("image/*", "image/png"),
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("application/x-npz", "application/x-npz"),
        ("application/json;q=0.5, image/png;q=0.1", "application/json"),
        ("image/png;q=0, */*", "application/json"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "image/png"),
        ("APPLICATION/JSON", "application/json"),
        ("image/avif,image/webp,image/png;q=0.9,*/*;q=0.1", "image/png"),
        ("application/json;q=banana", "application/json"),
    ],
)
def test_accept_chooses_the_format(
    gateway: Gateway, encode: Callable[..., bytes], accept: str, media_type: str
) -> None:
    client = gateway()
    data = encode(np.zeros((8, 8, 3), np.uint8))
    answer = client.post("/segment", files={"image": data}, headers={"accept": accept})
    assert answer.headers["content-type"] == media_type
    assert "Accept" in answer.headers["vary"]
    query = {"format": "npz"}  # a format that is named wins
    for header in (accept, "text/html"):
        answer = client.post(
            "/segment", params=query, files={"image": data}, headers={"accept": header}
        )
        assert answer.headers["content-type"] == "application/x-npz"


def test_several_accept_headers_are_one(gateway: Gateway, encode: Callable[..., bytes]) -> None:
    data = encode(np.zeros((8, 8, 3), np.uint8))
    headers = [("accept", "text/html"), ("accept", "application/json")]
    answer = gateway().post("/segment", files={"image": data}, headers=headers)
    assert answer.headers["content-type"] == "application/json"


def test_other_data_sets_have_no_numbers_of_their_own(
    gateway: Gateway, encode: Callable[..., bytes]
) -> None:
    client = gateway(name="ocrnet_hr18s_ade20k_80k")
    data = encode(np.zeros((8, 8, 3), np.uint8))
    answer = client.post("/segment", params={"ids": "label"}, files={"image": data})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_ids")
    assert "label_id" not in client.get("/models/ocrnet_hr18s_ade20k_80k").json()["classes"][0]


@pytest.mark.parametrize("name", ["demo", "ocrnet_hr18s_ade20k_80k", "ocrnet_hr18s_voc12_20k"])
def test_legend_and_palette_list_every_class(gateway: Gateway, name: str) -> None:
    client = gateway(name=name)
    labels = get_spec(name).labels
    model = client.get(f"/models/{name}").json()
    answer = client.get(f"/{model['palette']}")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(StringIO(answer.text)))
    assert [row["name"] for row in rows] == list(labels.names)
    colours = [[int(row[key]) for key in "rgb"] for row in rows]
    np.testing.assert_array_equal(colours, labels.colours)
    assert ("label_id" in rows[0]) == (name == "demo")
    legend = _png(client.get(f"/{model['legend']}"), "RGB")
    seen = {tuple(colour) for colour in legend.reshape(-1, 3).tolist()}
    assert {tuple(colour) for colour in labels.colours.tolist()} <= seen
    assert client.get("/models/nothing/legend.png").json()["code"] == "unknown_model"
