"""Level-based foraging as an environment: rules, starts, encodings and symmetries put together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.lbf import dynamics, observation, render, start
from zsc.envs.lbf.state import NOOP, State, restore, snapshot
from zsc.envs.lbf.symmetry import foraging_symmetry
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ACTION_NAMES = ("noop", "north", "south", "west", "east", "load")
RULES, STARTS, PAYS = ("jumanji", "original"), ("uniform", "jumanji"), ("shares", "team")
BLAMED = ("loaders", "everyone")
_MOST_SIZE, _MOST_LEVEL = 60, 20  # what positions and levels of a byte have room for

#: Settings of the literature by the names that it has for them; a sight in front where agents do
#: not see all. Here every food needs all hands unless told otherwise ("-coop" in lbforaging's ids).
VARIANTS: Mapping[str, Mapping[str, Any]] = {
    # two agents: ROTATE (arXiv 2505.23686), BRDiv and L-BRDiv (arXiv 2308.09595)
    "5x5-2p-1f": {"size": 5, "view": 5, "players": 2, "foods": 1},
    "7x7-2p-3f": {"size": 7, "view": 7, "players": 2, "foods": 3},
    "8x8-2p-2f": {"size": 8, "view": 8, "players": 2, "foods": 2},
    "8x8-2p-3f": {"size": 8, "view": 8, "players": 2, "foods": 3},
    "12x12-2p-6f": {"size": 12, "view": 12, "players": 2, "foods": 6},
    "12x12-2p-6f-2solo": {"size": 12, "view": 12, "players": 2, "foods": 6, "solo": 2},
    "2s-8x8-2p-2f": {"size": 8, "view": 2, "players": 2, "foods": 2},
    # more of them: Papoudakis et al. 2021 (arXiv 2006.07869), and Mava's scenarios
    "10x10-3p-3f": {"size": 10, "view": 10, "players": 3, "foods": 3},
    "2s-10x10-3p-3f": {"size": 10, "view": 2, "players": 3, "foods": 3},
    "15x15-3p-5f": {"size": 15, "view": 15, "players": 3, "foods": 5},
    "15x15-4p-3f": {"size": 15, "view": 15, "players": 4, "foods": 3},
    "15x15-4p-5f": {"size": 15, "view": 15, "players": 4, "foods": 5},
}


@dataclass(frozen=True)
class Foraging:
    """Agents of different levels eat foods that need levels enough beside them, loading at once.

    size: rows and columns. view: how far an agent sees, each way. players, foods: how many.
    cooperate: every food needs what the three weakest agents lift together; else its level is drawn
        from 1 to that. solo: so many foods can be eaten alone even so: their levels are those of
        agents. max_level: agents' levels are drawn from 1 to this.
    penalty: what an agent pays that loads beside a food in vain. blame="everyone" takes it from
        all agents for each such food, over what rewards are divided by, as jumanji's engine does.
    normalize: a cleared game pays 1, all agents together; else levels of agents times those of
        foods. pay="shares": each agent earns its part, and the team's return is their sum;
        "team": everyone is paid that sum.
    horizon: steps per episode; the time limit truncates, eating everything terminates.
    encoding: "vector", "grid" or "centred", see `zsc.envs.lbf.observation`.
    rules: "jumanji" or "original", see `zsc.envs.lbf.dynamics`.
    start: "uniform", or "jumanji": that engine's own, which puts no agent in a row whose number is
        a row or column of any food.
    """

    size: int = 8
    view: int = 8
    players: int = 2
    foods: int = 2
    cooperate: bool = True
    penalty: float = 0.0
    normalize: bool = True
    horizon: int = 100
    encoding: str = "vector"
    rules: str = "jumanji"
    start: str = "uniform"
    max_level: int = 2
    solo: int = 0
    blame: str = "loaders"
    pay: str = "shares"

    def __post_init__(self) -> None:
        settle(self)
        _check(self)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    @property
    def original(self) -> bool:
        """True for the rules of lbforaging."""
        return self.rules == "original"

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A fresh game."""
        sizes: dict[str, Any] = {
            name: getattr(self, name) for name in ("size", "players", "foods", "max_level")
        }
        if self.start == "jumanji":
            state = start.jumanji_start(key, **sizes, cooperate=self.cooperate)
        else:
            sizes |= {"cooperate": self.cooperate, "solo": self.solo, "original": self.original}
            state = start.uniform_start(key, **sizes)
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of all agents, action [A]. Nothing is random."""
        del key
        over = self._eaten(state) | (state.time >= self.horizon)
        moved, outcome = dynamics.step(
            self.size,
            self.original,
            state,
            action,
            normalize=self.normalize,
            penalty=self.penalty,
            everyone=self.blame == "everyone",
        )
        moved = moved._replace(time=state.time + 1)
        moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
        earned = outcome.shares if self.pay == "shares" else outcome.shares.sum()
        reward = jnp.where(over, 0.0, jnp.broadcast_to(earned, self.players))
        return moved, self._show(moved, reward, outcome.events & ~over)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        info = first_info(self.spec)
        return self._show(state, info["shaped"], info["events"])

    def observe(self, state: State) -> Array:
        """[A, ...] what all agents see in a state."""
        if self.encoding == "grid":
            return observation.grid(self.size, self.view, self.original, state)
        if self.encoding == "centred":
            return observation.centred(self.size, self.view, state)
        if self.original:
            return observation.original_vector(self.size, self.view, state)
        return observation.vector(self.view, state)

    def encoded(self, obs_id: str) -> Foraging:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        return replace(self, encoding=obs_id.split(":")[0])

    def world(self, state: State) -> Array:
        """[A * entries] what all agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """Rotations, mirror images, names of foods and teammates, as far as the encoding shows
        them the same."""
        listed = self.original and self.encoding == "vector"
        return foraging_symmetry(
            self.size, self.view, self.players, self.foods, self.encoding, listed
        )

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture: agents and foods with their levels, loading agents ringed."""
        return render.draw(self.size, state)

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays: pos [A, 2] (row, column), level [A], loading [A], food_pos [F, 2],
        food_level [F], food_eaten [F], time []."""
        return snapshot(state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state that a snapshot describes; any state can be injected."""
        return restore(snapshot)

    def _eaten(self, state: State) -> Array:
        return state.food_eaten.all()

    def _show(self, state: State, reward: Array, events: Array) -> TimeStep:
        terminated = self._eaten(state)
        truncated = ~terminated & (state.time >= self.horizon)
        legal = dynamics.legal_actions(self.size, self.original, state)
        return TimeStep(
            obs=self.observe(state),
            mask=legal | terminated | truncated,
            reward=reward,
            terminated=terminated,
            truncated=truncated,
            info={"shaped": jnp.zeros(self.players, jnp.float32), "events": events},
        )


def _check(env: Foraging) -> None:
    """Raise UserError for settings that are no game."""
    for name, allowed in (
        ("encoding", observation.ENCODINGS),
        ("rules", RULES),
        ("start", STARTS),
        ("pay", PAYS),
        ("blame", BLAMED),
    ):
        if getattr(env, name) not in allowed:
            raise unknown(name, getattr(env, name), allowed)
    ranges = {"size": (5, _MOST_SIZE), "players": (1, 9), "foods": (1, 99), "horizon": (1, 10**9)}
    ranges |= {"view": (1, env.size), "max_level": (1, _MOST_LEVEL), "solo": (0, env.foods)}
    for name, (least, most) in ranges.items():
        if not least <= getattr(env, name) <= most:
            raise UserError(f"{name} is {getattr(env, name)}: give {least} to {most}")
    if not 0 <= env.penalty < np.inf:
        raise UserError(f"penalty is {env.penalty}: give what a failed load costs, from 0 on")
    if (env.size - 2) ** 2 - env.players <= 5 * env.foods and not env.original:
        raise UserError(
            f"{env.foods} foods find no room on {env.size}x{env.size}: none may lie beside another "
            "or at the border, take fewer or a larger grid"
        )
    if (env.size - 2) ** 2 <= env.players:
        raise UserError(f"{env.players} players leave no room for food on {env.size}x{env.size}")
    if env.start == "jumanji" and env.original:
        raise UserError('start="jumanji" goes with rules="jumanji": leave it out')
    if env.solo and (not env.cooperate or env.start == "jumanji"):
        raise UserError(
            f'solo is {env.solo}: it goes with cooperate=True and start="uniform", where all other '
            "foods need everyone"
        )


@cache
def _spec(env: Foraging) -> EnvSpec:
    least, most = _returns(env)
    sizes = f"{env.size}x{env.size}-{env.players}p-{env.foods}f"
    shape, scale = _shape(env)
    # a window shows no slots: it means the same whatever the numbers of agents and foods
    listed = "" if env.encoding == "grid" else f"{sizes}:"
    return EnvSpec(
        id=f"lbf/{_name(env, sizes)}",
        version=1,
        num_agents=env.players,
        num_actions=len(ACTION_NAMES),
        obs_shape=shape,
        obs_dtype="int8",
        obs_scale=scale,
        obs_id=f"{env.encoding}:lbf:{listed}{env.view}:{env.rules}",
        horizon=env.horizon,
        fixed_length=False,
        action_names=ACTION_NAMES,
        event_names=dynamics.EVENT_NAMES,
        idle_action=NOOP,
        obs_signed=env.encoding != "grid",
        team_reward=env.pay == "team",
        shares=env.pay == "shares",
        min_return=least,
        max_return=most,
    )


def _shape(env: Foraging) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The shape of one agent's observation, and magnitudes along its last axis."""
    if env.encoding == "grid":
        scale = observation.grid_scale(env.players, env.max_level)
        return (2 * env.view + 1, 2 * env.view + 1, len(scale)), tuple(scale)
    furthest = env.size - 1
    if env.encoding == "vector":
        furthest = min(furthest, 2 * env.view)
    listed = observation.list_scale(furthest, env.players, env.foods, env.max_level)
    return (len(listed),), tuple(listed)


def _name(env: Foraging, sizes: str) -> str:
    """What tells one game from another: "2s-8x8-2p-2f", "12x12-2p-6f-2solo", "8x8-2p-2f-any"."""
    sight = f"{env.view}s-" if env.view < env.size - 1 else ""
    levels = "" if env.cooperate else "-any"
    solo = f"-{env.solo}solo" if env.solo else ""
    rules = "-original" if env.original else ""
    return f"{sight}{sizes}{levels}{solo}{rules}"


def _returns(env: Foraging) -> tuple[float, float]:
    """The least and the most that a team can earn.

    At most four loaders have a food between them, of any level up to `most_food`; as many foods as
    an agent is beside, four, can be failed at once.
    """
    most = 1.0
    if not env.normalize:
        lifted = env.max_level * min(env.players, 4)
        most = env.foods * observation.most_food(env.players, env.max_level) * float(lifted)
    failed = min(env.foods, 4 * env.players if env.blame == "everyone" else 4)
    return 0.0 - env.horizon * env.players * failed * env.penalty, most
