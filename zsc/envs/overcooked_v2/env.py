"""OvercookedV2 as an environment: rules, recipes, time limit, observation and symmetries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep
from zsc.envs.overcooked_v2 import dynamics, observation, render, starts
from zsc.envs.overcooked_v2.automorphisms import channel_symmetry, layout_symmetry
from zsc.envs.overcooked_v2.drawings import find_kitchen
from zsc.envs.overcooked_v2.layouts import BUTTON, POT, Layout, check_view
from zsc.envs.overcooked_v2.state import (
    ACTION_NAMES,
    COOK_TIME,
    STAY,
    State,
    initial_state,
    restore,
    snapshot,
)
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ENCODINGS = ("compact", "grid")
RELABELLINGS = ("automorphisms", "channels")


@dataclass(frozen=True)
class OvercookedV2:
    """Cooks, recipes and who may know them (Gessler et al. 2025, arXiv 2503.17821).

    layout: a name from `LAYOUTS` or a drawing in the symbols of `parse_layout`.
    recipes: those that may be asked for, three ingredients each, such as ((0, 0, 0), (1, 1, 1));
        None for the layout's own, or all that a drawing with an indicator allows.
    view: how many cells an agent sees in each direction, None for the whole kitchen.
    negative_rewards: a wrong dish costs what a right one pays.
    sample_recipe_on_delivery: each right delivery draws the recipe anew, else only the reset does.
    indicate_successful_delivery: the step after a right delivery is shown at the goal.
    start_cooking_interaction: a pot cooks when somebody with empty hands tells it to, whatever is
        in it; else as soon as it holds three ingredients.
    random_positions: agents start somewhere in their own room, in any direction.
    random_starts: that, and hands, counters and pots are filled by chance.
    horizon: steps per episode; the time limit truncates, nothing terminates.
    encoding: "compact" (a vector of what can change and is in view) or "grid" (the channels of the
        reference engine, [h, w, C]).
    relabel: what `symmetry` is, and so what other-play relabels: "automorphisms", or "channels" for
        the ingredients that recipes use in the channels of the grid alone, as the paper does. The
        second is no symmetry of these kitchens: the piles would have to change places, and an agent
        and its relabelled copy need not play alike.

    Actions: right, down, left, up, stay, interact. reward is the team's, to all alike;
    info["sparse"] and info["shaped"] are per agent. Two oddities of the reference are kept: a pot
    that a random start leaves full and idle begins to cook at the next interact of any kind, and a
    useless placement never costs shaped reward, with negative_rewards neither.
    """

    layout: str = "cramped_room"
    recipes: tuple[tuple[int, ...], ...] | None = None
    view: int | None = None
    negative_rewards: bool = False
    sample_recipe_on_delivery: bool = False
    indicate_successful_delivery: bool = False
    start_cooking_interaction: bool = False
    random_positions: bool = False
    random_starts: bool = False
    horizon: int = 400
    encoding: str = "compact"
    relabel: str = "automorphisms"

    def __post_init__(self) -> None:
        settle(self)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        if self.view is not None and self.view < 1:
            raise UserError(f"view is {self.view}: give at least 1 cell, or None for all of them")
        if self.encoding not in ENCODINGS:
            raise unknown("encoding", self.encoding, ENCODINGS)
        if self.relabel not in RELABELLINGS:
            raise unknown("relabel", self.relabel, RELABELLINGS)
        if self.relabel == "channels" and self.encoding != "grid":
            raise UserError('relabel="channels" is of the grid: give encoding="grid" as well')
        check_view(self.kitchen, self.view)  # a bad layout is refused here, not inside jit

    @property
    def kitchen(self) -> Layout:
        """The parsed layout with its recipes."""
        return find_kitchen(self.layout, self.recipes)

    @property
    def rules(self) -> dynamics.Rules:
        """What is chosen about the rules."""
        return dynamics.Rules(self.negative_rewards, self.start_cooking_interaction)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh kitchen with a recipe that the key decides, and what else starts by chance."""
        recipe, place, fill = jax.random.split(key, 3)
        layout = self.kitchen
        state = initial_state(layout, starts.draw_recipe(layout, recipe))
        if self.random_positions or self.random_starts:
            state = starts.place_agents(layout, state, place)
        if self.random_starts:
            state = starts.fill_kitchen(
                layout, state, fill, start_cooking_interaction=self.start_cooking_interaction
            )
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of all agents, action [A]; the key draws the next recipe."""
        recipe = state.recipe
        if self.sample_recipe_on_delivery:
            recipe = starts.draw_recipe(self.kitchen, key)
        return self.advance(state, action, recipe)

    def advance(self, state: State, action: Array, recipe: Array) -> tuple[State, TimeStep]:
        """The step without chance: `recipe` is asked for next if that is drawn anew."""
        over = state.time >= self.horizon
        moved, outcome = dynamics.step(self.kitchen, self.rules, state, action)
        if self.sample_recipe_on_delivery:
            moved = moved._replace(recipe=jnp.where(moved.delivered, recipe, state.recipe))
        moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
        sparse, shaped = (jnp.where(over, 0.0, x) for x in (outcome.sparse, outcome.shaped))
        return moved, self._show(moved, dynamics.Step(sparse, shaped, outcome.events & ~over))

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        agents = self.spec.num_agents
        none = jnp.zeros(agents, jnp.float32)
        events = jnp.zeros((agents, len(dynamics.EVENT_NAMES)), bool)
        return self._show(state, dynamics.Step(none, none, events))

    def encoded(self, obs_id: str) -> OvercookedV2:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        return replace(self, encoding=obs_id.split(":")[0], relabel="automorphisms")

    def observe(self, state: State) -> Array:
        """[A, ...] what all agents see in a state."""
        encode = observation.compact if self.encoding == "compact" else observation.grid
        return encode(self.kitchen, self.view, state, delivery=self.indicate_successful_delivery)

    def world(self, state: State) -> Array:
        """[entries] float32: the whole kitchen, the recipe and the buttons' clocks."""
        return observation.everything(self.kitchen, state)

    def symmetry(self) -> Symmetry:
        """The kitchen's automorphisms, or what `relabel` names instead of them."""
        shown = (self.view, self.indicate_successful_delivery)
        if self.relabel == "channels":
            pieces = sorted({piece for recipe in self.kitchen.recipes for piece in recipe})
            return channel_symmetry(self.kitchen, *shown, tuple(pieces))
        placed = self.random_positions or self.random_starts
        return layout_symmetry(self.kitchen, self.encoding, *shown, placed)

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of one kitchen; what no agent has in view is shaded."""
        return render.draw(self.kitchen, state, self.view)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays in the reference's codes: pos [A, 2] (x, y), dir [A], inventory [A],
        grid [H, W, 3], recipe [], delivered [], time []."""
        return snapshot(self.kitchen, state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes; any state can be injected."""
        return restore(self.kitchen, snapshot)

    def _show(self, state: State, outcome: dynamics.Step) -> TimeStep:
        agents, truncated = self.spec.num_agents, state.time >= self.horizon
        return TimeStep(
            obs=self.observe(state),
            mask=jnp.ones((agents, len(ACTION_NAMES)), bool),
            reward=jnp.broadcast_to(outcome.sparse.sum(), agents),
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info={"shaped": outcome.shaped, "events": outcome.events, "sparse": outcome.sparse},
        )


@cache
def _spec(env: OvercookedV2) -> EnvSpec:
    layout, view, shown = env.kitchen, env.view, env.indicate_successful_delivery
    if env.encoding == "compact":
        scale = observation.compact_scale(layout, view, delivery=shown)
        shape: tuple[int, ...] = (len(scale),)
    else:
        scale = observation.grid_scale(layout, delivery=shown)
        size = (layout.height, layout.width) if view is None else (2 * view + 1,) * 2
        shape = (*size, len(scale))
    seen = "all" if view is None else str(view)
    least, most = _pay(env)
    return EnvSpec(
        id=f"overcooked_v2/{layout.name}",
        version=1,
        num_agents=len(layout.starts),
        num_actions=len(ACTION_NAMES),
        obs_shape=shape,
        obs_dtype="uint8",
        obs_scale=scale,
        obs_id=f"{env.encoding}:{layout.name}:{seen}{':delivery' if shown else ''}",
        horizon=env.horizon,
        fixed_length=True,
        action_names=ACTION_NAMES,
        event_names=dynamics.EVENT_NAMES,
        idle_action=STAY,
        min_return=least,
        max_return=most,
    )


def _pay(env: OvercookedV2) -> tuple[float, float]:
    """No episode pays less or more than these, however well or badly everything is placed.

    A dish takes nine interacts, three ingredients taken and put, a plate taken, dished, delivered,
    and a pot for `COOK_TIME` steps. What lies ready at a random start needs the last of them alone.
    """
    layout, horizon = env.kitchen, env.horizon
    agents, pots = len(layout.starts), len(layout.cells(POT))
    dishes = min(pots * (horizon // COOK_TIME), agents * horizon // 9)
    if env.random_starts:
        dishes += agents + pots + len(layout.counters)
    most = dynamics.DELIVERY_REWARD * dishes
    presses = agents * horizon if len(layout.cells(BUTTON)) else 0
    wrong = most if env.negative_rewards else 0.0
    return -dynamics.BUTTON_COST * presses - wrong, most
