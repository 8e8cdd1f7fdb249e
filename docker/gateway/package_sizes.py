"""Prints what the gateway's image holds besides its base, by package, as a Markdown table.

docker run --rm -i --entrypoint python ocrnet-gateway - < docker/gateway/package_sizes.py
"""

from importlib.metadata import distributions
from pathlib import Path

_SHOWN = 5.0  # megabytes; smaller packages are one row


def main() -> None:
    """Print the table."""
    sizes = {}
    for package in distributions():
        paths = {Path(str(package.locate_file(file))).resolve() for file in package.files or ()}
        sizes[f"{package.name} {package.version}"] = sum(map(_size, paths))
    models = Path("/models")
    if models.is_dir():
        sizes["models"] = sum(map(_size, models.rglob("*")))
    large = {name: size for name, size in sizes.items() if size >= _SHOWN * 1e6}
    rows = sorted(large.items(), key=lambda row: -row[1])
    rows.append((f"{len(sizes) - len(large)} others", sum(sizes.values()) - sum(large.values())))
    rows.append(("all", sum(sizes.values())))
    print("| package | MB |\n|---|--:|")
    for name, size in rows:
        print(f"| {name} | {size / 1e6:.1f} |")


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else 0


if __name__ == "__main__":
    main()
