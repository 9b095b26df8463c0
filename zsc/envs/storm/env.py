"""STORM for two as an environment: rules, draws, encodings and symmetries put together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.storm import draws as chance
from zsc.envs.storm import dynamics, observation, render
from zsc.envs.storm.fields import PAYOFFS, Field, Payoffs, field
from zsc.envs.storm.state import STAY, State, restore, snapshot
from zsc.envs.storm.symmetry import storm_symmetry
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ACTION_NAMES = ("left", "right", "forward", "interact", "stay")

#: Every pay-off on both fields: "stag_hunt", "stag_hunt-5x5".
VARIANTS: dict[str, dict[str, Any]] = {
    f"{name}{suffix}": {"payoffs": payoffs, "size": size}
    for size, suffix in ((8, ""), (5, "-5x5"))
    for name, payoffs in PAYOFFS.items()
}


@dataclass(frozen=True)
class Storm:
    """Two agents collect coins of two colours and play a matrix game with them when they meet.

    payoffs: what red and blue are paid, ((red's rows), (blue's rows)), rows by red's colour and
        columns by blue's, a red coin first. Whoever holds both colours plays the mixture.
    size: 8, the reference's field, or 5, with two coins of each colour.
    horizon: steps per episode; 0 for the field's own, 152 or 20. The time limit truncates.
    freeze: steps that both stand still after an interaction; after the last one they start anew.
    shuffled: which home has which colour is drawn for each episode.
    encoding: "vector" or "grid", see `zsc.envs.storm.observation`.
    reference: as jaxmarl 0.2.0 has it, from the same keys: nobody starts in direction 3, starts lie
        on coins too (which then cover the agents), the last step shows the next game's first state
        and pays nothing.

    Each agent is paid for itself: reward [2] is red's and blue's.
    """

    payoffs: Payoffs = PAYOFFS["prisoners_dilemma"]
    size: int = 8
    horizon: int = 0
    freeze: int = 5
    shuffled: bool = False
    encoding: str = "vector"
    reference: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "payoffs", _as_payoffs(self.payoffs))
        settle(self)
        own = field(self.size).horizon
        object.__setattr__(self, "horizon", self.horizon or own)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: give steps of an episode, 0 for {own}")
        if not 1 <= self.freeze <= 100:
            raise UserError(f"freeze is {self.freeze}: give 1 to 100 steps")
        if self.encoding not in observation.ENCODINGS:
            raise unknown("encoding", self.encoding, observation.ENCODINGS)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    @property
    def field(self) -> Field:
        """Where it is played."""
        return field(self.size)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh game."""
        if self.reference:
            state = dynamics.fresh(*chance.reference_reset(self.field, key, self.shuffled))
            return state, self.show(state)
        homes = jnp.asarray(self.field.homes)
        if self.shuffled:
            homes = chance.draw_homes(self.field, jax.random.fold_in(key, 1))
        state = dynamics.fresh(chance.draw_spawn(self.field, key), homes)
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of both agents, action [2]."""
        moved, shown = self.advance(state, action, self.draw(key))
        if not self.reference:
            return moved, shown
        # its last step pays nothing and shows the next game, whose first state is kept here
        new, first = self.reset(key)
        ends = shown.truncated & (state.time < self.horizon)
        pick = lambda then, old: jnp.where(ends, then, old)
        moved = jax.tree.map(pick, new._replace(time=moved.time), moved)
        reward = jnp.where(ends, 0.0, shown.reward)
        return moved, shown._replace(obs=pick(first.obs, shown.obs), reward=reward)

    def draw(self, key: Key) -> dynamics.Draws:
        """All that is random in a step."""
        if self.reference:
            return chance.reference_step(self.field, key)
        return chance.draw_step(self.field, key)

    def advance(self, state: State, action: Array, draws: dynamics.Draws) -> tuple[State, TimeStep]:
        """A step without randomness: the draws say who wins a race and where both start anew."""
        over = state.time >= self.horizon
        payoffs = np.array(self.payoffs)
        moved, outcome = dynamics.step(self.size, payoffs, self.freeze, state, action, draws)
        moved = moved._replace(time=state.time + 1)
        moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
        reward = jnp.where(over, 0.0, outcome.reward)
        return moved, self._show(moved, reward, outcome.events & ~over)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(2, jnp.float32), first_info(self.spec)["events"])

    def observe(self, state: State) -> Array:
        """[2, ...] what both see in a state."""
        encode = observation.grid if self.encoding == "grid" else observation.vector
        return encode(self.size, state)

    def encoded(self, obs_id: str) -> Storm:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        return replace(self, encoding=obs_id.split(":")[0])

    def world(self, state: State) -> Array:
        """[A * entries] what both agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """Colours or seats that change places, where the pay-offs allow it; none of the
        reference's, since directions are not drawn alike."""
        size = int(np.prod(self.spec.obs_shape))
        if self.reference:
            return trivial_symmetry(size, len(ACTION_NAMES), 2)
        return storm_symmetry(self.size, self.payoffs, self.encoding, len(ACTION_NAMES))

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture: agents with their view, coins, beams, what both hold."""
        return render.draw(self.size, state)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays in the reference's codes: red_pos, blue_pos [3] (a, b, direction),
        red_inventory, blue_inventory [2], red_coins, blue_coins [C, 2], freeze [], grid [H, W],
        time []."""
        return snapshot(self.size, state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes. Of the grid the coins at home and the lit cells
        count."""
        return restore(self.size, snapshot)

    def _show(self, state: State, reward: Array, events: Array) -> TimeStep:
        truncated = state.time >= self.horizon
        return TimeStep(
            obs=self.observe(state),
            mask=jnp.ones((2, len(ACTION_NAMES)), bool),
            reward=reward,
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info={"shaped": jnp.zeros(2, jnp.float32), "events": events},
        )


def _as_payoffs(given: Any) -> Payoffs:
    """Two matrices of two by two as nested tuples. Raises UserError for anything else."""
    try:
        matrix = np.array(given, float)
    except (TypeError, ValueError):
        matrix = np.zeros(0)
    if matrix.shape != (2, 2, 2) or not np.isfinite(matrix).all():
        raise UserError(
            "payoffs are red's and blue's matrix of 2 x 2 numbers, rows by red's colour: give "
            f"e.g. {PAYOFFS['coordination']}"
        )
    (a, b), (c, d) = matrix[0].tolist()
    (e, f), (g, h) = matrix[1].tolist()
    return ((a, b), (c, d)), ((e, f), (g, h))


@cache
def _spec(env: Storm) -> EnvSpec:
    coins = env.field.homes.shape[1]
    held = observation.held_scale(coins)
    window = (1,) * observation.CHANNELS
    row = (*held, *(0,) * (observation.CHANNELS - len(held)))  # zeros: never anything else
    grid = env.encoding == "grid"
    # a coin has to be collected first; then both stand still, and collect again
    meetings = max(0, env.horizon - 1) // (env.freeze + 1) + 1
    return EnvSpec(
        id=_id(env),
        version=1,
        num_agents=2,
        num_actions=len(ACTION_NAMES),
        obs_shape=(5, 5, 16) if grid else (observation.CELLS * len(window) + len(row),),
        obs_dtype="int8",
        obs_scale=(*window, *held) if grid else (*window * observation.CELLS, *row),
        obs_id=f"{env.encoding}:storm:{env.size}",
        horizon=env.horizon,
        fixed_length=True,
        action_names=ACTION_NAMES,
        event_names=dynamics.EVENT_NAMES,
        idle_action=STAY,
        team_reward=False,
        min_return=min(0.0, *np.ravel(env.payoffs).tolist()) * meetings,
        max_return=max(0.0, *np.ravel(env.payoffs).tolist()) * meetings,
    )


def _id(env: Storm) -> str:
    """The variant that has these settings; "storm/own" for pay-offs without a name."""
    named = [name for name, payoffs in PAYOFFS.items() if payoffs == env.payoffs]
    return f"storm/{named[0] if named else 'own'}{'' if env.size == 8 else '-5x5'}"
