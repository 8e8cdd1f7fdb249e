"""Request heads byte for byte: those that servers read differently, and odd ones that are valid."""

GET = b"GET /health/live HTTP/1.1\r\n"
POST = b"POST /segment HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
END = b"\r\n"
EMPTY = HOST + b"Content-Length: 0\r\n" + END


def _with(*lines: bytes, first: bytes = POST, host: bytes = HOST) -> bytes:
    return first + host + b"".join(line + b"\r\n" for line in lines) + END


# Name → head; each must be answered with 400.
REFUSED: dict[str, bytes] = {
    # Where does the body end?
    "CL.TE": _with(b"Content-Length: 6", b"Transfer-Encoding: chunked"),
    "TE.CL": _with(b"Transfer-Encoding: chunked", b"Content-Length: 4"),
    "CL.TE with a length of 0": _with(b"Content-Length: 0", b"Transfer-Encoding: chunked"),
    "CL.TE in HTTP/1.0": _with(
        b"Content-Length: 6", b"Transfer-Encoding: chunked", first=b"POST /segment HTTP/1.0\r\n"
    ),
    "CL.TE on GET": _with(b"Content-Length: 6", b"Transfer-Encoding: chunked", first=GET),
    "two lengths": _with(b"Content-Length: 6", b"Content-Length: 5"),
    "one length twice": _with(b"Content-Length: 0", b"Content-Length: 0"),
    "a list of lengths": _with(b"Content-Length: 0, 0"),
    "a list of two lengths": _with(b"Content-Length: 0, 6"),
    **{f"length {text!r}": _with(b"Content-Length: " + text) for text in (
        b"", b"+5", b"-5", b"5_0", b"5 0", b"0x5", b"5.0", b"5;", b"1e3", b'"5"', b"9" * 30,
        "٥".encode(), b"5\x0b", b"5\x00", b"0\t6", b"9223372036854775808", b"18446744073709551617",
    )},
    "a length with an underscore": _with(b"Content_Length: 5"),
    "TE in HTTP/1.0": _with(b"Transfer-Encoding: chunked", first=b"POST /segment HTTP/1.0\r\n"),
    "TE twice": _with(b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
    "TE and another TE": _with(b"Transfer-Encoding: chunked", b"transfer-encoding: identity"),
    **{f"TE {text!r}": _with(b"Transfer-Encoding: " + text) for text in (
        b"", b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked",
        b"chunked,", b", chunked", b"xchunked", b"chunked;q=1", b'"chunked"', b"chunke\xe4",
        b"chunked\x0b", b"\x0cchunked", b"chunked\x00", b"chunk ed",
    )},
    "TE with an underscore": _with(b"Transfer_Encoding: chunked"),
    "TE after a blank": _with(b"Transfer-Encoding : chunked", b"Content-Length: 0"),
    "TE after a tab": _with(b"Transfer-Encoding\t: chunked", b"Content-Length: 0"),
    "TE after NUL": _with(b"Transfer-Encoding\x00: chunked", b"Content-Length: 0"),
    # Where does a line end?
    "a folded line": _with(b"X: a\r\n b", b"Content-Length: 0"),
    "a line folded with a tab": _with(b"X: a\r\n\tb", b"Content-Length: 0"),
    "TE in a folded line": _with(b"X: a\r\n Transfer-Encoding: chunked", b"Content-Length: 0"),
    "a folded TE": _with(b"Transfer-Encoding:\r\n chunked"),
    "a folded length": _with(b"Content-Length:\r\n 0"),
    "a line folded to nothing": _with(b"X: a\r\n ", b"Content-Length: 0"),
    "the first line folded": POST + b" X: a\r\n" + EMPTY,
    "LF alone": b"GET /health/live HTTP/1.1\nHost: localhost\n\n",
    "LF alone after the request line": b"GET /health/live HTTP/1.1\n" + EMPTY,
    "LF alone at the end of a header": POST + b"X: a\n" + EMPTY,
    "LF alone as the empty line": POST + HOST + b"Content-Length: 0\r\n\n",
    "LF alone before TE": _with(b"X: a\nTransfer-Encoding: chunked", b"Content-Length: 0"),
    "CR alone in a value": _with(b"X: a\rb", b"Content-Length: 0"),
    "CR alone before TE": _with(b"X: a\rTransfer-Encoding: chunked", b"Content-Length: 0"),
    "CR twice": _with(b"X: a\r", b"Content-Length: 0"),
    "NUL in a value": _with(b"X: a\0b", b"Content-Length: 0"),
    "a control character in a value": _with(b"X: a\x1bb", b"Content-Length: 0"),
    "DEL in a value": _with(b"X: a\x7f", b"Content-Length: 0"),
    # What is a header?
    "no colon": _with(b"X", b"Content-Length: 0"),
    "no name": _with(b": a", b"Content-Length: 0"),
    "a blank in a name": _with(b"X Y: a", b"Content-Length: 0"),
    "a name that is not ASCII": _with("Ü: a".encode(), b"Content-Length: 0"),
    # Which protocol, which resource?
    "the preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    **{f"version {text!r}": b"GET /health/live " + text + b"\r\n" + EMPTY for text in (
        b"HTTP/2.0", b"HTTP/2", b"HTTP/3.0", b"HTTP/1.2", b"HTTP/0.9", b"HTTP/1.10", b"http/1.1",
        b"HTTP/1,1", b"HTTP/1.1 ", b"HTTPS/1.1", b"ICY/1.1", b"", b"x",
    )},
    "HTTP/0.9": b"GET /health/live\r\n\r\n",
    "two blanks": b"GET  /health/live HTTP/1.1\r\n" + EMPTY,
    "tabs": b"GET\t/health/live\tHTTP/1.1\r\n" + EMPTY,
    "a blank in the path": b"GET /health/ live HTTP/1.1\r\n" + EMPTY,
    "a blank before the method": b" GET /health/live HTTP/1.1\r\n" + EMPTY,
    "a method that is no token": b"G(T /health/live HTTP/1.1\r\n" + EMPTY,
    "a path that is not ASCII": "GET /ü HTTP/1.1\r\n".encode() + EMPTY,
    "a path with a control character": b"GET /\x01 HTTP/1.1\r\n" + EMPTY,
    **{f"target {text!r}": b"GET " + text + b" HTTP/1.1\r\n" + EMPTY for text in (
        b"http://localhost/health/live", b"http://other/health/live", b"https://localhost/",
        b"HTTP://localhost:80/health/live", b"*", b"localhost:80", b"health/live", b"?a=b", b"#a",
    )},
    "CONNECT": b"CONNECT localhost:80 HTTP/1.1\r\n" + EMPTY,
    "OPTIONS *": b"OPTIONS * HTTP/1.1\r\n" + EMPTY,
    # Which host?
    "no host": _with(b"Content-Length: 0", host=b""),
    "two hosts": _with(b"Host: localhost", b"Content-Length: 0"),
    "two different hosts": _with(b"host: other", b"Content-Length: 0"),
    "two hosts in HTTP/1.0": _with(b"Host: a", first=b"GET /health/live HTTP/1.0\r\n"),
    **{f"host {text!r}": _with(b"Content-Length: 0", host=b"Host: " + text + b"\r\n") for text in (
        b"", b" ", b"user@localhost", b"user:word@localhost", b"local host", b"localhost/",
        b"localhost/health", b"http://localhost", b"localhost?a", b"localhost#a", b"a, b", b"a,b",
        b"localhost:", b"localhost:x", b"localhost:-1", b"localhost:+80", b"localhost:0",
        b"localhost:65536", b"localhost:99999999", b"localhost:80:80", b"localhost: 80",
        b"[::1", b"::1", b"[]", b"[::1]x", b"[localhost]", b"[127.0.0.1]", b"[::1]:", b"[::g]",
        b"[1:2:3:4:5:6:7:8:9]", b"[v1.a]", b"[::1%a/b]", b"a..b", b".a", b"a\\b", b"a%00b",
        b"a%2fb", b"<a>", b"\xff", "bücher.example".encode(), b"a" * 256, b"a;b", b"'a'",
        b"256.1.1.1", b"127.0.0.1.:x", b"1.2.3.4444:80",
    )},
}  # fmt: skip

