"""Games that people played, as the Overcooked-AI project publishes them, in this toolkit's terms.

Its files are tables with one row per step: the state and joint action as JSON, the terrain, who
played (`table_files`). What the game that is asked for cannot be in, such as a cook too many, one
who is absent, or by the rules of 2019 a pot that waits to be started, is refused with the row that
has it. Games of the 2020 data are read by `dynamics="2020"`, in the kitchen with their orders.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd

from zsc.envs.overcooked.engine_states import DIRECTIONS, read_state
from zsc.envs.overcooked.env import Overcooked
from zsc.envs.overcooked.file_rules import content_of
from zsc.envs.overcooked.rules import RECIPES, Rules
from zsc.envs.overcooked.state import INTERACT
from zsc.errors import UserError, shorten
from zsc.records.record import Record
from zsc.records.table_files import read_table

#: Columns that tell games apart, of the older and the newer tables.
_GAMES = (("trial_id",), ("workerid_num", "layout_name", "round_num"))
_PAIR = "workerid_num"
_LEAST_REPRODUCED = 0.5  # share of states, below which people played another game
#: What Overcooked-AI now calls kitchens of ours.
_NAMES_2020 = {
    "counter_circuit_tomato": "counter_circuit",
    "counter_circuit": "counter_circuit_o_1order",
}


def human_games(path: str | Path, env: Overcooked) -> Record:
    """All games of a file that were played in a kitchen, as a `Record` of E games.

    Kitchens are told by their terrain, since the files give other names to some. What the players
    saw, earned and did is worked out from the recorded states by the game's own rules; the clock
    stands still at 0, because these games are longer than an episode. Raises UserError if there
    are none, or for ingredients that this game does not have.
    """
    return named_games(path, env)[0]


def named_games(path: str | Path, env: Overcooked) -> tuple[Record, tuple[str, ...]]:
    """`human_games`, and for each game the pair that played it, which the 2019 files number.

    Where nothing tells pairs apart, each game has one of its own: ids of games can be those of a
    recruiting platform, and are not read for that.
    """
    table = read_table(path)
    try:
        return named_games_of(table, env, str(path))
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
    return named_games_of(table, env, source)[0]


def named_games_of(
    table: pd.DataFrame, env: Overcooked, source: str
) -> tuple[Record, tuple[str, ...]]:
    """The games of a table, and the pair of each; see `named_games`."""
    kitchen = env.kitchen
    table = table.reset_index(drop=True)
    here = _terrain(kitchen.text().splitlines())
    names = table.get("layout_name", pd.Series(["no name"] * len(table))).astype(str)
    drawn = {text: _terrain(_rows(text)) for text in table["layout"].unique()}
    chosen = table["layout"].map(drawn).map(lambda rows: rows == here or not rows)
    # a file that only names its kitchens means those of today
    own = _NAMES_2020.get(kitchen.name, kitchen.name) if env.rules.new else kitchen.name
    chosen &= (table["layout"] != "") | (names == own)
    if not chosen.any():
        found = set(zip(names, table["layout"], strict=True))
        raise _no_game(env, source, {(name, drawn[text]) for name, text in found})
    columns = next((list(n) for n in _GAMES if set(n) <= set(table.columns)), ["layout"])
    groups = [rows for _, rows in table[chosen].groupby(columns, sort=True)]
    pairs = tuple(
        f"pair {rows[_PAIR].iloc[0]}" if _PAIR in rows else f"pair of game {number}"
        for number, rows in enumerate(groups)
    )
    return _replay(env, [_game(env, rows, source) for rows in groups]), pairs


def _no_game(env: Overcooked, source: str, found: set[tuple[str, tuple[str, ...]]]) -> UserError:
    """The error for a table without a game in the kitchen that was asked for."""
    own, known = env.kitchen, sorted({name for name, _ in found})
    for name, rows in sorted(found):
        if rows and name == own.name:
            size = f"{max(map(len, rows))}x{len(rows)}"
            return UserError(
                f"{source} has games in another kitchen that is called {name}, too ({size} cells, "
                f"this one has {own.width}x{own.height}): give its drawing by --layout"
            )
    return UserError(f"{source} has no game in {env.spec.id}: it has {', '.join(known)}")


def reproduced(env: Overcooked, played: Record) -> float:
    """The share of recorded steps after which the rules lead to the state that was recorded."""
    step = jax.jit(jax.vmap(jax.vmap(lambda s, a: env.step(jax.random.key(0), s, a)[0])))
    before = jax.tree.map(lambda x: x[:, :-1], played.states)
    after = jax.tree.map(lambda x: x[:, 1:], played.states)
    same = np.ones(played.playing.shape, bool)
    for name, ours, theirs in zip(after._fields, step(before, played.action), after, strict=True):
        if name != "time" and theirs is not None:
            differs = np.asarray(ours) != np.asarray(theirs)
            same &= ~differs.reshape(*same.shape, -1).any(-1)
    # the last recorded state of a game has no recorded successor
    known = played.playing[:, :-1] & played.playing[:, 1:]
    return float(same[:, :-1][known].mean()) if known.any() else float("nan")


def check_reproduced(env: Overcooked, played: Record, source: str) -> float:
    """`reproduced`. Raises UserError for games that were clearly played by other rules."""
    share = reproduced(env, played)
    if share < _LEAST_REPRODUCED:
        raise UserError(
            f"the rules lead to {share:.0%} of the states in {source} only: those games "
            "were played by others, and are not converted"
        )
    return share


def _game(
    env: Overcooked, rows: pd.DataFrame, source: str
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Snapshots [T, ...] and actions [T, A] of one game, in the order of its steps."""
    if "cur_gameloop" in rows:
        again = rows["cur_gameloop"].duplicated().to_numpy()
        if again.any():
            number, step = (np.asarray(x)[again][0] for x in (rows.index, rows["cur_gameloop"]))
            raise UserError(
                f"row {number + 1} of {source} has step {step} of a game for the second time: keep "
                "the rows of one player (is_leader), or name the games apart (trial_id)"
            )
        rows = rows.sort_values("cur_gameloop", kind="stable")
    states, actions = [], []
    for number, state, joint in zip(rows.index, rows["state"], rows["joint_action"], strict=True):
        try:
            told = _value(state)
            _check_orders(env.rules, told)
            states.append(read_state(env.kitchen, env.rules, told))
            actions.append(_joint(_value(joint), env.spec.num_agents))
        except UserError as error:
            raise UserError(f"row {number + 1} of {source}: {error}") from None
        except (LookupError, TypeError, ValueError, SyntaxError, AttributeError) as error:
            raise UserError(
                f"row {number + 1} of {source} cannot be understood ({error!r}): it should hold a "
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


def _check_orders(rules: Rules, state: Mapping[str, Any]) -> None:
    """Refuse a state with other orders than the kitchen's; those of 2019 pay for one soup only."""
    if not rules.new or not state.get("all_orders"):
        return
    ordered = {content_of(order) for order in state["all_orders"]}
    paid = {content for content in RECIPES if rules.values[content]}
    if ordered != paid:
        words = [" ".join(order["ingredients"]) for order in state["all_orders"]]
        raise UserError(
            f"what is ordered is {', '.join(words)}, in this kitchen it is something else: give "
            "the layout file with those orders"
        )


def _joint(joint: Any, cooks: int) -> list[int]:
    """The actions of all cooks."""
    if len(joint) != cooks:
        raise UserError(f"there are {len(joint)} actions: only games of {cooks} cooks can be read")
    return [_action(one) for one in joint]


def _action(action: Any) -> int:
    """An action's number from its direction, from the word, or as some files write it at once."""
    if isinstance(action, int) and not isinstance(action, bool) and 0 <= action <= INTERACT:
        return action
    if isinstance(action, str) and action.lower() == "interact":
        return INTERACT
    if isinstance(action, list | tuple) and tuple(action) in DIRECTIONS:
        return DIRECTIONS[tuple(action)]
    raise UserError(f"an action is {action!r}: it should be a direction or interact")


def _rows(layout: Any) -> list[str]:
    """A terrain's rows, however the table writes them."""
    if isinstance(layout, str) and layout.lstrip().startswith("["):
        return ["".join(map(str, row)) for row in _value(layout)]  # texts, or lists of cells
    return str(layout).splitlines()


def _terrain(rows: Iterable[str]) -> tuple[str, ...]:
    """A drawing without the players."""
    return tuple("".join(" " if c.isdigit() else c for c in row) for row in rows)


def _value(text: Any) -> Any:
    """A cell that holds JSON, or a Python literal where quotes are single."""
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return ast.literal_eval(text)
