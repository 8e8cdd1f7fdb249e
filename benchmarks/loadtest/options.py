"""The command line of benchmarks/load.py, checked before anything is started."""

import argparse
import ipaddress
import math
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from pydantic import ValidationError

from benchmarks.loadtest.latency_chart import ENDINGS
from benchmarks.loadtest.load_steps import Plan
from benchmarks.loadtest.mixes import NAMED, Mix, parse_mix
from ocrnet.errors import InputError
from server.settings import Settings

_STEPS = "0.5,0.8,1,1.5,2,3,5"
_OTHER_FILES = 100  # that client and gateway have open beside the connections


@dataclass(frozen=True)
class Options:
    """What is measured, where, and where the results go.

    url: of a running gateway; empty: one is started with `serve_flags`. mix: as it was named.
    """

    plan: Plan
    mix: str
    url: str
    serve_flags: tuple[str, ...]
    json: Path | None
    chart: Path | None
    note: str


def read_options(argv: list[str], description: str | None) -> Options:
    """Read the command line; ends with status 2 and a message for what cannot be used."""
    split = argv.index("--") if "--" in argv else len(argv)
    parser = _parser(description)
    arguments = parser.parse_args(argv[:split])
    flags = tuple(argv[split + 1 :])
    if arguments.url and flags:
        parser.error("flags after -- are for a gateway that is started here: leave out --url")
    if arguments.url:
        try:
            check_url(arguments.url, arguments.allow_remote)
        except InputError as error:
            parser.error(str(error))
    for path in (arguments.json, arguments.chart):
        if path is not None and not path.absolute().parent.is_dir():
            parser.error(f"{path}: there is no folder {path.absolute().parent}")
    _allow_sockets(parser, arguments.max_connections)
    plan = Plan(
        mix=arguments.mix[1],
        steps=arguments.steps,
        seconds=arguments.seconds,
        most_requests=arguments.max_requests_per_step,
        most_connections=arguments.max_connections,
        timeout=arguments.timeout,
        deadline=arguments.deadline or arguments.timeout,
        total_seconds=arguments.total_seconds,
        capacity=arguments.capacity,
        clients=arguments.concurrency or _places(parser, flags, arguments.url),
        probe_seconds=arguments.probe_seconds,
        spacing=arguments.arrivals,
        seed=arguments.seed,
    )
    return Options(
        plan, arguments.mix[0], arguments.url, flags, arguments.json, arguments.chart,
        arguments.note,
    )  # fmt: skip


def check_url(url: str, allow_remote: bool) -> None:
    """Raise InputError for what is no http URL, and for another machine's unless allowed."""
    try:
        parsed = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise InputError(f"--url is {url!r}: {error}; it takes http://HOST:PORT") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InputError(f"--url is {url!r}: it takes http://HOST:PORT")
    if not allow_remote and not _is_loopback(parsed.host):
        raise InputError(
            f"--url is {url!r}: {parsed.host} is not this machine (localhost, 127.0.0.1 or [::1]). "
            "Overload of a machine whose owner did not ask for it is an attack; with the owner's "
            "consent, add --allow-remote"
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False  # a name, which may lead anywhere


def _places(parser: argparse.ArgumentParser, flags: tuple[str, ...], url: str) -> int:
    """How many requests the gateway takes in work at once, as far as that is known here."""
    default = int(Settings.model_fields["max_requests"].default)
    if url:
        return default
    look = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    look.add_argument("--max-requests", type=int)
    given = look.parse_known_args(flags)[0].max_requests
    stated: dict[str, Any] = {} if given is None else {"max_requests": given}
    try:
        settings = Settings(**stated)
    except ValidationError as error:
        parser.error(f"the gateway's settings: {error.errors()[0]['msg']}")
    return settings.max_requests


def _allow_sockets(parser: argparse.ArgumentParser, connections: int) -> None:
    """Raise this process's limit of open files, which a gateway started here inherits."""
    wanted = connections + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        parser.error(f"--max-connections is {connections}: this system allows {hard} open files")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        usage="%(prog)s [options] [-- FLAGS OF ocrnet serve]",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument_group("the gateway").add_argument
    add("--url", default="", help="of a running one; else one is started, with the flags after --")
    add("--allow-remote", action="store_true", help="--url may be another machine's: ask its owner")
    add = parser.add_argument_group("the load").add_argument
    add("--mix", type=_mix, default="small", metavar="MIX",
        help=f"{', '.join(NAMED)}, or such as {NAMED['street']} (default: small)")  # fmt: skip
    add("--steps", type=_multiples, default=_STEPS, metavar="N,N",
        help=f"multiples of the capacity, in this order (default: {_STEPS})")  # fmt: skip
    add("--arrivals", choices=("poisson", "even"), default="poisson",
        help="by chance, as independent users (default), or with equal gaps")  # fmt: skip
    add("--seed", type=int, default=0, help="of the arrivals (default: 0)")
    add("--capacity", type=_positive, metavar="PER_SECOND", help="instead of measuring it")
    add("--concurrency", type=_count, metavar="N",
        help="clients that measure it (default: --max-requests after --, or else 4)")  # fmt: skip
    add("--probe-seconds", type=_positive, default=10.0, metavar="N",
        help="that measuring it takes (default: 10)")  # fmt: skip
    add("--deadline", type=_positive, metavar="SECONDS",
        help="a mask later than this is not goodput (default: the timeout)")  # fmt: skip
    add = parser.add_argument_group("bounds").add_argument
    add("--seconds", type=_positive, default=20.0, help="of sending, of a step (default: 20)")
    add("--max-requests-per-step", type=_count, default=2000, metavar="N",
        help="a step with more is cut short (default: 2000)")  # fmt: skip
    add("--max-connections", type=_count, default=1000, metavar="N",
        help="at once; a request beyond is not sent, and counted (default: 1000)")  # fmt: skip
    add("--timeout", type=_positive, default=30.0, metavar="SECONDS",
        help="of a request, which the gateway is told (default: 30)")  # fmt: skip
    add("--total-seconds", type=_positive, default=600.0, metavar="N",
        help="no step begins that might end later (default: 600)")  # fmt: skip
    add = parser.add_argument_group("results").add_argument
    add("--json", type=Path, metavar="FILE", help="figures, and every request")
    add("--chart", type=_chart, metavar="FILE", help="by its ending, .png or .svg")
    add("--note", default="", help="what else the machine was doing; goes into both")
    return parser


def _argument(check: Callable[[float], bool], what: str) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not check(value):
            raise argparse.ArgumentTypeError(f"{text[:40]!r}: it takes {what}")
        return value

    return read


_positive = _argument(lambda value: 0 < value < math.inf, "a number above 0")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 1_000_000):
        raise argparse.ArgumentTypeError(
            f"{text[:40]!r}: it takes a whole number from 1 to 1000000"
        )
    return int(text)


def _multiples(text: str) -> tuple[float, ...]:
    return tuple(_positive(part.strip()) for part in text.split(","))


def _mix(text: str) -> tuple[str, Mix]:
    try:
        return text, parse_mix(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _chart(text: str) -> Path:
    path = Path(text)
    if path.suffix not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r}: it ends in {' or '.join(ENDINGS)}")
    return path
