"""The config text that mmsegmentation writes into a checkpoint, read as data and never run.

mmengine (`meta["cfg"]`) and mmcv (`meta["config"]`) dump a config as assignments of literals and
`dict(...)` calls. Those are evaluated here; a value that is anything else is left out.
"""

import ast
from typing import Any

_LONGEST = 2**20  # characters; the published ones have about 10,000
_DEEPEST = 100


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
    """Entries of a dictionary; one that is no data is left out, and so are its key's others."""
    entries: dict[str, Any] = {}
    for key, node in pairs:
        if not isinstance(key, str):  # `**other`, or a key that is no name
            continue
        entries.pop(key, None)
        try:
            entries[key] = _value(node, names, depth)
        except _NotData:
            continue
    return entries
