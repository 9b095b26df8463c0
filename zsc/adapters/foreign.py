"""What games of other libraries have in common here."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.symmetry import Symmetry, trivial_symmetry
from zsc.errors import UserError
from zsc.types import Array, Key


class ForeignState(NamedTuple):
    """A state of their game, and what they keep elsewhere or not at all."""

    inner: Any
    over: Array  # [] bool, their game has ended
    time: Array  # [] int32


class ForeignGame:
    """A game of another library, for all that plays, trains and judges here.

    Subclasses say how it begins (`begun`), moves (`moved`), looks (`seen`) and what is allowed
    (`allowed`), and have a `horizon`.

    Observations are flattened to float32 and scaled by nothing. Their hidden resets are left out,
    so an episode's last state and reward are what they were, and a game that is over stands still.
    No episode is longer than the horizon: reaching it truncates, whatever ends earlier terminates.
    """

    horizon: int

    def __post_init__(self) -> None:
        settle(self)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")
        _ = self.spec  # a game that does not fit is refused here

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        raise NotImplementedError

    def begun(self, key: Key) -> Any:
        """A fresh game of theirs."""
        raise NotImplementedError

    def moved(self, key: Key, inner: Any, action: Array) -> tuple[Any, Array, Array]:
        """Their next state, what each agent is paid [A], whether it has ended []."""
        raise NotImplementedError

    def seen(self, inner: Any) -> Array:
        """[A, D] what each agent sees."""
        raise NotImplementedError

    def allowed(self, inner: Any) -> Array:
        """[A, N] bool, legal actions."""
        raise NotImplementedError

    def reset(self, key: Key) -> tuple[ForeignState, TimeStep]:
        """A fresh game."""
        # numbers that they wrote as Python's would be retraced after the first step
        typed = lambda x: jax.lax.convert_element_type(x, jnp.asarray(x).dtype)
        state = ForeignState(jax.tree.map(typed, self.begun(key)), jnp.bool_(False), jnp.int32(0))
        return state, self.show(state)

    def step(self, key: Key, state: ForeignState, action: Array) -> tuple[ForeignState, TimeStep]:
        """One step of all agents, action [A]."""
        inner, paid, done = self.moved(key, state.inner, action)
        over = state.over | (state.time >= self.horizon)
        after = ForeignState(inner, done, state.time + 1)
        stays = lambda old, new: jnp.where(over, old, jnp.asarray(new, old.dtype))
        after = jax.tree.map(stays, state, after)
        return after, self._show(after, jnp.where(over, 0.0, paid.astype(jnp.float32)))

    def show(self, state: ForeignState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(self.spec.num_agents, jnp.float32))

    def world(self, state: ForeignState) -> Array:
        """[A * D] what all agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """The identity alone: none is known."""
        spec = self.spec
        return trivial_symmetry(spec.obs_shape[0], spec.num_actions, spec.num_agents)

    def render(self, state: ForeignState) -> np.ndarray:
        """[16 A, 4 D, 3] uint8: what the agents see, as shades of grey."""
        rows = np.asarray(self.show(state).obs, np.float64)
        span = max(float(np.ptp(rows)), 1e-9)
        grey = (255 * (rows - rows.min()) / span).astype(np.uint8)
        return np.repeat(grey[..., None].repeat(16, 0).repeat(4, 1), 3, axis=2)

    def snapshot(self, state: ForeignState) -> dict[str, Any]:
        """Plain arrays: the leaves of their state by number, over [], time []."""
        leaves = {f"leaf_{i}": x for i, x in enumerate(map(_plain, jax.tree.leaves(state.inner)))}
        return {**leaves, "over": state.over, "time": state.time}

    def restore(self, snapshot: dict[str, Any]) -> ForeignState:
        """The state that a snapshot describes."""
        like = jax.eval_shape(lambda key: self.reset(key)[0].inner, jax.random.key(0))
        leaves, tree = jax.tree.flatten(like)
        given = [_as(snapshot[f"leaf_{i}"], x.dtype) for i, x in enumerate(leaves)]
        return ForeignState(
            jax.tree.unflatten(tree, given),
            jnp.asarray(snapshot["over"], bool),
            jnp.asarray(snapshot["time"], jnp.int32),
        )

    def _show(self, state: ForeignState, reward: Array) -> TimeStep:
        truncated = ~state.over & (state.time >= self.horizon)
        return TimeStep(
            obs=self.seen(state.inner),
            mask=self.allowed(state.inner) | (state.over | truncated),
            reward=reward,
            terminated=state.over,
            truncated=truncated,
            info=first_info(self.spec),
        )


def _plain(x: Array) -> Array:
    """Random keys as the numbers that they are."""
    return jax.random.key_data(x) if jnp.issubdtype(x.dtype, jax.dtypes.prng_key) else x


def _as(x: Any, dtype: Any) -> Array:
    if jnp.issubdtype(dtype, jax.dtypes.prng_key):
        return jax.random.wrap_key_data(jnp.asarray(x, jnp.uint32))
    return jnp.asarray(x, dtype)


def foreign_spec(name: str, agents: int, entries: int, actions: int, **more: Any) -> EnvSpec:
    """The sizes of a foreign game, of which nothing else is known."""
    return EnvSpec(
        id=name,
        version=1,
        num_agents=agents,
        num_actions=actions,
        obs_shape=(entries,),
        obs_dtype="float32",
        obs_scale=(1.0,) * entries,
        obs_id=f"{name.replace('/', ':')}:{entries}",
        fixed_length=False,
        action_names=tuple(f"action {i}" for i in range(actions)),
        obs_signed=True,
        obs_bounded=False,
        **more,
    )
