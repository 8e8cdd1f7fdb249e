"""The page at `/` in a real Chromium: a scene goes in, its mask and legend come out."""

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import httpx2
import numpy as np
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from ocrnet.artefacts import Origin, Weights
from ocrnet.engines import Engine
from ocrnet.engines.fake import FakeEngine
from ocrnet.scenes import draw_scene
from ocrnet.zoo import get_spec
from server.models import ServedModel
from tests.patience import patience

pytestmark = pytest.mark.slow

EXAMPLES = {"day": 8, "rain": 17, "dusk": 6}  # seeds


@pytest.fixture
def browser(needed: Callable[[str], str], tmp_path: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = needed("chromium")
    for flag in (
        "--headless=new",
        "--no-sandbox",  # CI runs as root
        "--disable-dev-shm-usage",
        "--window-size=1100,900",
        f"--user-data-dir={tmp_path / 'profile'}",
    ):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(needed("chromedriver")))
    yield driver
    driver.quit()


@pytest.fixture
def scene_file(tmp_path: Path) -> Path:
    scene = draw_scene(0, 256, 512)
    path = tmp_path / "scene.png"
    cv2.imwrite(str(path), cv2.cvtColor(scene.image, cv2.COLOR_RGB2BGR))
    return path


def _status(browser: webdriver.Chrome) -> str:
    return browser.find_element(By.ID, "status").text


def test_a_picture_is_shown_with_its_mask_and_legend(
    browser: webdriver.Chrome,
    gateway: Callable[..., httpx2.Client],
    scene_file: Path,
    demo_engine: Engine,
) -> None:
    client = gateway(demo_engine)
    browser.get(str(client.base_url))
    wait = WebDriverWait(browser, patience(10))
    wait.until(lambda b: len(Select(b.find_element(By.ID, "model")).options) == 1)
    browser.find_element(By.ID, "file").send_keys(str(scene_file))
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, "#legend li"))
    assert _status(browser).startswith("scene.png: ")
    mask = browser.find_element(By.ID, "mask")
    assert mask.is_displayed()
    assert browser.execute_script("return arguments[0].naturalWidth", mask) == 512
    rows = [row.text for row in browser.find_elements(By.CSS_SELECTOR, "#legend li")]
    assert any(row.startswith("road ") for row in rows)
    shares = [float(row.split()[-2]) for row in rows]
    assert sum(shares) == pytest.approx(100, abs=1.5)
    shot = np.frombuffer(browser.get_screenshot_as_png(), np.uint8)
    assert len(np.unique(cv2.imdecode(shot, cv2.IMREAD_COLOR).reshape(-1, 3), axis=0)) > 1000
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize(
    ("origin", "note"),
    [
        ("random", "random weights: masks mean nothing"),
        ("unknown", "weights unknown"),
        ("published", ""),
    ],
)
def test_what_masks_are_worth_stands_above_them(
    browser: webdriver.Chrome, gateway: Callable[..., httpx2.Client], origin: Origin, note: str
) -> None:
    spec = get_spec("demo")
    weights = Weights(origin, note=note)
    model = ServedModel(spec, [], lambda: FakeEngine(spec.classes), weights=weights)
    browser.get(str(gateway(model=model).base_url))
    wait = WebDriverWait(browser, patience(10))
    wait.until(lambda b: len(Select(b.find_element(By.ID, "model")).options) == 1)
    browser.find_element(By.CSS_SELECTOR, "#examples button").click()
    wait.until(lambda b: b.find_elements(By.CSS_SELECTOR, "#legend li"))
    said = browser.find_element(By.ID, "weights")
    assert said.is_displayed() == bool(note)
    assert said.text == (f"demo: {note}." if note else "")
    if note:
        view = browser.find_element(By.ID, "view")
        assert said.location["y"] < view.location["y"]


def test_an_example_is_a_click_away(
    browser: webdriver.Chrome, gateway: Callable[..., httpx2.Client]
) -> None:
    browser.get(str(gateway().base_url))
    wait = WebDriverWait(browser, patience(10))
    wait.until(lambda b: len(Select(b.find_element(By.ID, "model")).options) == 1)
    browser.find_element(By.CSS_SELECTOR, "#examples button").click()
    wait.until(lambda b: _status(b).startswith("day.jpg: "))
    mask = browser.find_element(By.ID, "mask")
    wait.until(lambda b: b.execute_script("return arguments[0].naturalWidth", mask) == 1024)


@pytest.mark.parametrize(("name", "seed"), EXAMPLES.items())
def test_examples_are_scenes(root: Path, name: str, seed: int) -> None:
    shown = cv2.imread(str(root / "server" / "page" / "examples" / f"{name}.jpg"))
    scene = cv2.cvtColor(draw_scene(seed, 512, 1024).image, cv2.COLOR_RGB2BGR)
    assert np.abs(shown.astype(int) - scene).mean() < 8


def test_a_refusal_is_shown_in_words(
    browser: webdriver.Chrome, gateway: Callable[..., httpx2.Client], tmp_path: Path
) -> None:
    path = tmp_path / "notes.png"
    path.write_text("not a picture")
    browser.get(str(gateway().base_url))
    browser.find_element(By.ID, "file").send_keys(str(path))
    WebDriverWait(browser, patience(5)).until(lambda b: "JPEG, PNG or WebP" in _status(b))
    assert "error" in browser.find_element(By.ID, "status").get_attribute("class")


def test_the_api_page_works_without_a_network(
    browser: webdriver.Chrome, gateway: Callable[..., httpx2.Client]
) -> None:
    browser.get(f"{gateway().base_url}/docs")
    WebDriverWait(browser, patience(5)).until(
        lambda b: "Segment a picture" in b.find_element(By.TAG_NAME, "body").text
    )
