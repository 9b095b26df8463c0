"""jaxmarl's games as ours, and ours as jaxmarl's (Rutherford et al. 2023, arXiv 2311.10090)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.adapters.imports import other
from zsc.checks import settle
from zsc.envs.base import Environment, EnvSpec, TimeStep, check_game, first_info, world_of
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key


class JaxmarlState(NamedTuple):
    """A state of their game, and what they keep elsewhere or not at all."""

    inner: Any
    over: Array  # [] bool, their game has ended
    time: Array  # [] int32


@dataclass(frozen=True)
class JaxmarlGame:
    """A game of jaxmarl by its name there, for all that plays, trains and judges here.

    env: a name that `jaxmarl.make` knows.
    options: what else it is made with, pairs such as (("num_agents", 3),).
    horizon: no episode is longer; reaching it truncates, whatever ends earlier terminates.
    team_reward: False if agents are paid differently.

    All agents must have the same observations and actions. Observations are flattened to float32
    and scaled by nothing. Their hidden resets are left out, so an episode's last state and reward
    are what they were, and a game that is over stands still.
    """

    env: str
    options: tuple[tuple[str, Any], ...] = ()
    horizon: int = 100
    team_reward: bool = True

    def __post_init__(self) -> None:
        settle(self)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        _ = self.spec  # a game that does not fit is refused here

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[JaxmarlState, TimeStep]:
        """A fresh game."""
        _, inner = _theirs(self.env, self.options).reset(key)
        # numbers that they wrote as Python's would be retraced after the first step
        inner = jax.tree.map(lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype), inner)
        state = JaxmarlState(inner, jnp.bool_(False), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: JaxmarlState, action: Array) -> tuple[JaxmarlState, TimeStep]:
        """One step of all agents, action [A]."""
        theirs = _theirs(self.env, self.options)
        acts = {name: action[i] for i, name in enumerate(theirs.agents)}
        _, inner, paid, done, _ = theirs.step_env(key, state.inner, acts)
        over = state.over | (state.time >= self.horizon)
        moved = JaxmarlState(inner, jnp.asarray(done["__all__"], bool), state.time + 1)
        moved = jax.tree.map(
            lambda old, new: jnp.where(over, old, jnp.asarray(new, old.dtype)),
            state,
            moved,
        )
        reward = jnp.stack([jnp.asarray(paid[name], jnp.float32) for name in theirs.agents])
        return moved, self._show(moved, jnp.where(over, 0.0, reward))

    def show(self, state: JaxmarlState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(self.spec.num_agents, jnp.float32))

    def world(self, state: JaxmarlState) -> Array:
        """[A * entries] what all agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """The identity alone: none is known."""
        spec = self.spec
        return trivial_symmetry(spec.obs_shape[0], spec.num_actions, spec.num_agents)

    def render(self, state: JaxmarlState) -> np.ndarray:
        """[A, entries, 3] uint8: what the agents see, as shades of grey."""
        rows = np.asarray(self.show(state).obs, np.float64)
        span = max(float(np.ptp(rows)), 1e-9)
        grey = (255 * (rows - rows.min()) / span).astype(np.uint8)
        return np.repeat(grey[..., None].repeat(16, 0).repeat(4, 1), 3, axis=2)

    def snapshot(self, state: JaxmarlState) -> dict[str, Any]:
        """Plain arrays: the leaves of their state by number, over [], time []."""
        leaves = {f"leaf_{i}": x for i, x in enumerate(jax.tree.leaves(state.inner))}
        return {**leaves, "over": state.over, "time": state.time}

    def restore(self, snapshot: dict[str, Any]) -> JaxmarlState:
        """The state that a snapshot describes."""
        like = jax.eval_shape(lambda key: self.reset(key)[0].inner, jax.random.key(0))
        leaves, tree = jax.tree.flatten(like)
        given = [jnp.asarray(snapshot[f"leaf_{i}"], x.dtype) for i, x in enumerate(leaves)]
        return JaxmarlState(
            jax.tree.unflatten(tree, given),
            jnp.asarray(snapshot["over"], bool),
            jnp.asarray(snapshot["time"], jnp.int32),
        )

    def _show(self, state: JaxmarlState, reward: Array) -> TimeStep:
        theirs = _theirs(self.env, self.options)
        seen = theirs.get_obs(state.inner)
        obs = [jnp.ravel(seen[name]).astype(jnp.float32) for name in theirs.agents]
        truncated = ~state.over & (state.time >= self.horizon)
        return TimeStep(
            obs=jnp.stack(obs),
            mask=self._mask(state.inner) | (state.over | truncated),
            reward=reward,
            terminated=state.over,
            truncated=truncated,
            info=first_info(self.spec),
        )

    def _mask(self, inner: Any) -> Array:
        theirs = _theirs(self.env, self.options)
        shape = (len(theirs.agents), self.spec.num_actions)
        try:
            allowed = theirs.get_avail_actions(inner)
        except NotImplementedError:
            return jnp.ones(shape, bool)
        return jnp.stack([jnp.asarray(allowed[name], bool) for name in theirs.agents])


