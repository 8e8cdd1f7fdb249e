"""Read the image from a multipart form: the part named `image`, whatever its other headers say.

Clients differ. .NET writes the name without quotes, kiota puts Content-Type first, and .NET, kiota,
Spring's RestTemplate, Retrofit and `curl -F image=<FILE` may give no file name; urllib3 before 1.25
gives only `filename*` for names that are not ASCII. Sources: RFC 7578 and RFC 2046.
"""

import re
from collections.abc import AsyncGenerator, Container
from io import BytesIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from ocrnet.errors import UndecodablePicture
from server.problems import BodyTooLarge, RequestError
from server.turns import FormTime

_NAME = "image"
# The parser goes through some hostile forms byte by byte: a slice of them takes a millisecond or
# two, and then the other connections have their turn.
_SLICE = 4 * 1024
_MOST_DELIMITERS = 16  # a form with one part has two
_LONGEST_CONTENT_TYPE = 1024
_LONGEST_CHARSET = 40
# Names, without punctuation, of charsets in which the letters of ASCII are, or may be, other bytes:
# of 2 or 4 bytes a character, UTF-7, EBCDIC. Python is not asked: it would remember every name. In
# other charsets, known or not, names are compared as ASCII.
_NOT_ASCII = re.compile(
    "utf(7|16|32)|ucs|unicode|iso10646|csucs|csunicode|ebcdic"
    "|(cs|x)?(cp|ibm|ccsid)?0*(37|273|277|278|280|284|285|290|297|420|424|500|871|875|1026|1047"
    "|114[0-9])$"
)
_READ = (b"content-disposition", b"content-transfer-encoding")
_IDENTITY = frozenset({"", "7bit", "8bit", "binary"})


async def read_form(
    content_type: str,
    stream: AsyncGenerator[bytes, None],
    max_bytes: int,
    in_url: Container[str],
    form_time: FormTime,
) -> bytes:
    """Return the bytes of the part `image`.

    in_url: the names of the query parameters. form_time: shared by all forms of the event loop.
    Raises RequestError for a form that does not parse or
    has any other part, BodyTooLarge for more than max_bytes, UndecodablePicture for 0 bytes.
    """
    form = _Form(content_type, max_bytes, in_url)
    received = 0
    async for piece in stream:
        received += len(piece)
        at = 0
        while at < len(piece):
            async with form_time.turn() as used_up:
                while at < len(piece):
                    form.write(piece[at : at + _SLICE])
                    at += _SLICE
                    if used_up():
                        break
    if received and not form.ended:
        raise _bad_form("the form has no closing boundary; it was cut off, or its boundary differs")
    if form.image is None:
        raise RequestError(
            422, "missing_image", "the form has no part 'image' (curl -F image=@FILE)"
        )
    data = form.image.getvalue()  # shares the memory
    if not data:
        raise UndecodablePicture("the file 'image' is empty: 0 bytes", code="empty_image")
    return data


def _bad_form(detail: str) -> RequestError:
    return RequestError(400, "bad_multipart", detail)


