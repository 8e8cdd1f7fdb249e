"""When, where and with what figures were measured, as they stand beside them."""

import datetime
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

from benchmarks.lib.machine import cores, processor, vector_units


def today() -> str:
    """Return the date, in UTC."""
    return datetime.datetime.now(datetime.UTC).date().isoformat()


def device() -> str:
    """Return the processor with its cores and vector units."""
    return f"{processor()}, {cores()} cores ({', '.join(vector_units())})"


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
