"""Reads protobuf's text format without its schema: Triton's image has Python, but no protobuf."""

import re
from typing import NamedTuple, TypeAlias

Value: TypeAlias = "str | Message"
Message: TypeAlias = "dict[str, list[Value]]"

_TOKEN = re.compile(
    r"""
      (?P<space>  \s+ | \#[^\n]* )
    | (?P<string> "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*' )
    | (?P<word>   [-+\w.]+ )
    | (?P<sign>   [{}<>\[\]:,;/] )
    """,
    re.VERBOSE,
)
_CLOSING = {"{": "}", "<": ">"}
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{1,2}|[0-7]{1,3}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_DEPTH = 100  # as deep as protobuf itself reads


class TextFormatError(ValueError):
    """The text is not in protobuf's text format; the message names the line."""


class _Token(NamedTuple):
    kind: str
    text: str
    line: int


def parse_text_format(text: str) -> Message:
    """Return the fields of a message: for each name its values, strings or messages, in order.

    Numbers, enumerations and truth values stay the strings that they were written as. Raises
    TextFormatError.
    """
    parser = _Parser(_tokens(text))
    return parser.message("", 0)


def _tokens(text: str) -> list[_Token]:
    tokens, at, line = [], 0, 1
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise TextFormatError(f"line {line}: {text[at]!r} is not expected here")
        if found.lastgroup != "space":
            tokens.append(_Token(str(found.lastgroup), found.group(), line))
        line += found.group().count("\n")
        at = found.end()
    tokens.append(_Token("end", "", line))
    return tokens


class _Parser:
    def __init__(self, tokens: list[_Token]):
        self._tokens = tokens
        self._at = 0

    def message(self, end: str, depth: int) -> Message:
        """Read fields up to the closing sign `end`, or to the end of the text if it is empty."""
        if depth > _DEPTH:
            raise TextFormatError(f"line {self._next.line}: messages are nested too deeply")
        fields: Message = {}
        while self._next.text != end or self._next.kind == "string":
            name = self._take("word")
            has_colon = self._skip(":")
            fields.setdefault(name.text, []).extend(self._values(depth, has_colon))
            if not self._skip(","):
                self._skip(";")
        self._at += 1
        return fields

    def _values(self, depth: int, has_colon: bool) -> list[Value]:
        if self._skip("["):
            values: list[Value] = []
            while not self._skip("]"):
                values.append(self._value(depth, True))
                if not self._skip(",") and self._next.text != "]":
                    raise self._unexpected()
            return values
        return [self._value(depth, has_colon)]

    def _value(self, depth: int, may_be_scalar: bool) -> Value:
        token = self._next
        if token.kind == "sign" and token.text in _CLOSING:
            self._at += 1
            return self.message(_CLOSING[token.text], depth + 1)
        if not may_be_scalar:
            raise self._unexpected()
        if token.kind == "word":
            return self._take("word").text
        parts = [self._take("string").text]
        while self._next.kind == "string":  # adjacent ones are one
            parts.append(self._take("string").text)
        return "".join(_ESCAPE.sub(_unescape, part[1:-1]) for part in parts)

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> _Token:
        token = self._next
        if token.kind != kind:
            raise self._unexpected()
        self._at += 1
        return token

    def _skip(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.text == sign
        self._at += found
        return found

    def _unexpected(self) -> TextFormatError:
        token = self._next
        what = repr(token.text) if token.text else "the end of the file"
        return TextFormatError(f"line {token.line}: {what} is not expected here")


def _unescape(found: re.Match[str]) -> str:
    code = found.group(1)
    if code[0] == "x" and len(code) > 1:
        return chr(int(code[1:], 16))
    if code.isdigit():
        return chr(int(code, 8))
    return _ESCAPED.get(code, code)
