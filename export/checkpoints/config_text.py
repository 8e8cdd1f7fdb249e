"""The config text that mmsegmentation writes into a checkpoint, read as data and never run.

mmengine (`meta["cfg"]`) and mmcv (`meta["config"]`) dump a config as assignments of literals and
`dict(...)` calls. Those are evaluated here; an assignment of anything else is left out.
"""

import ast
from typing import Any

_LONGEST = 2**18  # characters; the published ones have about 10,000
_LARGEST = 10**12  # beyond it a number is no setting, and Python refuses to print the longest
_DEEPEST = 100


class Unread:
    """Stands for a dictionary's value that only running the text would give."""


class _NotData(Exception):
    """A value that only running the text would give."""


def parse_config(text: str) -> dict[str, Any]:
    """Return the text's assignments by name, those alone that are literals.

    Raises ValueError for a text that is not Python, or too long to be a config.
    """
    if len(text) > _LONGEST:
        raise ValueError(f"it has {len(text)} characters, at most {_LONGEST} are read")
    try:
        module = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = str(error).split("\n")[0] or type(error).__name__
        raise ValueError(f"it is not Python: {reason}") from error
    found: dict[str, Any] = {}
    for statement in module.body:
        if not isinstance(statement, ast.Assign):
            continue
        for target in statement.targets:
            if isinstance(target, ast.Name):
                found.pop(target.id, None)
                try:
                    found[target.id] = _value(statement.value, found, 0)
                except _NotData:
                    continue
    return found


def _value(node: ast.expr, names: dict[str, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        raise _NotData
    inner = depth + 1
    match node:
        case ast.Constant():
            if isinstance(node.value, int) and node.value > _LARGEST:
                raise _NotData
            return node.value
        case ast.Name() if node.id in names:
            return names[node.id]
        case ast.List() | ast.Tuple():
            return [_value(item, names, inner) for item in node.elts]
        case ast.UnaryOp(op=ast.USub()):
            number = _value(node.operand, names, inner)
            if isinstance(number, int | float):
                return -number
        case ast.Dict():
            return _entries(
                [
                    (None if key is None else _value(key, names, inner), value)
                    for key, value in zip(node.keys, node.values, strict=True)
                ],
                names,
                inner,
            )
        case ast.Call(func=ast.Name(id="dict"), args=[]):
            return _entries([(word.arg, word.value) for word in node.keywords], names, inner)
    raise _NotData


def _entries(
    pairs: list[tuple[Any, ast.expr]], names: dict[str, Any], depth: int
) -> dict[str, Any]:
    """Entries of a dictionary; a value that is no data is Unread."""
    entries: dict[str, Any] = {}
    for key, node in pairs:
        if not isinstance(key, str):  # `**other`, or a key that is no name
            continue
        try:
            entries[key] = _value(node, names, depth)
        except _NotData:
            entries[key] = Unread()
    return entries
