"""No test has a limit of its own: each goes through tests/patience.py, or says that it is short."""

import ast
import runpy
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.patience import ever_longer, patience, wait_until

# What a limit that is meant to run out says beside it.
MARK = "# short on purpose"
_LIMITS = {"timeout", "client_timeout"}
# Calls that take a limit, and its place among what they are given.
_PLACES = {
    "settimeout": 0,
    "create_connection": 1,
    "WebDriverWait": 1,
    "wait_until_ready": 0,
    "wait": 0,
    "result": 0,
    "join": 0,
    "start": 0,
    "communicate": 1,
    "urlopen": 2,
}
_FUNCTIONS = {"create_connection", "WebDriverWait", "urlopen"}  # the others are methods
# httpx gives up after five seconds where nothing is said.
_IMPATIENT = {"get", "head", "post", "put", "delete", "request", "stream", "Client", "AsyncClient"}


def _name(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]


def _number(node: ast.AST) -> bool:
    """Whether it is a number that tests/patience.py has not made."""
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _has_number(node: ast.AST) -> bool:
    """Whether it is, or is calculated from, a number of its own."""
    if isinstance(node, ast.BinOp):
        return _has_number(node.left) or _has_number(node.right)
    if isinstance(node, ast.UnaryOp):
        return _has_number(node.operand)
    if isinstance(node, ast.IfExp):
        return _has_number(node.body) or _has_number(node.orelse)
    return _number(node)


def _limits(tree: ast.AST) -> Iterator[ast.expr | ast.For]:
    """Whatever has a limit that is a number of its own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = _name(node)
            limits = [word.value for word in node.keywords if word.arg in _LIMITS]
            if name == "start":
                limits += [word.value for word in node.keywords if word.arg == "deadline"]
            if name in _PLACES and (name in _FUNCTIONS or isinstance(node.func, ast.Attribute)):
                limits += node.args[_PLACES[name] : _PLACES[name] + 1]
            if any(map(_has_number, limits)):
                yield node
            known = {word.arg for word in node.keywords}
            of_httpx = ast.unparse(node.func).startswith("httpx2.") and name in _IMPATIENT
            if of_httpx and "timeout" not in known:
                yield node
        elif isinstance(node, ast.BinOp):
            # An end that is now and so many seconds.
            clock = {"monotonic", "perf_counter"}
            if {_name(part) for part in ast.walk(node) if isinstance(part, ast.Call)} & clock and (
                isinstance(node.op, ast.Add) and (_number(node.left) or _number(node.right))
            ):
                yield node
        elif isinstance(node, ast.For) and _is_counted_wait(node):
            yield node


def _is_counted_wait(loop: ast.For) -> bool:
    """Whether it looks again and again, so many times, until it has seen what it waits for."""
    calls = {_name(node) for node in ast.walk(loop) if isinstance(node, ast.Call)}
    leaves = any(isinstance(node, ast.Break | ast.Return) for node in ast.walk(loop))
    return {"range", "sleep"} <= calls and leaves


def _found(text: str) -> list[str]:
    """What has a limit of its own and does not say that it is short."""
    lines = text.splitlines()
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for node in _limits(ast.parse(text))
        if not any(MARK in line for line in lines[node.lineno - 1 : node.end_lineno])
    ]


def test_no_test_has_a_limit_of_its_own(root: Path, tracked: Callable[..., list[str]]) -> None:
    names = tracked("tests/*.py")
    assert "tests/test_patience.py" in names
    found = [f"{name}:{one}" for name in names for one in _found((root / name).read_text())]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "process.wait(timeout=60)",
        "run(command, timeout=2 * 60)",
        "client.infer(name, client_timeout=60)",
        "raw.settimeout(20)",
        "socket.create_connection(address, 10)",
        "WebDriverWait(browser, 30).until(seen)",
        "httpx2.get(url)",
        "triton.start(deadline=180)",
        "thread.join(5)",
        "end = time.monotonic() + 30",
        "for _ in range(500):\n    if seen(): break\n    time.sleep(0.01)",
    ],
)
def test_limits_are_found(text: str) -> None:
    assert _found(text)
    if "\n" not in text:
        assert not _found(f"{text}  {MARK}: nobody comes")


@pytest.mark.parametrize(
    "text",
    [
        "process.wait(timeout=patience(6))",
        "raw.settimeout(limit)",
        "' '.join(words)",
        "httpx2.get(url, timeout=patience(1))",
        "for _ in range(5):\n    client.post(url)",
    ],
)
def test_what_is_no_limit_of_its_own_is_left_alone(text: str) -> None:
    assert not _found(text)


@pytest.mark.parametrize(("times", "least"), [("1", 10), ("3", 30), ("0.1", 10), ("0", 10)])
def test_patience_is_ten_times_what_is_needed_and_never_less(
    monkeypatch: pytest.MonkeyPatch, root: Path, times: str, least: float
) -> None:
    monkeypatch.setenv("TEST_PATIENCE", times)
    made = runpy.run_path(str(root / "tests" / "patience.py"))
    for seconds in (0.0, 0.01, 1.0, 7.5):
        assert made["patience"](seconds) == least * max(seconds, 1.0)


def test_it_is_looked_again_and_again_and_in_the_end_said_what_did_not_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = iter([False, False, True])
    wait_until(lambda: next(seen), seconds=1)
    assert not list(seen)
    monkeypatch.setattr("tests.patience._TIMES", 0.0)
    for what in ("it did not come", lambda: "it did not come"):
        with pytest.raises(AssertionError, match="it did not come"):
            wait_until(lambda: False, seconds=1, what=what)


def test_limits_that_run_out_grow_until_patience_ends() -> None:
    limits = list(ever_longer(0.5))
    assert limits[0] == 0.5
    assert limits == sorted(set(limits))
    assert patience(0.5) / 4 < limits[-1] <= patience(0.5)
