"""The check of request lines and headers by itself; `test_smuggling.py` has it in a gateway."""

import http.client
import io

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.heads import EMPTY, GET, HOST, POST, REFUSED, VALID
from server.head import check_head
from server.problems import RequestError


@pytest.mark.parametrize("name", REFUSED)
def test_refused_in_one_piece_and_byte_by_byte(name: str) -> None:
    head = REFUSED[name]
    with pytest.raises(RequestError) as refused:
        check_head(head + b"GET / HTTP/1.1\r\n\r\n")
    assert (refused.value.status, refused.value.code) == (400, "bad_http")
    assert refused.value.headers == {"Connection": "close"}
    assert 20 < len(str(refused.value)) <= 200
    with pytest.raises(RequestError):
        _check_as_it_arrives(head)


def _check_as_it_arrives(head: bytes) -> None:
    for size in range(len(head) + 1):
        check_head(head[:size])


@pytest.mark.parametrize("name", VALID)
def test_accepted_in_one_piece_and_byte_by_byte(name: str) -> None:
    _check_as_it_arrives(VALID[name])
    check_head(VALID[name] + b"\n a body\0 with anything in it \r\r\n\n")


@pytest.mark.parametrize(
    ("head", "shown"),
    [
        (REFUSED["CL.TE"], "Content-Length and Transfer-Encoding"),
        (REFUSED["length b'+5'"], "'+5'"),
        (REFUSED["TE b'gzip, chunked'"], "'gzip, chunked'"),
        (REFUSED["one length twice"], "Content-Length is given twice"),
        (REFUSED["TE in a folded line"], "' Transfer-Encoding: chunked'"),
        (REFUSED["the preface of HTTP/2"], "'HTTP/2.0'"),
        (REFUSED["target b'http://other/health/live'"], "'http://other/health/live'"),
        (REFUSED["host b'user@localhost'"], "'user@localhost'"),
        (REFUSED["no host"], "Host is missing"),
        (REFUSED["LF alone"], "CRLF"),
        (REFUSED["NUL in a value"], "header X"),
    ],
)
def test_the_error_shows_what_was_wrong(head: bytes, shown: str) -> None:
    with pytest.raises(RequestError, match=shown.replace("+", r"\+")):
        check_head(head)


def test_a_fault_in_the_request_line_is_found_before_the_headers_arrive() -> None:
    for line in (b"GET / HTTP/2.0\r\n", b"GET /\r\n", b"GET * HTTP/1.1\r\nHos"):
        with pytest.raises(RequestError):
            check_head(line)


def test_an_expectation_is_answered_with_417() -> None:
    for value in (b"200-ok", b"", b"100-continue, x", b"100 continue"):
        with pytest.raises(RequestError) as refused:
            check_head(POST + HOST + b"Expect: " + value + b"\r\n\r\n")
        assert (refused.value.status, refused.value.code) == (417, "expectation_failed")
    check_head(POST + HOST + b"Expect: 100-Continue\r\n\r\n")


def test_thousands_of_header_lines_are_not_parsed() -> None:
    with pytest.raises(RequestError) as refused:
        check_head(GET + b"a:\r\n" * 257 + EMPTY)
    assert (refused.value.status, refused.value.code) == (431, "headers_too_large")
    check_head(GET + b"a:\r\n" * 200 + EMPTY)  # the middleware's limit is 64, with a better answer


_NAMES = [b"Content-Length", b"Transfer-Encoding", b"Host", b"content-length", b"X", b"Expect"]
_PIECES = st.sampled_from(
    [*_NAMES, b"5", b"0", b"chunked", b"localhost", b"a:1", b":", b": ", b"\r\n", b"\n", b"\r",
     b" ", b"\t", b"\0", b"\x0b", b"\xa0", b",", b"\r\n ", b"\r\n\r\n", b"+", b"_", b";"]
)  # fmt: skip


_FIELDS = st.sampled_from(
    [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"X: a\r\n", b"Y:\tb \r\n"]
)


def test_what_is_accepted_two_other_parsers_read_alike() -> None:
    """h11 and the standard library's: the same fields, and the same bytes after them."""
    accepted = 0

    @settings(max_examples=500, deadline=None, derandomize=True, database=None)
    @given(st.lists(st.one_of(_FIELDS, _FIELDS, _FIELDS, _PIECES), max_size=5))
    def compare(pieces: list[bytes]) -> None:
        nonlocal accepted
        received = GET + HOST + b"".join(pieces) + b"\r\n\r\nGET / HTTP/1.1\r\n\r\n"
        try:
            check_head(received)
        except RequestError:
            return
        accepted += 1
        connection = h11.Connection(h11.SERVER)
        connection.receive_data(received)
        request = connection.next_event()
        assert isinstance(request, h11.Request)
        file = io.BytesIO(received[len(GET) :])
        message = http.client.parse_headers(file)
        assert not message.defects
        theirs = [(name.lower(), value.strip(" \t")) for name, value in message.items()]
        ours = [(name.decode(), value.decode("latin-1")) for name, value in request.headers]
        assert theirs == ours
        assert connection.trailing_data[0] == file.read()

    compare()
    assert accepted > 50
