"""Watching a game: the states of one episode, as pictures and as a GIF."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
from PIL import Image, ImageDraw

from zsc.agents.pool import Pool
from zsc.envs.base import Environment
from zsc.play.episode import record


def film(
    env: Environment, agents: tuple[Pool, ...], *, seed: int = 0, steps: int | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """The frames [H, W, 3] of one episode and the return up to each of them.

    agents: one pool of a single agent per seat. Raises UserError for a wrong number of seats or
    a pool of another game.
    """
    played = record(env, agents, seed=seed)
    length = min(int(played.length[0]), steps or env.spec.horizon)
    frames = [
        env.render(jax.tree.map(lambda x, t=t: x[0, t], played.states)) for t in range(length + 1)
    ]
    earned = np.concatenate([[0.0], played.reward[0, :length, 0].cumsum()])
    return frames, earned


def save_gif(
    path: str | Path,
    frames: list[np.ndarray],
    *,
    captions: list[str] | None = None,
    milliseconds: int = 90,
    scale: float = 1.0,
) -> Path:
    """Write frames as an endless GIF, with a line of text under each if captions are given."""
    images = [Image.fromarray(frame) for frame in frames]
    if scale != 1.0:
        images = [x.resize((int(x.width * scale), int(x.height * scale))) for x in images]
    if captions is not None:
        images = [_captioned(x, text) for x, text in zip(images, captions, strict=True)]
    small = [image.quantize(64) for image in images]
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(
        target, save_all=True, append_images=small[1:], duration=milliseconds, loop=0, optimize=True
    )
    return target


def _captioned(image: Image.Image, text: str) -> Image.Image:
    page = Image.new("RGB", (image.width, image.height + 18), (255, 255, 255))
    page.paste(image, (0, 0))
    ImageDraw.Draw(page).text((4, image.height + 3), text, fill=(30, 30, 30))
    return page
