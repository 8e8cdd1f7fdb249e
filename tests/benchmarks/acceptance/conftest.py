"""A machine with a GPU, as far as nvidia-smi says."""

from pathlib import Path

import pytest


@pytest.fixture
def an_h200(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    script = folder / "nvidia-smi"
    script.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        "  *name,compute_cap*) echo 'NVIDIA H200, 9.0, 580.159.04, GPU-0a, Disabled' ;;\n"
        "  *name,memory*) echo 'NVIDIA H200, 143771 MiB, 9.0, 580.159.04, 700.00 W, 1980 MHz, "
        "GPU-0a' ;;\n"
        "  *memory.used*) echo '1024' ;;\n"
        "esac\n"
    )
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")
