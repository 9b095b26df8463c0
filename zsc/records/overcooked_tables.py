"""Games that people played, as the Overcooked-AI project publishes them, in this toolkit's terms.

Its files are tables with one row per step: the state and joint action as JSON, the terrain, who
played. They come as CSV or as pickled pandas frames. A pickle can run any code when it is read, so
only the few names that a plain table is made of are looked up here and everything else is refused.
"""

from __future__ import annotations

import ast
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
from pandas.compat.pickle_compat import Unpickler

from zsc.envs.overcooked.env import Overcooked
from zsc.envs.overcooked.layouts import Layout
from zsc.envs.overcooked.state import (
    COOK_TIME,
    DISH,
    IDLE,
    INTERACT,
    NOTHING,
    ONION,
    POT_SIZE,
    SOUP,
)
from zsc.errors import UserError, shorten
from zsc.records.record import Record

_ITEMS = {"onion": ONION, "dish": DISH, "soup": SOUP}
_DIRECTIONS = {(0, -1): 0, (0, 1): 1, (1, 0): 2, (-1, 0): 3, (0, 0): 4}
#: Columns that tell games apart, of the older and the newer tables.
_GAMES = (("trial_id",), ("workerid_num", "layout_name", "round_num"))
_COLUMNS = ("state", "joint_action", "layout")
#: All that a pickled table of numbers and texts needs, by pandas from 1.0 on and numpy.
_PLAIN = {
    "builtins": {"slice"},
    "numpy": {"ndarray", "dtype"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.numeric": {"_frombuffer"},
    "pandas": {"DataFrame", "Index", "RangeIndex", "StringDtype"},
    "pandas.arrays": {"StringArray"},
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas.core.arrays.string_": {"StringArray", "StringDtype"},
    "pandas.core.frame": {"DataFrame"},
    "pandas.core.internals.managers": {"BlockManager"},
    "pandas.core.internals.blocks": {"new_block"},
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas.core.indexes.base": {"_new_Index", "Index"},
    "pandas.core.indexes.range": {"RangeIndex"},
    "pandas.core.indexes.numeric": {"Int64Index", "UInt64Index", "Float64Index"},
}


class _TableReader(Unpickler):
    """Reads pickled tables of numbers and texts, and looks up nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name if a plain table needs it. Raises UserError."""
        if name not in _PLAIN.get(module, ()):
            raise UserError(
                f"the file wants to run {module}.{name}, which no table needs: nothing was run; "
                "if you trust it, open it yourself and save it as CSV"
            )
        return super().find_class(module, name)


def read_table(path: str | Path) -> pd.DataFrame:
    """The table in a CSV or pickle file, one row per step of a game.

    Raises UserError for a file that is no such table, or a pickle that asks for more than one.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the CSV or pickle of recorded games")
    try:
        if path.suffix == ".csv":
            table = pd.read_csv(path)
        else:
            table = _TableReader(io.BytesIO(path.read_bytes())).load()
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # a broken pickle can fail in any way
        raise UserError(f"{path} cannot be read as a table: {error}") from None
    if not isinstance(table, pd.DataFrame):
        raise UserError(f"{path} holds a {type(table).__name__}, not a table of steps")
    missing = [name for name in _COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}: give a table of recorded steps")
    return table


def human_games(path: str | Path, env: Overcooked) -> Record:
    """All games of a file that were played in a kitchen, as a `Record` of E games.

    Kitchens are told by their terrain, since the files give other names to some. What the players
    saw, earned and did is worked out from the recorded states by the game's own rules; the clock
    stands still at 0, because these games are longer than an episode. Raises UserError if there
    are none, or for ingredients that this game does not have.
    """
    table = read_table(path)
    try:
        return games_of(table, env, str(path))
    except UserError:
        raise
    except Exception as error:  # a table of something else can be odd in any way
        why = shorten(f"{type(error).__name__}: {error}", 200)
        raise UserError(
            f"{path} cannot be understood as recorded steps ({why}): give a table as Overcooked-AI "
            "writes them"
        ) from None


def games_of(table: pd.DataFrame, env: Overcooked, source: str = "the table") -> Record:
    """The games of a table; see `human_games`."""
    kitchen = env.kitchen
    here = _terrain(kitchen.text().splitlines())
    played_here = {text for text in table["layout"].unique() if _terrain(_rows(text)) == here}
    chosen = table[table["layout"].isin(played_here)]
    if len(chosen) == 0:
        known = sorted(set(map(str, table.get("layout_name", pd.Series(dtype=str)).unique())))
        raise UserError(
            f"{source} has no game in {env.spec.id}: it has {', '.join(known) or 'no names'}"
        )
    names = next((list(n) for n in _GAMES if set(n) <= set(table.columns)), ["layout"])
    games = [_game(kitchen, rows) for _, rows in chosen.groupby(names, sort=True)]
    return _replay(env, games)


def reproduced(env: Overcooked, played: Record) -> float:
    """The share of recorded steps after which the rules lead to the state that was recorded."""
    step = jax.jit(jax.vmap(jax.vmap(lambda s, a: env.step(jax.random.key(0), s, a)[0])))
    before = jax.tree.map(lambda x: x[:, :-1], played.states)
    after = jax.tree.map(lambda x: x[:, 1:], played.states)
    same = np.ones(played.playing.shape, bool)
    for name, ours, theirs in zip(after._fields, step(before, played.action), after, strict=True):
        if name != "time":
            differs = np.asarray(ours) != np.asarray(theirs)
            same &= ~differs.reshape(*same.shape, -1).any(-1)
    # the last recorded state of a game has no recorded successor
    known = played.playing[:, :-1] & played.playing[:, 1:]
    return float(same[:, :-1][known].mean()) if known.any() else float("nan")


def _game(kitchen: Layout, rows: pd.DataFrame) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Snapshots [T, ...] and actions [T, A] of one game, in the order of its steps."""
    if "cur_gameloop" in rows:
        rows = rows.sort_values("cur_gameloop", kind="stable")
    states, actions = [], []
    for state, joint in zip(rows["state"], rows["joint_action"], strict=True):
        try:
            states.append(_snapshot(kitchen, _value(state)))
            actions.append([_action(one) for one in _value(joint)])
        except UserError:
            raise
        except (KeyError, IndexError, TypeError, ValueError, SyntaxError) as error:
            raise UserError(
                f"row {len(states)} of a game cannot be understood ({error!r}): it should hold a "
                "state and a joint action as Overcooked-AI writes them"
            ) from None
    stacked = {name: np.stack([state[name] for state in states]) for name in states[0]}
    return stacked, np.array(actions, np.int32)


def _replay(env: Overcooked, games: Sequence[tuple[dict[str, np.ndarray], np.ndarray]]) -> Record:
    """Games of different lengths as one record; a game stands still after its last step."""
    length = max(len(actions) for _, actions in games)
    pad = lambda x: np.concatenate([x, np.repeat(x[-1:], length - len(x), axis=0)])
    snapshots = {name: np.stack([pad(s[name]) for s, _ in games]) for name in games[0][0]}
    actions = np.stack([pad(a) for _, a in games])
    steps = np.array([len(a) for _, a in games])
    playing = np.arange(length) < steps[:, None]

    @jax.jit
    def run(snapshot: Any, action: Any) -> Any:
        state = env.restore(snapshot)
        after, then = env.step(jax.random.key(0), state, action)
        return state, env.observe(state), after._replace(time=state.time), then

    state, obs, after, then = jax.tree.map(np.asarray, jax.vmap(jax.vmap(run))(snapshots, actions))
    # the last step has no recorded successor; after it a game stands still in what the rules say
    final = jax.tree.map(lambda x: x[np.arange(len(steps)), steps - 1][:, None], after)
    over = np.arange(length + 1) >= steps[:, None]
    stand = lambda x, y: np.where(
        over.reshape(*over.shape, *(1,) * (x.ndim - 2)), y, np.concatenate([x, y], axis=1)
    )
    return Record(
        states=jax.tree.map(stand, state, final),
        obs=obs,
        mask=np.broadcast_to(then.mask, (*obs.shape[:3], env.spec.num_actions)),
        action=actions,
        reward=np.where(playing[..., None], then.reward, 0.0),
        events=then.info["events"] & playing[..., None, None],
        playing=playing,
    )


def _snapshot(kitchen: Layout, state: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """A recorded state as the plain arrays that `Overcooked.restore` takes."""
    counter = np.zeros((kitchen.height, kitchen.width), np.int8)
    amount = np.zeros(len(kitchen.pots), np.int8)
    tick = np.full(len(kitchen.pots), IDLE, np.int8)
    objects = state["objects"]
    for item in objects.values() if isinstance(objects, Mapping) else objects:
        x, y = item["position"]
        at = np.flatnonzero(kitchen.pots == y * kitchen.width + x)
        if len(at):
            amount[at[0]], tick[at[0]] = _soup(item)
        else:
            counter[y, x] = _item(item)
    players = state["players"]
    return {
        "pos": np.array([player["position"] for player in players], np.int32),
        "dir": np.array([_DIRECTIONS[tuple(p["orientation"])] for p in players], np.int32),
        "held": np.array([_item(p.get("held_object")) for p in players], np.int32),
        "counter": counter,
        "pot_n": amount,
        "pot_tick": tick,
        "time": np.zeros((), np.int32),
    }


def _soup(item: Mapping[str, Any]) -> tuple[int, int]:
    """(onions, tick) of a soup in a pot, as older and newer states write it."""
    if "state" in item:  # [ingredient, how many, ticks]
        kinds, ticks = [item["state"][0]] * item["state"][1], item["state"][2]
    else:
        kinds = [one["name"] for one in item["_ingredients"]]
        ticks = item["cooking_tick"]
    for kind in kinds:
        if kind != "onion":
            raise UserError(f"a pot holds {kind}: only games with onion soups can be read")
    cooks = len(kinds) == POT_SIZE and ticks >= 0
    return len(kinds), min(int(ticks), COOK_TIME) if cooks else IDLE


def _item(item: Mapping[str, Any] | None) -> int:
    if item is None:
        return NOTHING
    if item["name"] not in _ITEMS:
        raise UserError(f"there is a {item['name']}: only games with onion soups can be read")
    return _ITEMS[item["name"]]


def _action(action: Any) -> int:
    if isinstance(action, str):
        if action.lower() != "interact":
            raise UserError(f"an action is {action!r}: it should be a direction or interact")
        return INTERACT
    if tuple(action) not in _DIRECTIONS:
        raise UserError(f"an action is {action}: it should be a direction or interact")
    return _DIRECTIONS[tuple(action)]


def _rows(layout: Any) -> list[str]:
    """A terrain's rows, however the table writes them."""
    if isinstance(layout, str) and layout.lstrip().startswith("["):
        return [str(row) for row in _value(layout)]
    return str(layout).splitlines()


def _terrain(rows: Iterable[str]) -> tuple[str, ...]:
    """A drawing without the players."""
    return tuple("".join(" " if c in "12" else c for c in row) for row in rows)


def _value(text: Any) -> Any:
    """A cell that holds JSON, or a Python literal where quotes are single."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)
