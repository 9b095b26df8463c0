"""Overcooked as an environment: rules, time limit, observation and symmetries put together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, world_of
from zsc.envs.overcooked import dynamics, observation, render
from zsc.envs.overcooked.automorphisms import layout_symmetry
from zsc.envs.overcooked.bounds import most_return
from zsc.envs.overcooked.events import event_names
from zsc.envs.overcooked.file_rules import MOST_TIME
from zsc.envs.overcooked.layout_names import check_name
from zsc.envs.overcooked.layouts import Layout, Terrain
from zsc.envs.overcooked.naming import Kitchen, find_kitchen
from zsc.envs.overcooked.rules import RULES_2019, Rules
from zsc.envs.overcooked.state import COOK_TIME, STAY, State, initial_state, restore, snapshot
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ACTION_NAMES = ("north", "south", "east", "west", "stay", "interact")
ENCODINGS = ("compact", "grid", "padded:HxW")


@dataclass(frozen=True)
class Overcooked:
    """Two to four cooks, by the rules of 2019 or of 2020.

    layout: a name from `LAYOUTS` or `ORDERED`, a drawing in the reference's symbols, or the text of
        a layout file of Overcooked-AI. There are as many cooks as it has starts.
    horizon: steps per episode; the time limit truncates, nothing terminates.
    encoding: "compact" (a vector of what can change), "grid" (the reference's 26 channels), or
        "padded:HxW" (the grid in the top-left corner of a frame of counters): what agents see that
        know many kitchens, see `ManyKitchens`.
    random_starts: start cells drawn anew for each episode instead of the layout's own.
    dynamics: "2019" (soups of three onions, pots start by themselves), or "2020" (tomatoes, the
        kitchen's own orders, cooking is started by an interact with empty hands).
    name: what a drawing of your own is called, in ids, titles and labels: "overcooked/NAME".

    reward is the team's, to all agents alike. info["sparse"] and info["shaped"] are per agent.
    """

    layout: str = "cramped_room"
    horizon: int = 400
    encoding: str = "compact"
    random_starts: bool = False
    dynamics: str = "2019"
    name: str = ""

    def __post_init__(self) -> None:
        settle(self)
        check_name(self.name, self.layout)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        if self.encoding not in ENCODINGS and _frame(self.encoding) is None:
            raise unknown("encoding", self.encoding, ENCODINGS)
        self.kitchen.terrain(self.frame)  # a bad layout is refused here, not inside jit

    @property
    def kitchen(self) -> Layout:
        """The parsed layout."""
        return self._found.layout

    @property
    def rules(self) -> Rules:
        """What is cooked here, and how."""
        return self._found.rules

    @property
    def _found(self) -> Kitchen:
        return find_kitchen(self.layout, self.dynamics)

    @property
    def frame(self) -> tuple[int, int]:
        """(H, W) of the grid that is shown: the kitchen's own, or what it is padded to."""
        return _frame(self.encoding) or (self.kitchen.height, self.kitchen.width)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh kitchen; the key matters only with random starts."""
        state = _first_state(self)
        if self.random_starts:
            state = state._replace(cell=random_cells(self.kitchen, key))
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of all agents, action [A]. Nothing is random."""
        del key
        terrain, width, rules = self.kitchen.terrain(), self.kitchen.width, self.rules
        moved, outcome = limited_step(terrain, width, self.horizon, state, action, rules)
        return moved, time_step(self.observe(moved), moved, self.horizon, outcome)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return time_step(self.observe(state), state, self.horizon)

    def encoded(self, obs_id: str) -> Overcooked:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        padded = re.match(r"padded:\d+x\d+", obs_id)
        return replace(self, encoding=padded[0] if padded else obs_id.split(":")[0])

    def world(self, state: State) -> Array:
        """[A * entries] what all agents see: each of them sees the whole kitchen."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """The layout's automorphisms, with the seats exchanged where they exchange the starts."""
        whole = self._found.begins is None  # what lies there at first is not moved along
        return layout_symmetry(
            self.kitchen, self.rules, self.encoding, self.random_starts, self.frame, whole
        )

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of one kitchen."""
        return render.draw(self.kitchen.terrain(), self.kitchen.width, state, self.rules)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays: pos [A,2] (x, y), dir [A], held [A], counter [H,W], pot_n [pots],
        pot_tick [pots], time []; by the rules of 2020 pot_t [pots], the tomatoes."""
        return snapshot(self.kitchen.terrain(), self.kitchen.width, state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes; any state can be injected."""
        return restore(self.kitchen.terrain(), self.kitchen.width, snapshot)

    def observe(self, state: State) -> Array:
        """[A, ...] what all agents see in a state."""
        if self.encoding == "compact":
            return observation.compact(self.kitchen, state, self.horizon, self.rules)
        framed = observation.into_frame(self.kitchen, self.frame, state)
        terrain = self.kitchen.terrain(self.frame)
        return observation.grid(terrain, self.frame, framed, self.horizon, self.rules)


def limited_step(
    terrain: Terrain,
    width: int,
    horizon: int,
    state: State,
    action: Array,
    rules: Rules = RULES_2019,
) -> tuple[State, dynamics.Step]:
    """`dynamics.step` with a time limit: a game that is over stands still and pays nothing."""
    over = state.time >= horizon
    moved, outcome = dynamics.step(terrain, width, state, action, rules)
    moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
    sparse, shaped = (jnp.where(over, 0.0, x) for x in (outcome.sparse, outcome.shaped))
    return moved, dynamics.Step(sparse, shaped, outcome.events & ~over)


def time_step(
    obs: Array, state: State, horizon: int, outcome: dynamics.Step | None = None
) -> TimeStep:
    """What is shown after a step with that outcome, or before the first."""
    cooks = state.cell.shape[0]
    if outcome is None:
        none, events = jnp.zeros(cooks, jnp.float32), event_names(state.pot_t is not None)
        outcome = dynamics.Step(none, none, jnp.zeros((cooks, len(events)), bool))
    truncated = state.time >= horizon
    return TimeStep(
        obs=obs,
        mask=jnp.ones((cooks, len(ACTION_NAMES)), bool),
        reward=jnp.broadcast_to(outcome.sparse.sum(), cooks),
        terminated=jnp.zeros_like(truncated),
        truncated=truncated,
        info={"shaped": outcome.shaped, "events": outcome.events, "sparse": outcome.sparse},
    )


def random_cells(kitchen: Layout, key: Key) -> Array:
    """[A] start cells by chance, each in the part of the kitchen that the own start belongs to."""
    if len(kitchen.starts) == 2:
        pairs = jnp.asarray(kitchen.start_pairs)
        return pairs[jax.random.randint(key, (), 0, len(pairs))]
    cells = jnp.zeros(len(kitchen.starts), jnp.int32)
    for number, room in enumerate(sorted(set(kitchen.rooms), key=min)):
        seats = np.array([seat for seat, own in enumerate(kitchen.rooms) if own == room])
        places = jax.random.permutation(jax.random.fold_in(key, number), np.array(sorted(room)))
        cells = cells.at[seats].set(places[: len(seats)])
    return cells


def _first_state(env: Overcooked) -> State:
    kitchen, begins = env.kitchen, find_kitchen(env.layout, env.dynamics).begins
    if begins is not None:
        return env.restore(begins)
    cells = jnp.asarray(kitchen.starts)
    return initial_state(kitchen.terrain(), cells, tomatoes=env.rules.new)


def grid_spec(
    id: str, size: tuple[int, int], obs_id: str, horizon: int, pots: int | None = None
) -> EnvSpec:
    """The spec of a game of two by the rules of 2019 that shows 26 channels of (rows, columns).

    pots: how many there are at most; None where that is known only to be less than the cells.
    """
    shape = (*size, len(observation.CHANNELS))
    most = size[0] * size[1] if pots is None else pots
    most_paid = most_return(RULES_2019, 2, most, horizon)
    return _spec_of(id, shape, observation.GRID_MAX, obs_id, horizon, RULES_2019, most_paid)


def _frame(encoding: str) -> tuple[int, int] | None:
    """The size that a padded encoding says, (H, W)."""
    found = re.fullmatch(r"padded:([1-9]\d*)x([1-9]\d*)", encoding)
    return (int(found[1]), int(found[2])) if found else None


@cache
def _spec(env: Overcooked) -> EnvSpec:
    found, cooks = env._found, len(env.kitchen.starts)
    rules, obs_id = env.rules, f"{env.encoding}:{found.id}"
    shape: tuple[int, ...] = (*env.frame, 5 * cooks + 16)
    largest = observation.grid_max(cooks, rules.longest)
    if _frame(env.encoding):  # the numbers mean the same in every kitchen
        obs_id = env.encoding + ":2020" * rules.new + f":{cooks} cooks" * (cooks != 2)
        largest = observation.grid_max(cooks, MOST_TIME if rules.new else COOK_TIME)
    elif env.encoding == "compact":
        largest = observation.compact_max(env.kitchen, rules)
        shape = (len(largest),)
    most = None  # what games begin with may be soup already
    if found.begins is None:
        most = most_return(rules, cooks, len(env.kitchen.pots), env.horizon)
    name = f"overcooked/{env.name or found.id}"
    return _spec_of(name, shape, largest, obs_id, env.horizon, rules, most, cooks)


def _spec_of(
    id: str,
    shape: tuple[int, ...],
    largest: tuple[int, ...],
    obs_id: str,
    horizon: int,
    rules: Rules,
    most: float | None,
    cooks: int = 2,
) -> EnvSpec:
    return EnvSpec(
        id=id,
        version=1,
        num_agents=cooks,
        num_actions=len(ACTION_NAMES),
        obs_shape=shape,
        obs_dtype="uint8",
        obs_scale=largest,
        obs_id=obs_id,
        horizon=horizon,
        fixed_length=True,
        action_names=ACTION_NAMES,
        event_names=event_names(rules.new),
        idle_action=STAY,
        min_return=0.0,
        max_return=most,
    )
