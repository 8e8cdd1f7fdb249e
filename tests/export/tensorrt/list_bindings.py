"""List the names of a TensorRT Python module, on a machine that has neither TensorRT nor a GPU.

    python list_bindings.py 11.4.0.106 > api_11.json          # that version's bindings, downloaded
    python list_bindings.py tensorrt_cu12_bindings-…whl       # a wheel that is already there
    python list_bindings.py tensorrt_rtx > api_rtx.json       # a module that is installed

A bindings wheel holds one compiled module, which wants libnvinfer and its kin, and these come in
no wheel. Merely importing it calls none of their functions, so libraries that define every missing
function as "return 0" are enough. They are made with gcc; nm and readelf say which are needed.
Nothing that the module would build or run can be tried this way: it is for its names alone.
"""

import argparse
import ctypes
import importlib
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

BINDINGS = "tensorrt_bindings"  # the module in such a wheel: `tensorrt` is all of it, renamed
# What the module's __init__.py leaves behind: helpers and loop variables.
LEFTOVERS = {"attr", "value", "common_enter", "common_exit"}


def listing(name: str) -> dict[str, Any]:
    """Import a module; return its version and, by kind, its public names, sorted.

    ``classes`` and ``enums`` give each class's attributes, inherited ones and enum members
    included, nested classes as "Outer.Inner"; ``constants`` give the class of each value;
    ``returns`` gives the class of what a method returns, if it is one of these and the method's
    name has an underscore: names like "pop" and "parse" are those of quite other methods too.
    """
    module = importlib.import_module(name)
    classes: dict[str, list[str]] = {}
    enums: dict[str, list[str]] = {}
    functions: list[str] = []
    constants: dict[str, str] = {}
    results: dict[str, str] = {}

    def add_class(label: str, cls: type) -> None:
        attributes = [attribute for attribute in dir(cls) if not attribute.startswith("_")]
        (enums if hasattr(cls, "__members__") else classes)[label] = sorted(attributes)
        for attribute in attributes:
            inner = getattr(cls, attribute)
            if isinstance(inner, type):
                add_class(f"{label}.{attribute}", inner)
            # pybind11 writes signatures into the docstring.
            signature = re.search(r"\) -> .*\b(\w+)$", inner.__doc__ or "", re.MULTILINE)
            if signature and "_" in attribute:
                results[attribute] = signature[1]

    for label in sorted(set(dir(module)) - LEFTOVERS):
        value = getattr(module, label)
        if label.startswith("_") or isinstance(value, ModuleType):
            continue
        if isinstance(value, type):
            add_class(label, value)
        elif callable(value):
            functions.append(label)
        else:
            constants[label] = type(value).__qualname__
    return {
        "classes": classes,
        "constants": constants,
        "enums": enums,
        "functions": functions,
        # A class bound after its use has its C++ name in a signature, with one more I at times.
        "returns": {
            method: result if result in classes else result[1:]
            for method, result in results.items()
            if {result, result[1:]} & set(classes)
        },
        "version": str(module.__version__),
    }


def make_dummies(library: Path, folder: Path) -> None:
    """Make, in folder, stand-ins for the NVIDIA libraries that a compiled module needs."""
    symbols = []
    for line in _output("nm", "-D", "--undefined-only", str(library)).splitlines():
        kind, symbol = line.split()
        # A symbol with a version is one of glibc's or libstdc++'s; some of glibc's come without.
        if kind == "U" and "@" not in symbol and not hasattr(ctypes.CDLL(None), symbol):
            symbols.append(symbol)
    source = folder / "dummy.c"
    source.write_text("".join(f"void *{symbol}(void) {{ return 0; }}\n" for symbol in symbols))
    needed = re.findall(r"NEEDED.*\[(libnv[^]]+)]", _output("readelf", "-d", str(library)))
    for soname in needed:
        target = str(folder / soname)
        _output("gcc", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-o", target, str(source))


def list_wheel(wheel: Path) -> str:
    """Unpack a bindings wheel, add dummy libraries, list its module in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        make_dummies(folder / BINDINGS / "tensorrt.so", folder)
        environment = os.environ | {"PYTHONPATH": temporary, "LD_LIBRARY_PATH": temporary}
        return _output(sys.executable, __file__, BINDINGS, environment=environment)


def download(version: str, package: str, folder: Path) -> Path:
    """Download one wheel of the bindings, for this Python, without what it depends on."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    _output(*pip, "--only-binary=:all:", "--dest", str(folder), f"{package}=={version}")
    return next(folder.glob("*.whl"))


def _output(*command: str, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed with status {done.returncode}:\n{done.stderr}")
    return done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Print, as JSON, the names of a TensorRT Python module. Needs gcc and binutils."
    )
    parser.add_argument(
        "source", help="a bindings wheel, a version to download, or an installed module's name"
    )
    parser.add_argument(
        "--package",
        default="tensorrt-cu12-bindings",
        help="what to download a version of (default: %(default)s)",
    )
    arguments = parser.parse_args()
    source: str = arguments.source
    if source.endswith(".whl"):
        text = list_wheel(Path(source))
    elif source[0].isdigit():
        with tempfile.TemporaryDirectory() as folder:
            text = list_wheel(download(source, arguments.package, Path(folder)))
    else:
        text = json.dumps(listing(source), indent=1, sort_keys=True) + "\n"
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
