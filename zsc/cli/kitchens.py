"""A sheet of generated kitchens: what agents will be trained or judged in, to look at."""

from __future__ import annotations

from pathlib import Path

import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.overcooked import Layout, difficulty, digest, random_layouts
from zsc.envs.overcooked.render import draw
from zsc.envs.overcooked.state import initial_state
from zsc.errors import UserError

_MOST, _CAPTION, _GAP = 200, 30, 16


def generated(count: int, seed: int, size: tuple[int, int], out: Path) -> str:
    """Draw so many kitchens of a seed on one sheet; a line for each of them.

    Raises UserError for a number that no sheet has, or a file that is there.
    """
    if not 1 <= count <= _MOST:
        raise UserError(f"--generate {count}: ask for 1 to {_MOST} kitchens on a sheet")
    if out.exists():
        raise UserError(f"{out} is there: name another file by --out")
    layouts = random_layouts(seed, count, size)
    sheet(layouts).save(out)
    lines = [f"{number:4}  {_words(layout)}" for number, layout in enumerate(layouts)]
    return "\n".join([*lines, f"drawn in {out}"])


def sheet(layouts: tuple[Layout, ...]) -> Image.Image:
    """All kitchens on one picture, each with its number, digest and how hard it is."""
    pictures = [Image.fromarray(_picture(layout)) for layout in layouts]
    width = max(p.width for p in pictures) // 2
    height = max(p.height for p in pictures) // 2 + _CAPTION
    columns = int(np.ceil(np.sqrt(len(layouts) * height / width)))
    rows = -(-len(layouts) // columns)
    size = (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP)
    whole = Image.new("RGB", size, (252, 252, 252))
    pen = ImageDraw.Draw(whole)
    for number, (layout, picture) in enumerate(zip(layouts, pictures, strict=True)):
        row, column = divmod(number, columns)
        x, y = _GAP + column * (width + _GAP), _GAP + row * (height + _GAP)
        hash_, rest = _words(layout).split("  ", 1)
        pen.text((x, y), f"{number}  {hash_}", fill=(60, 52, 46))
        pen.text((x, y + 12), rest, fill=(110, 104, 98))
        whole.paste(picture.resize((picture.width // 2, picture.height // 2)), (x, y + _CAPTION))
    return whole


def _words(layout: Layout) -> str:
    hard = difficulty(layout)
    way = "takes two" if hard.path is None else f"{hard.path} moves a soup"
    return f"{digest(layout)}  {way}, {hard.floor} floor, {hard.bottlenecks} narrow"


def _picture(layout: Layout) -> np.ndarray:
    terrain = layout.terrain()
    return draw(terrain, layout.width, initial_state(terrain, jnp.asarray(layout.starts)))