class _Form:
    """Parses a form as it arrives.

    image: the content of its part, None before that begins. ended: the closing boundary was read.
    """

    def __init__(self, content_type: str, max_bytes: int, in_url: Container[str]):
        self.image: BytesIO | None = None
        self.ended = False
        self._max_bytes = max_bytes
        self._in_url = in_url
        boundary = _boundary(content_type)
        self._delimiter = b"\r\n--" + boundary
        self._delimiters = 0
        self._tail = b""  # of what was parsed: a delimiter may have begun there
        self._start = b""  # of the body, before its first part
        self._in_parts = False
        self._header = b""  # name of the part's header that is being read
        self._value = b""
        self._headers: dict[bytes, bytes] = {}
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin_part,
                "on_header_field": self._add_header,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._add_data,
                "on_end": self._end,
            },
        )

    def write(self, data: bytes) -> None:
        """Parse the next bytes; raises RequestError or BodyTooLarge."""
        self._check_delimiters(data)
        if not self._in_parts:  # line ends before the first boundary are passed over
            start = (self._start + data[:_SLICE]).lstrip(b"\r\n")
            self._start = start[: len(self._delimiter) + 1]
        try:
            self._parser.write(data)
        except FormParserError as error:
            if self._in_parts:
                raise _bad_form(
                    "the headers of a part of the form do not parse; a part begins with up to 8 "
                    "lines NAME: VALUE of at most 4096 bytes and an empty line, all ended by CRLF"
                ) from error
            if self._start.startswith(self._delimiter[2:]):
                after = self._start[len(self._delimiter) - 2 :].decode("latin-1")
                raise _bad_form(
                    f"the first boundary of the form is followed by {after!r}; it must be followed "
                    "by CRLF, and every line of a part's headers too"
                ) from error
            raise _bad_form(
                "the body does not begin with the boundary that Content-Type names, "
                f"{self._delimiter[2:82].decode('latin-1')!r}"
            ) from error

    def _check_delimiters(self, data: bytes) -> None:
        window = self._tail + data
        if self._delimiter in window:
            self._delimiters += window.count(self._delimiter) - self._tail.count(self._delimiter)
            if self._delimiters > _MOST_DELIMITERS:
                raise _bad_form(
                    f"the form contains its boundary {self._delimiters} times; it takes one part, "
                    "in which the boundary must not occur"
                )
            # RFC 2046 allows blanks, but only a second part follows; the parser is slow on them.
            if self._delimiter + b" " in window or self._delimiter + b"\t" in window:
                raise _bad_form(
                    "the boundary of the form is followed by a blank; it takes CRLF, or -- at the "
                    "end"
                )
        self._tail = window[-len(self._delimiter) :]

    def _begin_part(self) -> None:
        self._in_parts = True
        self._headers = {}

    def _add_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        name = self._header.lower()
        if name in _READ:
            if name in self._headers:
                title = name.decode().title()
                raise _bad_form(f"a part of the form has the header {title} twice; send it once")
            self._headers[name] = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        disposition = self._headers.get(b"content-disposition", b"")
        options = _parameters(disposition.decode("latin-1"))
        if b"name" not in options:
            raise _bad_form(
                "a part of the form has no name; it takes the header "
                'Content-Disposition: form-data; name="image"'
            )
        name = options[b"name"].decode("utf-8", "replace")
        if name != _NAME:
            self._refuse_field(name)
        if self.image is not None:
            raise _bad_form("the form has two parts 'image'; send one image in each request")
        coding = self._headers.get(b"content-transfer-encoding", b"").decode("latin-1").strip()
        if coding.lower() not in _IDENTITY:
            raise _bad_form(
                f"the part 'image' has the Content-Transfer-Encoding {coding[:40]!r}; send the "
                "bytes of the file unchanged"
            )
        self.image = BytesIO()

    def _refuse_field(self, name: str) -> None:
        if name in self._in_url:
            raise RequestError(
                422,
                "duplicate_parameter",
                f"{name[:40]} is in the URL and in the form: options go into the URL",
            )
        raise RequestError(
            422,
            "unknown_field",
            f"the form has a field {name[:40]!r}; it takes one, 'image', and options go into "
            "the URL",
        )

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        assert self.image is not None
        self.image.write(memoryview(data)[start:end])
        if self.image.tell() > self._max_bytes:
            raise BodyTooLarge(self._max_bytes, self.image.tell(), hang_up=True)

    def _end(self) -> None:
        self.ended = True


def _boundary(content_type: str) -> bytes:
    """Return the boundary that Content-Type names; raises RequestError for an unusable charset."""
    if len(content_type) > _LONGEST_CONTENT_TYPE:  # the parser takes milliseconds for 16 KiB
        raise _bad_form(
            f"the header Content-Type has {len(content_type)} bytes; it takes at most "
            f"{_LONGEST_CONTENT_TYPE}"
        )
    options = _parameters(content_type)
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= 256:
        raise _bad_form(
            f"the boundary in Content-Type has {len(boundary)} bytes; it takes 1 to 256: "
            "multipart/form-data; boundary=TEXT"
        )
    charset = options.get(b"charset", b"").decode("latin-1")
    letters = re.sub("[^0-9a-z]", "", charset[:_LONGEST_CHARSET].lower())
    if _NOT_ASCII.match(letters):
        raise _bad_form(f"the charset in Content-Type is {charset[:40]!r}; send the form in UTF-8")
    return boundary


def _parameters(value: str) -> dict[bytes, bytes]:
    """Return the parameters of a header; raises RequestError if one is given twice."""
    names: set[str] = set()
    quoted = False
    for piece in value.split(";"):
        name = "" if quoted else piece.partition("=")[0].strip(" \t").lower()
        if name and name in names:
            raise _bad_form(f"the parameter {name[:40]!r} is given twice in a header; give it once")
        names.add(name)
        quoted ^= (piece.count('"') - piece.count('\\"')) % 2 == 1
    _, options = parse_options_header(value)
    return options
