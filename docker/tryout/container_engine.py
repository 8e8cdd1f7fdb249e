"""Docker or Podman, by the commands that both have."""

import json
import shlex
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

# As in docker-compose.yml.
_HARDENED = [
    "--read-only",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--tmpfs=/tmp",
    "--shm-size=1g",
]


class ContainerError(Exception):
    """A command of the container engine failed; the message is the command and what it said."""


def find_engine() -> str:
    """Return the engine that is installed; raises ContainerError without one."""
    for name in ("docker", "podman"):
        # A client alone is no engine: Docker's needs its service.
        if shutil.which(name) and _run([name, "info"]).returncode == 0:
            return name
    raise ContainerError("neither docker nor podman works here: install one, or name it: --engine")


@dataclass
class ContainerEngine:
    """Builds images and runs containers on the host's network, hardened as in the compose file.

    engine, builder: commands, with options that come first, such as "podman --runtime runc".
    build_options, run_options: further options of each build and run. started: the names of the
    containers that were run, in order.
    """

    engine: str
    builder: str
    build_options: str = ""
    run_options: str = ""
    started: list[str] = field(default_factory=list)

    def build(self, dockerfile: Path, image: str, **arguments: str) -> float:
        """Build from the folder at hand; return the seconds that it took."""
        values = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        options = [*shlex.split(self.build_options), *values]
        start = time.monotonic()
        command = [*shlex.split(self.builder), *options, f"--file={dockerfile}", f"--tag={image}"]
        self._checked([*command, "."])
        return time.monotonic() - start

    def run(
        self,
        name: str,
        image: str,
        *command: str,
        environment: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
        grace: int = 45,
    ) -> None:
        """Start a container in the background.

        options: of this run alone. grace: seconds between SIGTERM and SIGKILL.
        """
        self.remove(name)
        self.started.append(name)
        usual = ["--detach", f"--name={name}", "--network=host", f"--stop-timeout={grace}"]
        usual += _HARDENED + shlex.split(self.run_options)
        usual += [f"--env={key}={value}" for key, value in (environment or {}).items()]
        self._engine("run", *usual, *options, image, *command)

    def inside(self, name: str, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a container that runs."""
        return _run([*shlex.split(self.engine), "exec", name, *command])

    def stop(self, name: str) -> float:
        """Stop it by SIGTERM; return the seconds that it took."""
        start = time.monotonic()
        self._engine("stop", name)
        return time.monotonic() - start

    def kill(self, name: str) -> None:
        """End it at once, as a crash would."""
        self._engine("kill", "--signal=KILL", name)

    def start(self, name: str) -> None:
        """Start it again, as it was run."""
        self._engine("start", name)

    def wait(self, name: str) -> int:
        """Wait until it has ended by itself; return its status."""
        return int(self._engine("wait", name))

    def exit_status(self, name: str) -> int:
        """Return the status that a container ended with."""
        return int(self._engine("inspect", "--format={{.State.ExitCode}}", name))

    def log(self, name: str) -> str:
        """Return what it has said, on both outputs."""
        done = _run([*shlex.split(self.engine), "logs", name])
        return done.stdout + done.stderr

    def image_bytes(self, image: str) -> int:
        """Return an image's size, its base included."""
        return int(json.loads(self._engine("image", "inspect", image))[0]["Size"])

    def remove(self, name: str) -> None:
        """Remove a container, running or not, if it is there."""
        _run([*shlex.split(self.engine), "rm", "--force", "--volumes", name])

    def version(self) -> str:
        """Return the engine's name and version."""
        return self._engine("--version")

    def _engine(self, *arguments: str) -> str:
        return self._checked([*shlex.split(self.engine), *arguments])

    def _checked(self, command: list[str]) -> str:
        done = _run(command)
        if done.returncode:
            said = (done.stdout + done.stderr).strip().splitlines()[-25:]
            raise ContainerError(f"{shlex.join(command)} failed:\n" + "\n".join(said))
        return done.stdout.strip()


def _run(command: list[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise ContainerError(f"{command[0]} is not installed") from None
