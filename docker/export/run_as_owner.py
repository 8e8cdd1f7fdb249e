"""Runs a command as the owner of a mounted folder, so that what it writes there is the owner's.

    run_as_owner.py FOLDER COMMAND...

As root, which a container is started as for this, it becomes the owner for good before the command
runs. As another user it says whether that one can write there: a PermissionError in the middle of
a build would come late. Other users may read what is written, which Triton's container does.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_HELP = {"-h", "--help"}


def main(argv: list[str]) -> int:
    """Become the command; 1 if it could not write to the folder."""
    folder, *command = argv
    try:
        owner = Path(folder).stat()
        if os.getuid() == 0 and owner.st_uid != 0:
            _become(owner.st_uid, owner.st_gid)
        closed = next(_closed(Path(folder)), None)
    except OSError as error:
        return _fail(f"{error.filename or folder} cannot be used: {error.strerror or error}")
    if closed is not None and _HELP.isdisjoint(command):
        status = closed.stat()
        return _fail(
            f"user {os.getuid()} may not write to {closed}, which belongs to "
            f"{status.st_uid}:{status.st_gid}. Run the container as the folder's owner "
            f'(--user "$(id -u):$(id -g)", as that user), or give the folder to user {os.getuid()} '
            f"on the host: sudo chown -R {os.getuid()}:{os.getgid()} {closed.name}"
        )
    os.umask(0o022)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        return _fail(f"{command[0]} does not start: {error.strerror}")


def _become(user: int, group: int) -> None:
    os.setgroups([])
    os.setgid(group)
    os.setuid(user)


def _closed(folder: Path) -> Iterator[Path]:
    """Folders that this user may not write to: the folder itself, and two levels of those in it."""
    for place in (folder, *folder.glob("*/"), *folder.glob("*/*/")):
        if place.is_dir() and not os.access(place, os.W_OK | os.X_OK):
            yield place


def _fail(message: str) -> int:
    print(f"run_as_owner.py: {message}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
