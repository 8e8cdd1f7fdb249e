"""Multipart forms byte for byte: of clients that cannot run in these tests, and hostile ones."""

from collections.abc import Callable

GUID = b"6ab5c6f0-1f4c-4d3a-9a55-3e6c0d2b7f11"


def _form(headers: bytes) -> Callable[[bytes], bytes]:
    """Build a form of one part, its headers given without the final empty line."""

    def build(data: bytes) -> bytes:
        filled = headers.replace(b"LENGTH", str(len(data)).encode())
        return b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (GUID, filled, data, GUID)

    return build


NAMED = b'Content-Disposition: form-data; name="image"'
PART = b"--%s\r\n%s\r\n\r\n" % (GUID, NAMED)
END = b"\r\n--%s--\r\n" % GUID
BOUNDARY = f"multipart/form-data; boundary={GUID.decode()}"
QUOTED = f'multipart/form-data; boundary="{GUID.decode()}"'

# Name → Content-Type, and what makes the body of an image's bytes.
BODIES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    # dotnet/runtime, MultipartContent.cs and MultipartFormDataContent.cs: Add(content, "image") of
    # a ByteArrayContent; ContentDispositionHeaderValue quotes nothing that is a token.
    ".NET": (QUOTED, _form(b"Content-Disposition: form-data; name=image")),
    ".NET with a content type": (
        QUOTED,
        _form(b"Content-Type: image/png\r\nContent-Disposition: form-data; name=image"),
    ),
    # The same, Add(content, "image", "street.png").
    ".NET with a file name": (
        QUOTED,
        _form(
            b"Content-Disposition: form-data; name=image; filename=street.png; "
            b"filename*=utf-8''street.png"
        ),
    ),
    # spring-framework, FormHttpMessageConverter.java: getFilename gives none for byte[] and
    # ByteArrayResource. MediaType writes its parameters without a blank.
    "Spring RestTemplate": (
        f"multipart/form-data;boundary={GUID.decode()}",
        _form(
            b'Content-Disposition: form-data; name="image"\r\n'
            b"Content-Type: application/octet-stream\r\nContent-Length: LENGTH"
        ),
    ),
    "Spring RestTemplate 5": (
        f"multipart/form-data;charset=UTF-8;boundary={GUID.decode()}",
        _form(
            b'Content-Disposition: form-data; name="image"\r\n'
            b"Content-Type: application/octet-stream\r\nContent-Length: LENGTH"
        ),
    ),
    # microsoft/kiota-dotnet, MultipartBody.cs; its issue 212 is about the missing file name.
    "kiota": (
        BOUNDARY,
        _form(b'Content-Type: image/png\r\nContent-Disposition: form-data; name="image"'),
    ),
    # microsoft/kiota-typescript, issue 1068: a line end more after the content.
    "kiota-typescript": (
        BOUNDARY,
        lambda data: _form(
            b'Content-Type: image/png\r\nContent-Disposition: form-data; name="image"'
        )(data + b"\r\n"),
    ),
    # lysine-dev/retrofit, issue 1814: @Part RequestBody; OkHttp's MultipartBody adds the length.
    "Retrofit": (
        BOUNDARY,
        _form(
            b'Content-Disposition: form-data; name="image"\r\n'
            b"Content-Transfer-Encoding: binary\r\nContent-Type: image/png\r\n"
            b"Content-Length: LENGTH"
        ),
    ),
    # spring-boot, issue 27579.
    "RestEasy": (
        BOUNDARY,
        _form(
            b'Content-Disposition: form-data; name="image"\r\nContent-Length: LENGTH\r\n'
            b"Content-Type: application/octet-stream"
        ),
    ),
    # urllib3 before 1.25, format_header_param: the file name straße.png.
    "old requests": (
        BOUNDARY,
        _form(
            b"Content-Disposition: form-data; name=\"image\"; filename*=utf-8''stra%C3%9Fe.png\r\n"
            b"Content-Type: image/png"
        ),
    ),
    # curl -F 'image=<FILE;type=text/plain'
    "a text part": (
        BOUNDARY,
        _form(b'Content-Disposition: form-data; name="image"\r\nContent-Type: text/plain'),
    ),
    "headers and parameters in other case": (
        BOUNDARY,
        _form(b'CONTENT-DISPOSITION: Form-Data; NAME="image"; FileName=""'),
    ),
    **{
        f"charset {name}": (f"{BOUNDARY}; charset={name}", _form(NAMED))
        for name in (
            "UTF-8",
            '"utf-8"',
            "US-ASCII",
            "ISO-8859-1",
            "latin1",
            "windows-1252",
            "Shift_JIS",
            "gbk",
            "utf8mb4",
            "x" * 900,
            "",
            "ISO-8859-15",
            "cp850",
            "koi8-r",
        )
    },
    "quoted parameters that contain others": (
        BOUNDARY,
        _form(
            b'Content-Disposition: form-data; filename="a; name=b"; name="image"; '
            b"filename*=utf-8''a; size=1"
        ),
    ),
    "a quoted quote": (
        BOUNDARY,
        _form(rb'Content-Disposition: form-data; filename="x\"; name=\"mode.png"; name="image"'),
    ),
    "blanks around the parameter": (
        BOUNDARY,
        _form(b"content-disposition:form-data ;  name = image ;"),
    ),
}


