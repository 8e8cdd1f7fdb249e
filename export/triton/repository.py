"""The configurations of a model as files of the model repository."""

from pathlib import Path

from export.build.products import kinds_of
from export.onnx_graph import fixed_size
from export.triton.models import VARIANTS, Serving, Variant, model_config
from export.triton.render import render
from ocrnet.zoo import ModelSpec


def config_files(spec: ModelSpec, serving: Serving) -> dict[str, str]:
    """Return the text of every file of a model, by its path below the repository."""
    files = {}
    for kind in kinds_of(spec):
        for variant in VARIANTS:
            config = model_config(spec, kind, fixed_size(spec, kind), variant, serving)
            head = f"# By 'ocrnet export repository {spec.name}': change it there, not here.\n"
            files[f"{config.name}/{_place(variant)}"] = head + render(config)
    return files


def write_configs(spec: ModelSpec, repository: Path, serving: Serving) -> list[Path]:
    """Write them; return those that were not there just so."""
    changed = stale_configs(spec, repository, serving)
    texts = config_files(spec, serving)
    for path in changed:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[path.relative_to(repository).as_posix()], encoding="utf-8")
    return changed


def stale_configs(spec: ModelSpec, repository: Path, serving: Serving) -> list[Path]:
    """Return the files that are missing or that would be written otherwise."""
    return [
        repository / name
        for name, text in config_files(spec, serving).items()
        if _read(repository / name) != text
    ]


def _place(variant: Variant) -> str:
    return "config.pbtxt" if variant == "plan" else f"configs/{variant}.pbtxt"


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