# Of HTTP/1.1 to GET /health/live: each must be answered with 200.
VALID: dict[str, bytes] = {
    "plain": GET + HOST + END,
    "an empty body": GET + EMPTY,
    "no blank after the colon": GET + b"Host:localhost\r\n" + END,
    "blanks and tabs around a value": GET + b"Host: \t localhost \t \r\n" + END,
    "other case": GET + b"hOsT: LocalHost\r\ncontent-LENGTH: 00\r\n" + END,
    "a value that is not ASCII": GET + HOST + "X: ü\r\n".encode() + END,
    "an empty value": GET + HOST + b"X:\r\n" + END,
    "a colon in a value": GET + HOST + b"X: a:b: c\r\n" + END,
    "HTTP/1.0 without a host": b"GET /health/live HTTP/1.0\r\n" + END,
    "HTTP/1.0 with one": b"GET /health/live HTTP/1.0\r\n" + HOST + END,
    "a query": b"GET /health/live?a=http://b/c HTTP/1.1\r\n" + HOST + END,
    "an expectation in HTTP/1.0": b"GET /health/live HTTP/1.0\r\nExpect: x\r\n" + END,
    "HTTP/2 offered": GET + HOST + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n" + END,
    "a WebSocket offered": GET + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + END,
    **{f"host {text!r}": GET + b"Host: " + text + b"\r\n" + END for text in (
        b"localhost:8080", b"a", b"a.b.", b"a-b.example:1", b"my_service:65535", b"127.0.0.1",
        b"127.0.0.1:80", b"[::1]", b"[::1]:8080", b"[fe80::1%eth0]:80", b"[::ffff:127.0.0.1]",
        b"xn--bcher-kva.example", b"1", b"127.1", b"1.2.3.4.example", b"0.0.0.0:80",
        b"a" * 63 + b".example",
    )},
}  # fmt: skip

