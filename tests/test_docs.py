"""The documentation tells the truth about flags, codes, commands and files."""

import ast
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrnet import errors
from ocrnet.cli import main
from server.local_triton.process import CLIENT_RESTRICTIONS
from server.settings import Settings

_COMMAND = re.compile(
    r"\bocrnet (export|serve|segment|scenes|models|triton)(?: (?<=export )([a-z]+))?"
)


def _subclasses(kind: type) -> set[type]:
    return {kind}.union(*(_subclasses(child) for child in kind.__subclasses__()))


def test_every_setting_has_its_line(root: Path) -> None:
    page = (root / "docs" / "settings.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| `--")]
    expected = [
        f"| `--{name.replace('_', '-')}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    assert rows == expected


def test_every_flag_of_serve_is_in_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for name in Settings.model_fields:
        assert f"--{name.replace('_', '-')} " in text


def _codes_in(path: Path) -> set[str]:
    """String constants that are passed or assigned as a code."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.keyword) and node.arg == "code":
            found |= {v.value for v in ast.walk(node.value) if isinstance(v, ast.Constant)}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            position = {
                "RequestError": 1, "refuse_http": 1, "PictureTooLarge": 1, "problem": 2,
            }.get(node.func.id)  # fmt: skip
            if position is not None and len(node.args) > position:
                argument = node.args[position]
                if isinstance(argument, ast.Constant):
                    found.add(argument.value)
    return found


def test_every_error_code_is_documented(root: Path) -> None:
    page = (root / "docs" / "api.md").read_text()
    page = page[page.index("## Errors") :] + (root / "docs" / "segment.md").read_text()
    documented = set(re.findall(r"`([a-z_]+)`", page))
    used = {kind.code for kind in _subclasses(errors.OcrnetError) if "code" in vars(kind)}
    for path in [*(root / "server").rglob("*.py"), *(root / "ocrnet").rglob("*.py")]:
        used |= _codes_in(path)
    assert len(used) > 20
    assert used <= documented, used - documented


def test_every_error_class_is_drawn_in_the_tree() -> None:
    drawn = set(re.findall(r"── (\w+)", errors.__doc__ or ""))
    defined = {
        k.__name__ for k in _subclasses(errors.OcrnetError) if k.__module__ == errors.__name__
    }
    assert drawn == defined - {"OcrnetError"}


def test_links_between_pages_lead_somewhere(root: Path) -> None:
    pages = [*root.glob("*.md"), *root.glob("docs/**/*.md")]
    assert len(pages) > 8
    for page in pages:
        for target in re.findall(r"\]\((?!http)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} → {target}"


def test_commands_in_the_docs_exist(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `ocrnet …` line of a code block parses, and every make target is there."""
    targets = set(re.findall(r"^([.\w-]+):", (root / "Makefile").read_text(), re.MULTILINE))
    commands = 0
    for page in [*root.glob("*.md"), *root.glob("docs/*.md")]:
        for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
            for line in block.splitlines():
                words = line.split("#")[0].split()
                if words[:1] == ["make"]:
                    assert words[1] in targets, line
                if words[:1] in (["ocrnet"], [".venv/bin/ocrnet"]):
                    commands += 1
                    flags = [word for word in words[1:] if word.startswith("--")]
                    names = [word for word in words[1:3] if word.isalpha() and word.islower()]
                    names = names if names[0] == "export" else names[:1]
                    with pytest.raises(SystemExit):
                        main([*names, "--help"])
                    text = capsys.readouterr().out
                    assert all(flag in text for flag in flags), line
    assert commands >= 8


def test_the_page_starts_triton_as_closed_as_we_do(root: Path) -> None:
    page = (root / "docs" / "triton.md").read_text()
    assert all(flag in page for flag in CLIENT_RESTRICTIONS)


def test_nothing_names_a_registry_host_or_a_path_of_somebody_s_machine(
    root: Path, tracked: Callable[..., list[str]]
) -> None:
    names = tracked()
    assert "README.md" in names
    host = re.compile(
        r"pypi\.org|files\.pythonhosted|--(extra-)?index-url|--find-links [/h]|/home/\w"
    )
    for name in names:
        path = root / name
        if path.suffix in {".py", ".md", ".toml", ".txt", ".yml", ".sh", ""} and path.is_file():
            if name == "tests/test_docs.py":
                continue
            assert not host.search(path.read_text(encoding="utf-8", errors="ignore")), name


def test_commands_that_the_pages_name_are_there(root: Path) -> None:
    pages = [root / "README.md", root / "CONTRIBUTING.md", *(root / "docs").rglob("*.md")]
    named = {found for page in pages for found in _COMMAND.findall(page.read_text())}
    assert {("export", "build"), ("export", "verify"), ("serve", "")} <= named
    for command, part in named:
        with pytest.raises(SystemExit) as ended:
            main([command, *([part] if part else []), "--help"])
        assert ended.value.code == 0, f"ocrnet {command} {part}"


def test_what_has_never_run_is_named_by_files_that_are_there(root: Path) -> None:
    page = (root / "docs" / "never-run.md").read_text()
    named = re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.\w+|[\w-]+\.yml)`", page)
    assert len(named) > 8
    assert [name for name in named if not list(root.glob(f"**/{name}"))] == []
