"""Watching a game: the states of one episode, as pictures and as a GIF."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool, Roster, check_home
from zsc.checks import seed_of
from zsc.envs.base import Environment, returned
from zsc.errors import UserError, printable
from zsc.files import write_atomically
from zsc.machine.memory import check
from zsc.play.episode import episode, record
from zsc.play.kinds import take
from zsc.play.teams import by_kinds, team_reward
from zsc.records.record import Record
from zsc.switches import door, same_everywhere
from zsc.types import Key, Params

CHUNK = 32  # episodes that are recorded at a time


@door
def film(
    env: Environment,
    agents: tuple[Pool, ...],
    *,
    seed: int = 0,
    steps: int | None = None,
    episode: int = 0,
) -> tuple[list[np.ndarray], np.ndarray]:
    """The frames [H, W, 3] of one episode and the return up to each of them, see `earned`.

    agents: one pool of a single agent per seat. episode: which of the seed's. Raises UserError for
    a wrong number of seats, a pool of another game, or no such episode.
    """
    played = record(env, agents, seed=seed, first=episode)
    length = min(int(played.length[0]), steps or env.spec.horizon)
    draw = lambda time: env.render(jax.tree.map(lambda x: x[0, time], played.states))
    first = draw(0)
    what = f"a film of {length + 1:,} pictures"
    check(what, first.nbytes * (length + 1), "show only the first steps (steps=)")
    frames = [first, *(draw(time) for time in range(1, length + 1))]
    return frames, earned(env, played)[: length + 1]


def earned(env: Environment, played: Record) -> np.ndarray:
    """[T+1] the true return up to each state of a record's first episode.

    [T+1, A], every seat's own, in a game that pays each agent by itself.
    """
    reward = np.asarray(returned(env.spec, jnp.asarray(played.reward[0])))
    reward = reward[:, 0] if team_reward(env) else reward
    return np.concatenate([np.zeros_like(reward[:1]), reward.cumsum(0)])


def captions(returns: np.ndarray) -> list[str]:
    """A line for each frame of `film`: its step and the return up to there, or every seat's."""
    return [f"step {time:3d}   {in_words(earned)}" for time, earned in enumerate(returns)]


def in_words(earned: np.ndarray) -> str:
    """What the team earned [], or each seat [A]: "return 20", "returns by seat 3, -1"."""
    told = ", ".join(f"{x:g}" for x in np.ravel(earned).tolist())
    return f"return {told}" if np.ndim(earned) == 0 else f"returns by seat {told}"


def record_teams(
    env: Environment, roster: Roster, teams: np.ndarray, *, seed: int = 0, chunk: int = CHUNK
) -> Iterator[tuple[int, Record]]:
    """(number of the team, its record) of teams [X, A] of places in the roster, member a in seat a.

    Each record is the first episode of `record` with that seed. Teams of the same kinds of policies
    play together and come one after another, `chunk` at a time, so that memory does not grow with
    their number. Raises UserError for a pool of another game.
    """
    for pool in roster:
        check_home(pool, env.spec)
    with same_everywhere():
        key = jax.random.fold_in(jax.random.key(seed_of(seed)), 0)
    under_way: tuple[np.ndarray, tuple[Any, ...]] | None = None
    for policies, params, numbers in by_kinds(roster, teams):
        size = min(chunk, len(numbers))  # of all chunks, so that one program plays them
        for start in range(0, len(numbers), size):
            rows = np.arange(start, min(start + size, len(numbers)))
            with same_everywhere():
                played = _play(env, policies, take(params, rows, size), key)
            # devices play the next chunk while whoever asked looks at the one before
            if under_way is not None:
                yield from _records(*under_way)
            under_way = numbers[rows], played
    if under_way is not None:
        yield from _records(*under_way)


def _records(numbers: np.ndarray, played: tuple[Any, ...]) -> Iterator[tuple[int, Record]]:
    everything = Record(*jax.tree.map(np.asarray, played))
    for place, number in enumerate(numbers):
        yield int(number), jax.tree.map(lambda x, i=place: x[i : i + 1], everything)


@partial(jax.jit, static_argnums=(0, 1))
def _play(
    env: Environment, policies: tuple[Policy, ...], params: tuple[Params, ...], key: Key
) -> tuple[Any, ...]:
    """The fields of a `Record` [x, ...], one episode for each team with parameters [x, ...]."""
    seats = jnp.arange(env.spec.num_agents)
    return jax.vmap(lambda team: episode(env, policies, team, seats, key))(params)


def save_gif(
    path: str | Path,
    frames: list[np.ndarray],
    *,
    captions: list[str] | None = None,
    milliseconds: int = 90,
    scale: float = 1.0,
) -> Path:
    """Write frames as an endless GIF, with a line of text under each if captions are given."""
    small = [image.quantize(64) for image in _pages(frames, captions, scale)]
    target, data = Path(path), io.BytesIO()
    small[0].save(
        data,
        "GIF",
        save_all=True,
        append_images=small[1:],
        duration=milliseconds,
        loop=0,
        optimize=True,
    )
    target.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(target, data.getvalue())
    return target


def save_mp4(
    path: str | Path,
    frames: list[np.ndarray],
    *,
    captions: list[str] | None = None,
    milliseconds: int = 90,
    scale: float = 1.0,
) -> Path:
    """Write frames as an H.264 film that any player shows; as `save_gif` beside that.

    Raises UserError where the program ffmpeg is not installed, or fails.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise UserError("an mp4 needs ffmpeg, which is not installed: install it, or write a .gif")
    pages = _pages(frames, captions, scale)
    # H.264 halves the colours' resolution: both sides are even
    width, height = (side + side % 2 for side in pages[0].size)
    raw = b"".join(np.asarray(_padded(page, width, height)).tobytes() for page in pages)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "film.mp4"
        command = [program, "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
                   "-s", f"{width}x{height}", "-r", f"{1000 / milliseconds:g}", "-i", "-",
                   "-c:v", "libx264", "-pix_fmt", "yuv420p", str(made)]  # fmt: skip
        done = subprocess.run(command, input=raw, capture_output=True, check=False)
        if done.returncode or not made.exists():
            why = done.stderr.decode(errors="replace").strip().splitlines()
            raise UserError(f"ffmpeg could not write {path}: {why[-1] if why else 'no reason'}")
        write_atomically(target, made.read_bytes())
    return target


def _pages(frames: list[np.ndarray], captions: list[str] | None, scale: float) -> list[Image.Image]:
    """Frames as images, scaled, with a line of text under each if captions are given."""
    images = [Image.fromarray(frame) for frame in frames]
    if scale != 1.0:
        images = [x.resize((int(x.width * scale), int(x.height * scale))) for x in images]
    if captions is not None:
        images = [_captioned(x, text) for x, text in zip(images, captions, strict=True)]
    return images


def _padded(image: Image.Image, width: int, height: int) -> Image.Image:
    page = Image.new("RGB", (width, height), (255, 255, 255))
    page.paste(image, (0, 0))
    return page


def _captioned(image: Image.Image, text: str) -> Image.Image:
    page = Image.new("RGB", (image.width, image.height + 18), (255, 255, 255))
    page.paste(image, (0, 0))
    ImageDraw.Draw(page).text((4, image.height + 3), printable(text), fill=(30, 30, 30))
    return page