def _in_part(headers: bytes, data: bytes = b"x") -> bytes:
    return b"--%s\r\n%s\r\n\r\n%s%s" % (GUID, headers, data, END)


# To /segment, of a gateway with max_bytes of 100000.
# Name → body, Content-Type, status, code, and what the detail must show.
REFUSED: dict[str, tuple[bytes, str, int, str, str]] = {
    "text": (_in_part(NAMED, b"text"), BOUNDARY, 415, "unsupported_media_type", "JPEG"),
    "nothing": (_in_part(NAMED, b""), BOUNDARY, 422, "empty_image", "0 bytes"),
    "no bytes at all": (b"", BOUNDARY, 422, "missing_image", "image=@FILE"),
    "no part": (b"--%s--\r\n" % GUID, BOUNDARY, 422, "missing_image", "image=@FILE"),
    "two texts": (
        PART + b"x\r\n" + PART + b"x" + END, BOUNDARY, 400, "bad_multipart", "two parts",
    ),
    "a file and a text": (
        _in_part(NAMED + b'; filename="a.png"')[: -len(END)] + b"\r\n" + PART + b"x" + END,
        BOUNDARY, 400, "bad_multipart", "two parts",
    ),
    "another part": (
        _in_part(b"Content-Disposition: form-data; name=Image"), BOUNDARY, 422, "unknown_field",
        "'Image'",
    ),
    "another part after the image": (
        PART + b"x\r\n--%s\r\nContent-Disposition: form-data; name=mode\r\n\r\nwhole" % GUID + END,
        BOUNDARY, 422, "unknown_field", "'mode'",
    ),
    "no name": (
        _in_part(b'Content-Disposition: form-data; filename="image"'), BOUNDARY, 400,
        "bad_multipart", "name=",
    ),
    "two dispositions": (
        _in_part(b"Content-Disposition: form-data; name=mode\r\n" + NAMED), BOUNDARY, 400,
        "bad_multipart", "Content-Disposition twice",
    ),
    "an extended name": (
        _in_part(b"Content-Disposition: form-data; name*=utf-8''image"), BOUNDARY, 400,
        "bad_multipart", "name=",
    ),
    "no disposition": (
        _in_part(b"Content-Type: image/png"), BOUNDARY, 400, "bad_multipart", "name=",
    ),
    "base64": (
        _in_part(NAMED + b"\r\nContent-Transfer-Encoding: Base64"), BOUNDARY, 400,
        "bad_multipart", "'Base64'",
    ),
    "a folded header": (
        _in_part(b"Content-Disposition: form-data;\r\n name=image"), BOUNDARY, 400,
        "bad_multipart", "NAME: VALUE",
    ),
    "many headers": (
        _in_part(b"".join(b"%d: b\r\n" % number for number in range(8)) + NAMED), BOUNDARY, 400,
        "bad_multipart", "8 lines",
    ),
    "a long header": (
        _in_part(NAMED + b"; a=" + b"b" * 5000), BOUNDARY, 400, "bad_multipart", "4096",
    ),
    "cut off": (PART + b"x", BOUNDARY, 400, "bad_multipart", "no closing boundary"),
    "cut off in the closing boundary": (
        PART + b"x" + END[:-3], BOUNDARY, 400, "bad_multipart", "no closing boundary",
    ),
    "no form": (b"just text", BOUNDARY, 400, "bad_multipart", GUID.decode()),
    "no boundary": (PART + END, "multipart/form-data", 400, "bad_multipart", "boundary=TEXT"),
    "an empty boundary": (
        b"--\r\n" + NAMED + b"\r\n\r\nx\r\n----\r\n", 'multipart/form-data; boundary=""', 400,
        "bad_multipart", "boundary=TEXT",
    ),
    "a long boundary": (
        PART + END, f"multipart/form-data; boundary={'b' * 257}", 400, "bad_multipart", "257",
    ),
    "a long content type": (
        PART + END, BOUNDARY + ";" * 1000, 400, "bad_multipart", "1024",
    ),
    "a charset of another kind": (
        PART + b"x" + END, f"{BOUNDARY}; charset=utf-16", 400, "bad_multipart", "'utf-16'",
    ),
    "the boundary inside of the image": (
        PART + (b"\r\n--" + GUID + b"x") * 20 + END, BOUNDARY, 400, "bad_multipart", "21 times",
    ),
    "a blank behind the boundary": (
        PART + b"x\r\n--" + GUID + b" \r\n" + END, BOUNDARY, 400, "bad_multipart", "a blank",
    ),
    "a tab behind the boundary": (
        PART + b"x\r\n--" + GUID + b"\t" * 9000 + END, BOUNDARY, 400, "bad_multipart", "a blank",
    ),
    **{f"{text!r} behind the first boundary": (
        b"--" + GUID + text + NAMED + b"\r\n\r\nx" + END, BOUNDARY, 400, "bad_multipart", shown,
    ) for text, shown in (
        (b"\n", r"followed by '\nCo'; it must be followed by CRLF"),
        (b" \r\n", r"followed by ' \r\n'; it must be followed by CRLF"),
        (b"\t\r\n", "followed by CRLF"), (b"\r", "followed by CRLF"), (b"-x", "followed by CRLF"),
    )},
    "line ends before the first boundary, LF behind it": (
        b"\r\n\n--" + GUID + b"\n" + NAMED + b"\n\nx" + END, BOUNDARY, 400, "bad_multipart",
        "followed by CRLF",
    ),
    "text before the first boundary": (
        b"text\r\n" + PART + b"x" + END, BOUNDARY, 400, "bad_multipart", "does not begin with",
    ),
    **{f"parameters {more!r}": (
        _in_part(b"Content-Disposition: form-data; " + more), BOUNDARY, 400, "bad_multipart",
        f"'{name}' is given twice",
    ) for more, name in (
        (b'name="mode"; name="image"', "name"), (b'name="image"; name="image"', "name"),
        (b"name=image; NAME = mode", "name"), (b'filename="a;b"; filename=c', "filename"),
        (b'name=mode; filename="a\\"; name=b"; Name=image', "name"), (b"name=image; name", "name"),
        (b'name=mode; name="image', "name"),
    )},
    "two boundaries": (
        PART + b"x" + END, f"multipart/form-data; boundary=aaa; boundary={GUID.decode()}", 400,
        "bad_multipart", "'boundary' is given twice",
    ),
    "two charsets": (
        PART + b"x" + END, f"{BOUNDARY}; charset=utf-8; Charset=utf-16", 400, "bad_multipart",
        "'charset' is given twice",
    ),
    **{f"charset {name}": (
        PART + b"x" + END, f"{BOUNDARY}; charset={name}", 400, "bad_multipart", f"'{name}'",
    ) for name in (
        "UTF-16LE", "utf_16_be", "utf32", "UTF-32BE", "utf-7", "cp037", "IBM500", "CP1140", "ucs-2",
    )},
    "many parts": (
        PART + (b"\r\n--" + GUID + b"\r\n\r\n") * 20 + END, BOUNDARY, 400, "bad_multipart",
        "times",
    ),
    "a text over the limit": (
        _in_part(NAMED, bytes(100_001)), BOUNDARY, 413, "too_many_bytes", "100000",
    ),
}  # fmt: skip
