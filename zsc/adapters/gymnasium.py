"""One seat of our games as a Gymnasium environment, with partners of a pool in the others."""

from __future__ import annotations

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.adapters.host import Host, Player
from zsc.adapters.imports import other
from zsc.agents.policy import in_turns
from zsc.agents.pool import Pool, check_home
from zsc.envs.base import Environment, check_game
from zsc.errors import UserError


def to_gymnasium(env: Environment, partners: Pool, *, seat: int | None = None) -> Any:
    """Our game as a `gymnasium.Env`: you are one agent, each episode draws the others anew.

    partners: who may sit in the other seats, each as likely. seat: yours; None draws it.
    info has "action_mask" [N], "seat", and "partners", their places in the pool. Raises UserError
    for a pool of another game, a seat that is not there, or if Gymnasium is not installed.
    """
    check_game(env)
    check_home(partners, env.spec)
    if seat is not None and not 0 <= seat < env.spec.num_agents:
        raise UserError(f"seat is {seat}: {env.spec.id} has seats 0 to {env.spec.num_agents - 1}")
    return _class()(env, partners, seat)


@cache
def _class() -> type:
    gymnasium = other("gymnasium", "gymnasium")

    class WithStrangers(gymnasium.Env):  # type: ignore[name-defined]
        """One seat of a game; strangers have the others."""

        def __init__(self, game: Environment, partners: Pool, seat: int | None) -> None:
            spec = game.spec
            self.metadata = {"render_modes": ["rgb_array"]}
            self.render_mode = "rgb_array"
            kind = np.dtype(spec.obs_dtype)
            ends = (-np.inf, np.inf) if kind.kind == "f" else tuple(
                getattr(np.iinfo(kind), end) for end in ("min", "max")
            )  # fmt: skip
            self.observation_space = gymnasium.spaces.Box(*ends, spec.obs_shape, kind)
            self.action_space = gymnasium.spaces.Discrete(spec.num_actions)
            self._host, self._partners, self._seat = Host(game), partners, seat
            self._policy = in_turns(spec, partners.policy)

        def reset(
            self, *, seed: int | None = None, options: Any = None
        ) -> tuple[np.ndarray, dict[str, Any]]:
            """A fresh game with partners drawn anew."""
            super().reset(seed=seed, options=options)
            rng, count = self.np_random, self._host.env.spec.num_agents
            drawn = int(rng.integers(count))
            self.seat = drawn if self._seat is None else self._seat
            seats = [other for other in range(count) if other != self.seat]
            self.drawn = [int(rng.integers(len(self._partners))) for _ in seats]
            self._players = [
                Player(self._policy, jax.tree.map(lambda x, p=p: x[p], self._partners.params), s)
                for p, s in zip(self.drawn, seats, strict=True)
            ]
            self._acted = jnp.full(count, -1, jnp.int32)
            shown = self._host.reset(int(rng.integers(2**31)))
            return np.asarray(shown.obs[self.seat]), self._info(shown)

        def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            """Your action, beside what the partners choose."""
            joint = {player.seat: player.act(self._host, self._acted) for player in self._players}
            joint[self.seat] = int(action)
            ordered = [joint[s] for s in range(len(joint))]
            shown = self._host.step(ordered)
            self._acted = jnp.asarray(ordered, jnp.int32)
            return (
                np.asarray(shown.obs[self.seat]),
                float(shown.reward[self.seat]),
                bool(shown.terminated),
                bool(shown.truncated),
                self._info(shown),
            )

        def render(self) -> np.ndarray:
            """A picture of the game."""
            return self._host.picture()

        def _info(self, shown: Any) -> dict[str, Any]:
            mask = np.asarray(shown.mask[self.seat]).astype(np.int8)
            return {"action_mask": mask, "seat": self.seat, "partners": tuple(self.drawn)}

    return WithStrangers
