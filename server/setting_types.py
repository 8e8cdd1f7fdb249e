"""Types of settings whose text is checked: what is wrong is said, and what would be right."""

import ipaddress
import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator
from pydantic_settings import NoDecode

from ocrnet.engines.compiled import usual_folder
from ocrnet.errors import UnknownModel
from ocrnet.zoo import get_spec
from server.listening import VALID_HOSTS

_TRITON = r"|local|[^\s:]+:\d{1,5}|\[[0-9a-fA-F:]+\]:\d{1,5}"


def names_in(listed: str) -> list[str]:
    """Return the names that a text separates by commas, each once."""
    names = (name.strip() for name in listed.split(","))
    return list(dict.fromkeys(name for name in names if name))


def full_name(name: str) -> str:
    """Return the model that an alias names. Unknown names are refused when models are opened."""
    try:
        return get_spec(name).name
    except UnknownModel:
        return name


def cache_folder(setting: str) -> Path | None:
    """The folder of compiled graphs that a value of `Cache` stands for; None: there is none."""
    if setting == "none":
        return None
    return usual_folder() if setting == "auto" else Path(setting)


def _host(text: str) -> str:
    """Return an address or name without the brackets that an IPv6 address has in a URL."""
    bracketed = text.startswith("[") and text.endswith("]")
    bare = text[1:-1] if bracketed else text
    # The C library takes * for the loopback address, though elsewhere it stands for every one.
    if not bare or re.search(r"[\s*]", bare):
        raise ValueError(f"it takes {VALID_HOSTS}")
    if (bracketed or ":" in bare) and not _is_ipv6(bare):
        raise ValueError(f"it takes {VALID_HOSTS}; the port is --port")
    return bare


def _is_ipv6(text: str) -> bool:
    """Whether it is an IPv6 address, and not an IPv4 address in the form of one."""
    try:
        return ipaddress.IPv6Address(text).ipv4_mapped is None
    except ValueError:
        return False


def _triton(text: str) -> str:
    if not re.fullmatch(_TRITON, text):
        raise ValueError("it takes HOST:PORT, such as triton.example:8001, or local")
    return text


def _names(text: str) -> str:
    if not names_in(text):
        raise ValueError("name at least one model")
    return text


def _folder(value: object) -> object:
    """Refuse an empty text, which would be the current folder."""
    if isinstance(value, str) and not value.strip():
        raise ValueError("it takes a folder; '.' is the current one")
    return value


def _cache(text: str) -> str:
    if not text.strip():
        raise ValueError("it takes auto, none or a folder; '.' is the current one")
    return text


Host = Annotated[str, AfterValidator(_host)]
TritonAddress = Annotated[str, AfterValidator(_triton)]
Names = Annotated[str, NoDecode, AfterValidator(_names)]
Folder = Annotated[Path, BeforeValidator(_folder)]
Cache = Annotated[str, AfterValidator(_cache)]
