"""Episodes small enough to carry hundreds of them in one web page.

A frame is cut into tiles. Every different picture of a tile is kept once, in one atlas; an episode
is a list of which tiles changed from frame to frame.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from PIL import Image

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.evaluation.matrix import Matrix
from zsc.machine.progress import Lines
from zsc.play.film import earned, record_teams
from zsc.records.record import Record

TILE = 48  # pixels
_ATLAS_COLUMNS = 32


class Clips(NamedTuple):
    """Episodes of a cross-play's cells, as JSON can carry them."""

    size: tuple[int, int]  # (width, height) of a frame in pixels
    tile: int
    columns: int  # of the atlas
    atlas: str  # PNG, base64
    # "i,j": frames [[place, tile, place, tile, ...], ...]; earned [[frame, return], ...], or
    # [[frame, [return of each seat]], ...] in a game that pays each agent by itself
    cells: dict[str, dict[str, Any]]


class _Atlas:
    """The different tiles seen so far."""

    def __init__(self) -> None:
        self.places: dict[bytes, int] = {}
        self.tiles: list[np.ndarray] = []

    def number(self, tile: np.ndarray) -> int:
        key = tile.tobytes()
        if key not in self.places:
            self.places[key] = len(self.tiles)
            self.tiles.append(tile)
        return self.places[key]

    def png(self) -> str:
        rows = -(-len(self.tiles) // _ATLAS_COLUMNS)
        page = np.zeros((rows * TILE, _ATLAS_COLUMNS * TILE, 3), np.uint8)
        for number, tile in enumerate(self.tiles):
            y, x = divmod(number, _ATLAS_COLUMNS)
            page[y * TILE : (y + 1) * TILE, x * TILE : (x + 1) * TILE] = tile
        data = io.BytesIO()
        Image.fromarray(page).quantize(128).save(data, "PNG", optimize=True)
        return base64.b64encode(data.getvalue()).decode()


def cell_clips(
    env: Environment,
    pools: Sequence[Pool],
    played: Matrix,
    cells: Iterable[tuple[int, int]],
    *,
    progress: bool = False,
) -> Clips:
    """The first episode of cells (row, column) of a cross-play, row in seat 0: the very one that
    counted. pools: the cross-play's own roster, greedy as it was. progress: say how far it is.
    """
    teams = np.array([(row, *(col,) * (env.spec.num_agents - 1)) for row, col in cells])
    atlas, known = _Atlas(), dict[bytes, np.ndarray]()
    frames_of: dict[str, dict[str, Any]] = {}
    size = (0, 0)
    lines = Lines("films", len(teams)) if progress else None
    if lines is not None:
        lines.start(f"{len(teams)} episodes to watch")
    for number, shown in record_teams(env, pools, teams, seed=played.seed):
        numbers, size = _tile_numbers(env, shown, atlas, known)
        row, col = teams[number, :2]
        film = {"frames": _changes(numbers), "earned": _payments(earned(env, shown))}
        frames_of[f"{row},{col}"] = film
        if lines is not None:
            lines.move(len(frames_of))
    if lines is not None:
        lines.end()
    return Clips(size, TILE, _ATLAS_COLUMNS, atlas.png(), frames_of)


def _payments(returns: np.ndarray) -> list[list[Any]]:
    """[frame, return from there on] wherever returns [T+1] or [T+1, A] change."""
    rows = returns.reshape(len(returns), -1)
    changed = np.flatnonzero((np.diff(rows, axis=0) != 0).any(1)) + 1
    return [[int(t), np.round(returns[t].astype(float), 4).tolist()] for t in changed]


def _tile_numbers(
    env: Environment, shown: Record, atlas: _Atlas, known: dict[bytes, np.ndarray]
) -> tuple[np.ndarray, tuple[int, int]]:
    """[frames, tiles] of one episode, and the size of a frame.

    known: tile numbers by state; the clock aside, which no picture shows, states come again.
    """
    length = int(shown.length[0])
    states = jax.tree.map(lambda x: np.asarray(x[0, : length + 1]), shown.states)
    rows, size = [], (0, 0)
    for t in range(length + 1):
        state = jax.tree.map(lambda x, t=t: x[t], states)
        timeless = state._replace(time=0) if hasattr(state, "time") else state
        key = b"".join(np.asarray(x).tobytes() for x in jax.tree.leaves(timeless))
        if key not in known:
            frame = env.render(state)
            known[key] = np.array([frame.shape[1], frame.shape[0], *_cut(frame, atlas)])
        rows.append(known[key][2:])
        size = (int(known[key][0]), int(known[key][1]))
    return np.stack(rows), size


def _cut(frame: np.ndarray, atlas: _Atlas) -> list[int]:
    height, width = (-(-x // TILE) * TILE for x in frame.shape[:2])
    page = np.zeros((height, width, 3), np.uint8)
    page[: frame.shape[0], : frame.shape[1]] = frame
    return [
        atlas.number(page[y : y + TILE, x : x + TILE])
        for y in range(0, height, TILE)
        for x in range(0, width, TILE)
    ]


def _changes(numbers: np.ndarray) -> list[list[int]]:
    """For each frame the places whose tile is another one than before, and which: flat pairs."""
    before = np.full(numbers.shape[1], -1)
    found = []
    for row in numbers:
        places = np.flatnonzero(row != before)
        found.append(np.stack([places, row[places]], axis=1).reshape(-1).tolist())
        before = row
    return found
