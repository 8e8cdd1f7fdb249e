"""The exporter's container writes as the owner of the folder that it is given."""

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.patience import patience

pytestmark = pytest.mark.slow

ROOT_ALONE = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give folders away")
# As in docker-compose.yml: root without its rights, but for those to become another user.
AS_IN_COMPOSE = ["setpriv", "--bounding-set=-all,+setuid,+setgid"]
_WRITE = "import os, sys; open(sys.argv[1], 'w').close(); print(os.getuid(), os.getgid())"


def run(
    root: Path, folder: Path, *command: str, user: int | None = None, prefix: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    script = root / "docker" / "export" / "run_as_owner.py"
    return subprocess.run(
        [*prefix, "python3", str(script), str(folder), *command],
        user=user,
        group=user,
        extra_groups=None if user is None else [],
        cwd="/",
        capture_output=True,
        text=True,
        timeout=patience(5),
        check=False,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model repository that other users can reach."""
    temporary = Path(tempfile.gettempdir())
    for place in (tmp_path, *tmp_path.parents):
        if place in (temporary, *temporary.parents):
            break
        place.chmod(0o755)
    models = tmp_path / "model_repository"
    (models / "demo_window" / "1").mkdir(parents=True)
    return models


@ROOT_ALONE
@pytest.mark.parametrize("owner", [(1000, 1000), (501, 20), (0, 0)])
def test_files_are_the_folder_owner_s_and_others_may_read_them(
    root: Path, folder: Path, owner: tuple[int, int]
) -> None:
    for place in (folder, *folder.rglob("*")):
        os.chown(place, *owner)
    made = folder / "demo_window" / "1" / "model.plan"
    done = run(root, folder, "python3", "-c", _WRITE, str(made), prefix=tuple(AS_IN_COMPOSE))
    assert done.stdout.split() == [str(number) for number in owner], done.stderr
    status = made.stat()
    assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (*owner, 0o644)


@ROOT_ALONE
@pytest.mark.parametrize("part", ["", "demo_window", "demo_window/1"])
def test_a_user_that_may_not_write_is_told_what_to_do(root: Path, folder: Path, part: str) -> None:
    for place in (folder, *folder.rglob("*")):
        os.chown(place, 10001, 10001)
    os.chown(folder / part, 1234, 1234)
    done = run(root, folder, "true", user=10001)
    assert done.returncode == 1
    assert f"user 10001 may not write to {folder / part}" in done.stderr
    assert "which belongs to 1234:1234" in done.stderr
    assert "Traceback" not in done.stderr
    assert run(root, folder, "true", "--help", user=10001).returncode == 0


@ROOT_ALONE
def test_the_same_user_needs_no_rights(root: Path, folder: Path) -> None:
    for place in (folder, *folder.rglob("*")):
        os.chown(place, 10001, 10001)
    done = run(root, folder, "python3", "-c", _WRITE, str(folder / "new"), user=10001)
    assert done.stdout.split() == ["10001", "10001"], done.stderr


def test_a_folder_or_a_program_that_is_not_there(root: Path, folder: Path) -> None:
    done = run(root, folder / "nowhere", "true")
    assert done.returncode == 1
    assert "nowhere cannot be used: No such file or directory" in done.stderr
    done = run(root, folder, "/nowhere/ocrnet")
    assert done.returncode == 1
    assert "/nowhere/ocrnet does not start" in done.stderr
