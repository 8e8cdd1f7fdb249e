"""Builds the containers and shows that they work: hardened, stopped, killed and started again.

    make containers            by the engine that is installed, Docker or Podman
    docker/tryout/try_containers.py --help

The gateway's image and that of a Triton for CPUs are built and run on the host's network, with the
limits of docker-compose.yml. Every check ends in a line with its time, or in what went wrong.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from container_engine import ContainerEngine, ContainerError, find_engine
from gateway_requests import masks_in_process
from tryout_steps import IMAGES, ROOT, Failed, Tryout


def main(argv: list[str]) -> int:
    """Try everything; 1 if something failed."""
    arguments = _parser().parse_args(argv)
    os.chdir(ROOT)
    record: dict[str, float | str] = {}
    try:
        engine = arguments.engine or find_engine()
        builder = arguments.builder or f"{engine} build"
        containers = ContainerEngine(
            engine, builder, arguments.build_options, arguments.run_options
        )
        print(f"{containers.version()}, on {platform.machine()} with {os.cpu_count()} cores")
        with _cleaned_up(containers):
            tryout = Tryout(containers, record)
            if not arguments.no_build:
                tryout.build(arguments.python_image)
            with tempfile.TemporaryDirectory() as folder:
                tryout.masks = masks_in_process(IMAGES, Path(folder))
            if os.getuid() == 0:  # it gives a folder away
                tryout.first_processes()
            tryout.gateway_alone()
            tryout.with_triton()
        version = containers.version()
    except (ContainerError, Failed, TimeoutError, OSError) as error:
        print(f"try_containers.py: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        facts = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "engine": version}
        facts |= {"machine": f"{platform.machine()}, {os.cpu_count()} cores"}
        facts |= {"note": arguments.note} if arguments.note else {}
        content = json.dumps(facts | {"results": record}, indent=2)
        arguments.json.write_text(content + "\n", encoding="utf-8")
    print("All of it works.")
    return 0


@contextmanager
def _cleaned_up(engine: ContainerEngine) -> Iterator[None]:
    """Remove the containers at the end; after a failure show what they said first."""
    try:
        yield
    except (Failed, TimeoutError):
        for name in engine.started:
            print(f"--- {name}\n" + "\n".join(engine.log(name).splitlines()[-20:]), file=sys.stderr)
        raise
    finally:
        for name in dict.fromkeys(engine.started):
            engine.remove(name)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--engine", default="", metavar="COMMAND",
        help="with its options, such as 'podman --runtime runc' (default: docker or podman)",
    )  # fmt: skip
    add(
        "--builder", default="", metavar="COMMAND",
        help="that builds images, such as 'buildah bud' (default: the engine's build)",
    )  # fmt: skip
    add("--build-options", default="", metavar="OPTIONS", help="further options of each build")
    add("--run-options", default="", metavar="OPTIONS", help="further options of each run")
    add(
        "--python-image", default="", metavar="IMAGE",
        help="what the images are built from (default: what gateway.Dockerfile names)",
    )  # fmt: skip
    add("--no-build", action="store_true", help="try the images that are there")
    add("--json", type=Path, metavar="FILE", help="write the results there too")
    add("--note", default="", metavar="TEXT", help="of what was not as usual, for that file")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
