"""jaxmarl's games as ours, and ours as jaxmarl's (Rutherford et al. 2023, arXiv 2311.10090)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.adapters.foreign import ForeignGame, foreign_spec
from zsc.adapters.imports import other
from zsc.envs.base import Environment, EnvSpec, check_game
from zsc.errors import UserError, unknown
from zsc.types import Array, Key


@dataclass(frozen=True)
class JaxmarlGame(ForeignGame):
    """A game of jaxmarl by its name there; see `ForeignGame`.

    env: a name that `jaxmarl.make` knows.
    options: what else it is made with, pairs such as (("num_agents", 3),).
    horizon: no episode is longer; reaching it truncates, whatever ends earlier terminates.
    team_reward: False if agents are paid differently.

    All agents must have the same observations and actions.
    """

    env: str
    options: tuple[tuple[str, Any], ...] = ()
    horizon: int = 100
    team_reward: bool = True

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def begun(self, key: Key) -> Any:
        """A fresh game of theirs."""
        return _theirs(self.env, self.options).reset(key)[1]

    def moved(self, key: Key, inner: Any, action: Array) -> tuple[Any, Array, Array]:
        """Their next state, what each agent is paid [A], whether it has ended []."""
        theirs = _theirs(self.env, self.options)
        acts = {name: action[i] for i, name in enumerate(theirs.agents)}
        _, inner, paid, done, _ = theirs.step_env(key, inner, acts)
        reward = [jnp.asarray(paid[name], jnp.float32) for name in theirs.agents]
        return inner, jnp.stack(reward), jnp.asarray(done["__all__"], bool)

    def seen(self, inner: Any) -> Array:
        """[A, D] what each agent sees."""
        theirs = _theirs(self.env, self.options)
        obs = theirs.get_obs(inner)
        return jnp.stack([jnp.ravel(obs[name]).astype(jnp.float32) for name in theirs.agents])

    def allowed(self, inner: Any) -> Array:
        """[A, N] bool, legal actions; all where they name none."""
        theirs = _theirs(self.env, self.options)
        try:
            found = theirs.get_avail_actions(inner)
        except NotImplementedError:
            return jnp.ones((len(theirs.agents), self.spec.num_actions), bool)
        return jnp.stack([jnp.asarray(found[name], bool) for name in theirs.agents])


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
    return foreign_spec(
        f"jaxmarl/{env.env}",
        len(theirs.agents),
        size,
        next(iter(actions.values())),
        horizon=env.horizon,
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
