"""Who is connected, and which game each person is in."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from zsc.errors import UserError
from zsc.schema import MisfitError
from zsc.web.game import Game
from zsc.web.guard import Leave, Message, Rate, message_of
from zsc.web.line import Line
from zsc.web.rooms import Rooms

REPLACED, RUBBISH, UNKNOWN = 4001, 4002, 4003  # why a socket was closed
_A_SECOND, _AT_ONCE = 40.0, 120.0  # messages of one socket


class Hub:
    """The games and sockets of one server. All jax calls go through `worker`, a single thread, so
    that sockets are answered meanwhile."""

    def __init__(self, *, most_games: int = 100) -> None:
        self.worker = ThreadPoolExecutor(1, "games")
        self.rooms = Rooms()
        self.lines: dict[str, Line] = {}
        self.games: dict[str, Game] = {}  # by person
        self._tasks: set[asyncio.Task[None]] = set()
        self._most = most_games

    def begin(self, game: Game, after: Callable[[Game], None] | None = None) -> None:
        """Start a game; `after` is told when it ended. Raises UserError if there are too many."""
        if len(self._tasks) >= self._most:
            raise UserError("all places are taken at the moment: try again in a few minutes")
        for who in game.players:
            self.games[who] = game
        for who in game.players:
            if who in self.lines:
                game.join(who, self.lines[who])
        task = asyncio.create_task(self._run(game, after))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self, game: Game, after: Callable[[Game], None] | None) -> None:
        try:
            await game.run()
        finally:
            for who in game.players:
                if self.games.get(who) is game:
                    del self.games[who]
            if after is not None and game.why:
                after(game)

    async def serve(self, socket: WebSocket, who: str) -> None:
        """Talk to one browser until it is gone. The newest of a person's sockets is the one."""
        await socket.accept()
        line = Line(socket)
        older = self.lines.get(who)
        self.lines[who] = line
        if older is not None:
            older.close(REPLACED, "opened in another tab")
        sending = asyncio.create_task(line.run())
        try:
            self._arrive(who, line)
            await self._listen(socket, who, line)
        except WebSocketDisconnect:
            pass
        finally:
            if self.lines.get(who) is line:
                del self.lines[who]
                self.rooms.leave(who)
            line.open = False
            if who in self.games:
                self.games[who].part(who, line)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, RuntimeError, WebSocketDisconnect):
                await sending
            if socket.application_state == WebSocketState.CONNECTED:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await socket.close()

    def _arrive(self, who: str, line: Line) -> None:
        if who in self.games:
            self.games[who].join(who, line)
        elif not self.rooms.arrive(who, line):
            line.send("nothing")

    async def _listen(self, socket: WebSocket, who: str, line: Line) -> None:
        rate = Rate(_A_SECOND, _AT_ONCE)
        while line.open:
            got = await socket.receive()
            if got["type"] == "websocket.disconnect":
                return
            if not rate.take():
                await socket.close(RUBBISH, "too many messages")
                return
            try:
                self._hear(who, line, message_of(got.get("text") or got.get("bytes") or b""))
            except MisfitError:
                await socket.close(RUBBISH, "not a message of this game")
                return

    def _hear(self, who: str, line: Line, message: Message) -> None:
        if self.lines.get(who) is not line:
            return
        if who in self.games:
            self.games[who].hear(who, message)
        elif isinstance(message, Leave):
            self.rooms.leave(who)
            line.send("nothing")

    async def close(self) -> None:
        """Stop all games; their files stay open for another time."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for line in self.lines.values():
            line.close(1001, "the server stops")
        self.worker.shutdown(wait=True)
