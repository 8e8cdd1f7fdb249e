"""What tests of the containers' scripts share."""

from pathlib import Path

import pytest

from tests.docker.triton_container import Container


@pytest.fixture
def container(root: Path, tmp_path: Path) -> Container:
    return Container(tmp_path, root / "docker" / "triton" / "start.py")
