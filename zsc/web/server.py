"""What both servers are made of: own files only, checked requests, one socket a person."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from zsc.errors import UserError
from zsc.files import decode_json
from zsc.schema import MisfitError
from zsc.web.guard import BODY_BYTES, HEADERS, LOOPBACK, Rates, known_host, own_origin
from zsc.web.hub import UNKNOWN, Hub
from zsc.web.views import PAGES, script_of

Handler: TypeAlias = Callable[[Request, dict[str, Any]], Awaitable[Any]]
_KINDS = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_MORE = (
    "style.css",
    "game.js",
    "dom.js",
    "kitchen-canvas.js",
    "play.js",
    "study.js",
    "monitor.js",
)
_YEAR = 365 * 24 * 3600


@dataclass(frozen=True)
class Place:
    """Where a server listens."""

    host: str = "127.0.0.1"
    port: int = 8_000

    @property
    def public(self) -> bool:
        """True if others than this machine can reach it."""
        return self.host not in LOOPBACK

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names by which it may be asked for; all if it is public."""
        return () if self.public else LOOPBACK

    @property
    def cookie(self) -> str:
        """Browsers tell cookies apart by host, not by port."""
        return f"zsc-{self.port}"

    @property
    def url(self) -> str:
        """The address on this machine."""
        return f"http://{'127.0.0.1' if self.host in ('0.0.0.0', '::') else self.host}:{self.port}"


class TurnedAwayError(Exception):
    """A request that gets a status and a word."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


class Checked:
    """Puts the headers on every answer, and turns away what is asked for under another name."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str]) -> None:
        self.app, self.hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request or socket."""
        if scope["type"] == "http":
            host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
            if not known_host(host, self.hosts):
                answer = PlainTextResponse("this server has another name\n", 421)
                await answer(scope, receive, send)
                return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, with_headers)


def api(handler: Handler, rates: Rates) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint of JSON: from this page only, small, not too often; faults are one line."""

    async def endpoint(request: Request) -> Response:
        try:
            if not rates.take(request.client.host if request.client else ""):
                raise TurnedAwayError(429, "too many requests: wait a little")
            told = await _body(request) if request.method == "POST" else {}
            answer = await handler(request, told)
        except TurnedAwayError as error:
            return JSONResponse({"error": error.why}, error.status)
        except (UserError, MisfitError) as error:
            return JSONResponse({"error": str(error)}, 400)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return endpoint


async def _body(request: Request) -> dict[str, Any]:
    if not own_origin(request.headers.get("origin"), request.headers.get("host")):
        raise TurnedAwayError(403, "this did not come from a page of this server")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > BODY_BYTES:
            raise TurnedAwayError(413, "too large")
    try:
        told = decode_json(data)
    except ValueError:
        raise TurnedAwayError(400, "this is no JSON") from None
    if not isinstance(told, dict):
        raise TurnedAwayError(400, "this is no JSON object")
    return told


def page(name: str) -> Route:
    """A page at the root of the server."""

    async def endpoint(request: Request) -> Response:
        return FileResponse(PAGES / name, media_type="text/html")

    return Route("/", endpoint)


def files() -> list[BaseRoute]:
    """Scripts and styles. What is asked for is looked up, never made into a path."""

    def own(path: Path | None) -> Response:
        if path is None or not path.is_file():
            return PlainTextResponse("there is no such page\n", 404)
        return FileResponse(path, media_type=_KINDS.get(path.suffix, "text/plain"))

    async def shared(request: Request) -> Response:
        name = request.path_params["name"]
        return own(PAGES / name if name in _MORE else None)

    async def view(request: Request) -> Response:
        return own(script_of(request.path_params["name"]))

    async def icon(request: Request) -> Response:
        return Response(status_code=204)

    return [
        Route("/pages/{name}", shared),
        Route("/views/{name}.js", view),
        Route("/favicon.ico", icon),
    ]


def socket_route(hub: Hub, person: Callable[[WebSocket], str | None], hosts: Sequence[str]) -> Any:
    """The socket of games. person: whose it is by its cookie, None for nobody known."""

    async def endpoint(socket: WebSocket) -> None:
        host = socket.headers.get("host")
        who = person(socket)
        right = known_host(host, hosts) and own_origin(socket.headers.get("origin"), host)
        if not right or who is None:
            await socket.close(UNKNOWN, "not from a page of this server")
            return
        await hub.serve(socket, who)

    return WebSocketRoute("/socket", endpoint)


def make_app(routes: Sequence[BaseRoute], hub: Hub, place: Place) -> Starlette:
    """The application around some routes; games are stopped with it."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        yield
        await hub.close()

    app = Starlette(routes=[*routes, *files()], lifespan=lifespan)
    app.add_middleware(Checked, hosts=place.hosts)
    return app


def set_token(response: Response, place: Place, token: str) -> None:
    """Give a browser its token: no script reads it, no other site sends it."""
    response.set_cookie(
        place.cookie, token, max_age=_YEAR, httponly=True, samesite="strict", path="/"
    )


def listen(place: Place) -> socket.socket:
    """The bound socket of a server. Raises UserError if the port is in use or not to be had."""
    kind = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    bound = socket.socket(kind, socket.SOCK_STREAM)
    if sys.platform != "win32":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((place.host, place.port))
    except (OSError, OverflowError) as error:
        bound.close()
        why = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{place.host}:{place.port} cannot be listened on ({why}): choose another --port"
        ) from None
    return bound


def serve(
    app: ASGIApp,
    bound: socket.socket,
    ready: Callable[[], None],
    *,
    stop: threading.Event | None = None,
) -> None:
    """Answer until Ctrl-C, or `stop`; `ready` is called when the first request can come."""
    import uvicorn

    config = uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=16 * 1_024,
        ws_max_queue=16,
        ws_ping_interval=5.0,
        ws_ping_timeout=5.0,
        access_log=False,  # who asked for what is nobody's business
        log_level="warning",
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=3,
        limit_concurrency=500,
    )
    server = uvicorn.Server(config)

    async def run() -> None:
        serving = asyncio.create_task(server.serve(sockets=[bound]))
        while not (server.started or serving.done()):
            await asyncio.sleep(0.01)
        if server.started:
            ready()
        while stop is not None and not (stop.is_set() or serving.done()):
            await asyncio.sleep(0.05)
        server.should_exit = server.should_exit or stop is not None
        await serving

    asyncio.run(run())
