"""What `server/protocol.py` and `server/logs.py` use of uvicorn that it does not document.

Where a new version of uvicorn fails here: read what its `protocols/http/h11_impl.py` does now,
adapt `ProblemProtocol`, and only then raise the bound in `pyproject.toml`.
"""

import ast
import asyncio
import inspect
import logging
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import h11
import pytest
import uvicorn
from packaging.requirements import Requirement
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from server.logs import UVICORN_REFUSAL
from server.protocol import ProblemProtocol

# Name → what it is to us.
INTERNALS = {
    "connection_made": "overridden: it is handed a transport that lingers",
    "data_received": "overridden: the parser is fed a slice at a time",
    "handle_events": "overridden and called: it takes events from `conn` until NEED_DATA or PAUSED",
    "_get_upgrade": "overridden: asked for every request; None stands for no upgrade",
    "send_400_response": "overridden: called while h11's RemoteProtocolError is handled",
    "on_response_complete": "overridden and called: goes on with the next request",
    "_unset_keepalive_if_required": "called: `data_received` of uvicorn would",
    "conn": "replaced by our parser",
    "transport": "what connection_made was handed",
    "app_state": "extended: every request gets a copy as scope['state']",
    "cycle": "the request that is answered: response_complete, more_body, message_event",
    "server_state": "counts requests: total_requests",
}
GET = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nx"


class _Recorder(H11Protocol):
    """uvicorn's own protocol; notes which of the methods that we override were called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.called: list[str] = []
        self.handled: BaseException | None = None

    def _get_upgrade(self) -> None:
        self.called.append("_get_upgrade")

    def send_400_response(self, msg: str) -> None:
        self.called.append("send_400_response")
        self.handled = sys.exception()

    def on_response_complete(self) -> None:
        self.called.append("on_response_complete")
        super().on_response_complete()


class _App:
    def __init__(self) -> None:
        self.scopes: list[Any] = []
        self.messages: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scopes.append(scope)
        more = True
        while more:
            self.messages.append(await receive())
            more = self.messages[-1].get("more_body", False)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def _connected(app: _App, **state: object) -> _Recorder:
    config = uvicorn.Config(app, ws="none", log_config=None)
    protocol = _Recorder(config=config, server_state=ServerState(), app_state=state)
    transport = Mock(asyncio.Transport)
    transport.is_closing.return_value = False
    transport.get_extra_info.return_value = None
    protocol.connection_made(transport)
    assert protocol.transport is transport
    return protocol


async def _settle() -> None:
    """Let the tasks run: nothing here waits for time or for a network."""
    for _ in range(100):
        await asyncio.sleep(0)


def _of_self(tree: ast.AST) -> set[str]:
    """Names of the attributes of `self` and `super()`, and of the methods that are defined."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            found.add(node.name)
        if isinstance(node, ast.Attribute):
            owner = node.value.func if isinstance(node.value, ast.Call) else node.value
            if isinstance(owner, ast.Name) and owner.id in ("self", "super"):
                found.add(node.attr)
    return found


def test_every_name_of_uvicorn_that_is_used_is_listed_here() -> None:
    async def names() -> set[str]:
        protocol = _connected(_App())
        return {*dir(H11Protocol), *vars(protocol)} - set(dir(object))

    used = _of_self(ast.parse(inspect.getsource(ProblemProtocol))) & asyncio.run(names())
    gone = INTERNALS.keys() - used
    assert not gone, f"uvicorn {uvicorn.__version__} has no {gone}, or it is not used any more"
    assert used == INTERNALS.keys(), "name what else of uvicorn is used, and test it below"


def test_the_parser_may_be_fed_beside_uvicorn_and_each_request_gets_the_state() -> None:
    async def feed() -> None:
        app = _App()
        protocol = _connected(app, ours=1)
        protocol.conn.receive_data(GET + POST)
        protocol.handle_events()
        await _settle()
        assert [scope["state"] for scope in app.scopes] == [{"ours": 1}, {"ours": 1}]
        assert [scope["path"] for scope in app.scopes] == ["/a", "/b"]
        assert protocol.called == ["_get_upgrade", "on_response_complete", "_get_upgrade"]
        assert protocol.server_state.total_requests == 1
        # What is done where the rest of a body cannot be parsed.
        cycle = protocol.cycle
        assert (cycle.response_complete, cycle.more_body) == (False, True)
        cycle.more_body = False
        cycle.message_event.set()
        await _settle()
        assert app.messages[-1] == {"type": "http.request", "body": b"", "more_body": False}
        assert cycle.response_complete

    asyncio.run(feed())


def test_a_timer_of_an_idle_connection_is_stopped() -> None:
    async def idle() -> None:
        protocol = _connected(_App())
        protocol.data_received(GET)
        await _settle()
        assert protocol.timeout_keep_alive_task is not None
        protocol._unset_keepalive_if_required()
        assert protocol.timeout_keep_alive_task is None

    asyncio.run(idle())


def test_what_is_no_http_is_refused_while_the_error_is_handled_and_logged_in_these_words(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without our filter, which a gateway that was started in this process has left there.
    monkeypatch.setattr(logging.getLogger("uvicorn.error"), "filters", [])

    async def refuse() -> None:
        protocol = _connected(_App())
        with caplog.at_level(logging.WARNING, "uvicorn.error"):
            protocol.data_received(b"\x16\x03\x01\r\n\r\n")
        assert protocol.called == ["send_400_response"]
        assert isinstance(protocol.handled, h11.RemoteProtocolError)

    asyncio.run(refuse())
    assert [(record.name, record.msg) for record in caplog.records] == [
        ("uvicorn.error", UVICORN_REFUSAL)
    ]


def test_versions_that_were_not_looked_at_are_not_installed(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needs = {one.name: one for one in map(Requirement, project["dependencies"])}
    for name in ("uvicorn", "h11"):
        bounds = needs[name].specifier
        assert "<" in {bound.operator for bound in bounds}, name
        assert version(name) in bounds
