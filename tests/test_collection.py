"""Every test in the tree is one that pytest runs."""

import ast
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

# pytest walks the folders and chooses the files; what is in them is not imported, which would take
# as long as a run of all tests needs to start.
_COLLECT = """
import sys
import pytest

class Unopened(pytest.File):
    def collect(self):
        return []

class Recorder:
    @pytest.hookimpl(tryfirst=True)
    def pytest_pycollect_makemodule(self, module_path, parent):
        print("collected:", module_path.relative_to(parent.config.rootpath).as_posix())
        return Unopened.from_parent(parent, path=module_path)

own = ["--collect-only", "-q", "--noconftest", "-p", "no:cacheprovider"]
sys.exit(pytest.main([*own, *sys.argv[1:]], plugins=[Recorder()]))
"""
# What would hide tests from pytest without a trace in its settings.
_HIDING = {
    "__test__",
    "collect_ignore",
    "collect_ignore_glob",
    "pytest_collect_directory",
    "pytest_collect_file",
    "pytest_ignore_collect",
    "pytest_pycollect_makeitem",
    "pytest_pycollect_makemodule",
}


def _collected(root: Path, *options: str) -> set[str]:
    """Return the files that `pytest` would take tests from, without arguments of its own."""
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    found = subprocess.run(
        [sys.executable, "-c", _COLLECT, *options],
        cwd=root,
        env=environment | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    # 5: there are no tests, since no file was opened.
    assert found.returncode in (0, 5), found.stdout + found.stderr
    mark = "collected: "
    return {line.removeprefix(mark) for line in found.stdout.splitlines() if line.startswith(mark)}


def _never_run(root: Path, names: Iterable[str], *options: str) -> list[str]:
    """Return what looks like a test among the files `names` and is none to pytest."""
    collected = _collected(root, *options)
    texts = {name: (root / name).read_text(encoding="utf-8") for name in names}
    # Nothing that is looked for goes without this word or that one; parsing all takes seconds.
    words = ("test", "collect_ignore")
    trees = {
        name: ast.parse(text)
        for name, text in texts.items()
        if any(word in name + text for word in words)
    }
    bases = {
        ast.unparse(base).rpartition(".")[2]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
    }
    found = []
    for name, tree in trees.items():
        stem = Path(name).stem
        if name not in collected:
            named = stem.startswith("test_") or stem.endswith("_test")
            if named or any(_is_test(node) for node in ast.walk(tree)):
                found.append(f"{name} is not collected")
            continue
        found += [
            f"{name}: the name of class {node.name} does not start with Test"
            for node in tree.body
            if isinstance(node, ast.ClassDef)
            and not node.name.startswith("Test")
            and node.name not in bases
            and any(_is_test(inner) for inner in node.body)
        ]
        found += [
            f"{name}: class {node.name} has a constructor, so pytest takes no test from it"
            for node in ast.walk(tree)
            if isinstance(node, ast.ClassDef)
            and node.name.startswith("Test")
            and any(getattr(inner, "name", "") in ("__init__", "__new__") for inner in node.body)
        ]
    for name, tree in trees.items():
        found += [f"{name} hides tests by {word}" for word in sorted(_HIDING & _names(tree))]
    return found


def _is_test(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith(
        "test_"
    )


def _names(tree: ast.Module) -> set[str]:
    """What the module or a class in it defines, by assignment or as a function."""
    return {
        node.id if isinstance(node, ast.Name) else node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store))
    }


@pytest.fixture
def tree(root: Path, tmp_path: Path) -> Callable[..., list[str]]:
    """Write files into a tree with this project's settings of pytest; their names."""
    options = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    lines = [f"{name} = {value!r}" for name, value in options.items()]
    (tmp_path / "pyproject.toml").write_text("\n".join(["[tool.pytest.ini_options]", *lines]))
    (tmp_path / "tests").mkdir()

    def write(*names: str, text: str = "def test_it() -> None: ...") -> list[str]:
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return list(names)

    return write


@pytest.mark.slow
def test_pytest_runs_every_test_of_the_tree(
    root: Path, tracked: Callable[[str], list[str]]
) -> None:
    names = tracked("*.py")
    assert "tests/test_collection.py" in names
    assert not _never_run(root, names)


def test_folders_may_have_any_name_but_those_of_tools(
    tree: Callable[..., list[str]], tmp_path: Path
) -> None:
    folders = ("build", "dist", "venv", "CVS", "_darcs", "x.egg")
    names = tree(*(f"tests/{folder}/test_it.py" for folder in folders), "tests/it_test.py")
    tree("tests/own/pyvenv.cfg", text="")
    tree(*(f"tests/{folder}/test_it.py" for folder in ("own", ".hidden", "node_modules")))
    assert _collected(tmp_path) == set(names)
    assert not _never_run(tmp_path, names)


@pytest.mark.parametrize(
    "option", ["norecursedirs=dist", "python_files=check_*.py", "testpaths=tests/other"]
)
def test_a_setting_that_leaves_a_file_out_is_found(
    tree: Callable[..., list[str]], tmp_path: Path, option: str
) -> None:
    names = tree("tests/dist/test_it.py", "tests/other/check_it.py")
    assert "tests/dist/test_it.py is not collected" in _never_run(tmp_path, names, "-o", option)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("benchmarks/test_it.py", "", "benchmarks/test_it.py is not collected"),
        ("tests/helper.py", "def test_it(): ...", "tests/helper.py is not collected"),
        (
            "tests/helper.py",
            "class TestIt:\n    def test_it(self): ...",
            "tests/helper.py is not collected",
        ),
        (
            "tests/test_it.py",
            "class TestIt:\n    def __init__(self): ...\n    def test_it(self): ...",
            "tests/test_it.py: class TestIt has a constructor, so pytest takes no test from it",
        ),
        (
            "tests/test_it.py",
            "class Checks:\n    def test_it(self): ...",
            "tests/test_it.py: the name of class Checks does not start with Test",
        ),
        ("tests/test_it.py", "__test__ = False", "tests/test_it.py hides tests by __test__"),
        (
            "tests/conftest.py",
            "def pytest_ignore_collect(): ...",
            "tests/conftest.py hides tests by pytest_ignore_collect",
        ),
    ],
)
def test_what_is_no_test_to_pytest_is_found(
    tree: Callable[..., list[str]], tmp_path: Path, name: str, text: str, expected: str
) -> None:
    assert _never_run(tmp_path, tree(name, text=text)) == [expected]


def test_what_leaves_make_test_stays_in_make_test_all(root: Path) -> None:
    recipes = (root / "Makefile").read_text().split("\n\n")
    commands = {
        target: [recipe.splitlines()[1] for recipe in recipes if recipe.startswith(f"{target}: ")]
        for target in ("test", "test-quick", "test-all")
    }
    assert commands == {
        "test": ["\t$(PYTEST) -m 'not thorough'"],
        "test-quick": ["\t$(PYTEST) -m 'not thorough and not slow'"],
        "test-all": ["\t$(PYTEST)"],
    }
    assert "make --no-print-directory test-all" in (root / ".ci" / "run").read_text()
