"""The `OCRNET_…` variables of `ocrnet serve`: misspelt ones are named, Kubernetes' own let be."""

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import urlsplit

PREFIX = "OCRNET_"

# A service's name in capital letters, with _ for -. Kubernetes sets these in every pod of the
# namespace unless the pod has enableServiceLinks: false.
_SERVICE = r"OCRNET(?:_[A-Z0-9_]*[A-Z0-9])?"
_PROTOCOLS = ("tcp", "udp", "sctp")


def variable_of(setting: str) -> str:
    """Return the variable of a setting: OCRNET_MAX_PIXELS of max_pixels."""
    return PREFIX + setting.upper()


def wrong_variables(environment: Mapping[str, str], settings: Iterable[str]) -> list[str]:
    """Return what is wrong with the names of the variables that start with `OCRNET_`.

    Names count in small letters too, as they do where the settings are read. Every variable must
    be that of a setting, once, or one that Kubernetes sets.
    """
    known = {variable_of(setting) for setting in settings}
    problems = []
    seen: dict[str, str] = {}
    for name in sorted(environment):
        full = name.upper()
        if not full.startswith(PREFIX):
            continue
        if full in known:
            if full in seen:
                problems.append(f"{name} and {seen[full]} are the same setting: unset one of them")
            seen[full] = name
        elif not is_from_kubernetes(name, environment[name]):
            problems.append(_unknown(name, known))
    return problems


def is_from_kubernetes(name: str, value: str) -> bool:
    """Return whether Kubernetes sets such a variable for a service called ocrnet or ocrnet-….

    Its value must be of the right kind too: a service's IP address, a port number, or a URL such
    as tcp://10.0.0.1:80.
    """
    return any(
        re.fullmatch(_SERVICE + suffix, name) and is_valid(value) for suffix, is_valid in _KINDS
    )


def _unknown(name: str, known: Iterable[str]) -> str:
    # Without the prefix, which would make any two of them alike.
    names = {one.removeprefix(PREFIX): one for one in known}
    nearest = difflib.get_close_matches(name.upper().removeprefix(PREFIX), names, n=1)
    hint = f"did you mean {names[nearest[0]]}? " if nearest else ""
    return f"{name} is not a setting: {hint}'ocrnet serve --help' lists them all"


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _is_port(text: str) -> bool:
    return re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII) is not None and int(text) <= 65535


def _is_protocol(text: str) -> bool:
    return text in _PROTOCOLS


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    place = f"[{host}]" if ":" in host else host
    whole = f"{parts.scheme}://{place}:{port}"
    return text == whole and _is_protocol(parts.scheme) and _is_address(host) and bool(port)


_PORT = r"_PORT_\d+_(?:TCP|UDP|SCTP)"
_KINDS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    (r"_SERVICE_HOST", _is_address),
    (r"_SERVICE_PORT(?:_[A-Z0-9_]+)?", _is_port),
    (r"_PORT", _is_url),
    (_PORT, _is_url),
    (_PORT + "_PROTO", _is_protocol),
    (_PORT + "_PORT", _is_port),
    (_PORT + "_ADDR", _is_address),
)
