"""Takes the exporter and the benchmarks out of pyproject.toml, for the gateway's image.

    server_packages.py pyproject.toml

What is left installs the packages `ocrnet` and `server` alone, with their commands. It fails if the
file is not built as it expects, rather than install something else.
"""

import re
import sys
import tomllib
from pathlib import Path

_LEFT_OUT = "(?:benchmarks|export)"
# As they stand in the file: a package, its data, its command.
_LINES = (
    rf'^    "{_LEFT_OUT}(?:\.\w+)*",\n',
    rf'^{_LEFT_OUT} = \["[^"\n]*/[^\n]*\]\n',
    rf'^{_LEFT_OUT} = "{_LEFT_OUT}\.[\w.:]+"\n',
)
_KEPT = {"ocrnet", "server"}


def main(path: Path) -> str:
    """Rewrite the file; return what is wrong with the result, or nothing."""
    text = path.read_text(encoding="utf-8")
    for pattern in _LINES:
        text = re.sub(pattern, "", text, flags=re.MULTILINE)
    data = tomllib.loads(text)
    setuptools = data["tool"]["setuptools"]
    commands = data["project"]["entry-points"]["ocrnet.commands"].values()
    named = [*setuptools["packages"], *setuptools["package-data"], *commands]
    tops = {name.partition(".")[0] for name in named}
    if tops != _KEPT:
        return (
            f"{path} would install {sorted(tops)}, not {sorted(_KEPT)}: mend {Path(__file__).name}"
        )
    path.write_text(text, encoding="utf-8")
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])) or 0)