# Name → what follows the headers of a chunked request; each must be answered with 400.
CHUNKS: dict[str, bytes] = {
    **{f"size {text!r}": text + b"\r\nx\r\n0\r\n\r\n" for text in (
        b"", b"z", b"0x1", b"-1", b"+1", b" 1", b"1 1", b"1,1", b"1_0", b"1\x00", b"1\x0b;a",
        "١".encode(), b"0" * 20 + b"1", b"0" * 16 + b"1", b"1 ", b"1\t", b"1 \t ", b"1;", b"1; ",
        b"1;\t", b"1;\x00\x01a", b"1;a\x7f", b"1;a\x1b", b"1;a=\x0bb", b"8000000000000000",
        b"ffffffffffffffff", b"10000000000000001", b"f" * 20,
    )},
    **{f"last size {text!r}": b"1\r\nx\r\n" + text + b"\r\n\r\n" for text in (
        b"0 ", b"0;", b"0" * 17, b"0;\x00", b"",
    )},
    "no line end after the data": b"1\r\nxy0\r\n\r\n",
    "LF alone after the data": b"1\r\nx\n0\r\n\r\n",
    "CR alone after the data": b"1\r\nx\r0\r\n\r\n",
    "LF alone after the size": b"1\nx\r\n0\r\n\r\n",
    "LF alone in an extension": b"1;a\nb\r\nx\r\n0\r\n\r\n",
    "CR alone in an extension": b"1;a\rb\r\nx\r\n0\r\n\r\n",
    "CR alone in the last extension": b"1\r\nx\r\n0;a\rb\r\n\r\n",
    "LF alone at the end": b"1\r\nx\r\n0\r\n\n",
    "LF alone after a trailer": b"1\r\nx\r\n0\r\nA: b\n\r\n",
    "LF alone after trailers": b"1\r\nx\r\n0\r\nA: b\r\n\n",
    "CR twice after a trailer": b"1\r\nx\r\n0\r\nA: b\r\r\n\r\n",
    "a folded trailer": b"1\r\nx\r\n0\r\nA: b\r\n c\r\n\r\n",
    "a trailer without a name": b"1\r\nx\r\n0\r\n: b\r\n\r\n",
    "a request instead of a chunk": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
}  # fmt: skip
