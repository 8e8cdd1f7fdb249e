"""A folder with pictures to segment."""

from pathlib import Path

import cv2
import pytest

from ocrnet.scenes import draw_scene


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, root: Path) -> Path:
    """A working folder with `in/`: good pictures, a broken one, other files; and the graphs."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_repository").symlink_to(root / "model_repository")
    folder = tmp_path / "in"
    (folder / "deep").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "deep/b.jpg", "deep/c.WEBP")):
        image = draw_scene(seed, 64, 96).image
        _, data = cv2.imencode(Path(name).suffix.lower(), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        (folder / name).write_bytes(data.tobytes())
    (folder / "notes.txt").write_text("no picture")
    (folder / ".hidden.png").write_bytes(b"")
    return folder