@cache
def _theirs(name: str, options: tuple[tuple[str, Any], ...]) -> Any:
    jaxmarl = other("jaxmarl", "jaxmarl")
    known = list(jaxmarl.registered_envs)
    if name not in known:
        raise unknown("jaxmarl environment", name, known)
    return jaxmarl.make(name, **dict(options))


@cache
def _spec(env: JaxmarlGame) -> EnvSpec:
    theirs = _theirs(env.env, env.options)
    seen = jax.eval_shape(lambda key: theirs.reset(key)[0], jax.random.key(0))
    sizes, actions = {}, {}
    for name in theirs.agents:
        if not hasattr(seen[name], "shape"):
            raise UserError(f"{env.env}: what {name} sees is no single array, it cannot be adapted")
        sizes[name] = int(np.prod(seen[name].shape))
        space = theirs.action_space(name)
        if not hasattr(space, "n"):
            raise UserError(f"{env.env}: the actions of {name} are not discrete, and have to be")
        actions[name] = int(space.n)
    for what, per_agent in (("entries are seen", sizes), ("actions", actions)):
        if len(set(per_agent.values())) > 1:
            told = ", ".join(f"{n} {v}" for n, v in per_agent.items())
            raise UserError(
                f"{env.env}: agents differ in how many {what} ({told}): only games whose agents "
                "are alike can be adapted"
            )
    size = next(iter(sizes.values()))
    return EnvSpec(
        id=f"jaxmarl/{env.env}",
        version=1,
        num_agents=len(theirs.agents),
        num_actions=next(iter(actions.values())),
        obs_shape=(size,),
        obs_dtype="float32",
        obs_scale=(1.0,) * size,
        obs_id=f"jaxmarl:{env.env}:{size}",
        horizon=env.horizon,
        fixed_length=False,
        action_names=tuple(f"action {i}" for i in range(next(iter(actions.values())))),
        obs_signed=True,
        obs_bounded=False,
        team_reward=env.team_reward,
    )


def to_jaxmarl(env: Environment) -> Any:
    """Our game as a `jaxmarl.environments.MultiAgentEnv`: dicts of agents, games dealt anew.

    `step_env` is a step without the reset, `step` one with it. `infos` holds what ours has, and
    "truncated". Raises UserError if jaxmarl is not installed.
    """
    check_game(env)
    return _jaxmarl_class()(env)


@cache
def _jaxmarl_class() -> type:
    base = other("jaxmarl.environments.multi_agent_env", "jaxmarl").MultiAgentEnv
    spaces = other("jaxmarl.environments.spaces", "jaxmarl")

    class FromZsc(base):  # type: ignore[misc, valid-type]
        """One of our games in the form of jaxmarl."""

        def __init__(self, game: Environment) -> None:
            super().__init__(num_agents=game.spec.num_agents)
            self.game = game
            spec = game.spec
            low = -jnp.inf if spec.obs_signed else 0.0
            box = spaces.Box(low, jnp.inf, spec.obs_shape, jnp.dtype(spec.obs_dtype))
            self.observation_spaces = dict.fromkeys(self.agents, box)
            self.action_spaces = dict.fromkeys(self.agents, spaces.Discrete(spec.num_actions))

        @property
        def name(self) -> str:
            """The game's id."""
            return self.game.spec.id

        @property
        def agent_classes(self) -> dict[str, list[str]]:
            """All are of one class."""
            return {"agent": self.agents}

        def reset(self, key: Key) -> tuple[dict[str, Array], Any]:
            """A fresh game."""
            state, shown = self.game.reset(key)
            return self._by_name(shown.obs), state

        def step_env(self, key: Key, state: Any, actions: dict[str, Array]) -> tuple[Any, ...]:
            """A step without a reset."""
            action = jnp.stack([actions[name] for name in self.agents])
            state, shown = self.game.step(key, state, action)
            done = dict.fromkeys([*self.agents, "__all__"], shown.done)
            info = {**shown.info, "truncated": shown.truncated}
            return self._by_name(shown.obs), state, self._by_name(shown.reward), done, info

        def get_obs(self, state: Any) -> dict[str, Array]:
            """What the agents see in a state."""
            return self._by_name(self.game.show(state).obs)

        def get_avail_actions(self, state: Any) -> dict[str, Array]:
            """What the agents may do in a state."""
            return self._by_name(self.game.show(state).mask)

        def observation_space(self, agent: str) -> Any:
            """What an agent sees."""
            return self.observation_spaces[agent]

        def action_space(self, agent: str) -> Any:
            """What an agent can do."""
            return self.action_spaces[agent]

        def _by_name(self, per_agent: Array) -> dict[str, Array]:
            return {name: per_agent[i] for i, name in enumerate(self.agents)}

    return FromZsc
