"""Our games in the forms of PettingZoo (Terry et al. 2021): all at once, or agent by agent."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from zsc.adapters.host import Host
from zsc.adapters.imports import other
from zsc.envs.base import Environment, check_game


def to_pettingzoo(env: Environment) -> Any:
    """Our game as a `pettingzoo.ParallelEnv`.

    Agents are called "agent_0", ...; infos hold "action_mask" [N] and, after a step, "events" [F].
    A seed decides a whole game. Raises UserError if PettingZoo is not installed.
    """
    check_game(env)
    return _parallel_class()(env)


def to_aec(env: Environment) -> Any:
    """Our game as a `pettingzoo.AECEnv`: agents act one after the other, all see the same step."""
    conversions = other("pettingzoo.utils.conversions", "pettingzoo")
    return conversions.parallel_to_aec(to_pettingzoo(env))


@cache
def _parallel_class() -> type:
    base = other("pettingzoo", "pettingzoo").ParallelEnv
    spaces = other("gymnasium.spaces", "gymnasium")

    class FromZsc(base):  # type: ignore[misc, valid-type]
        """One of our games in the form of PettingZoo."""

        def __init__(self, game: Environment) -> None:
            spec = game.spec
            self.metadata = {"name": spec.id, "render_modes": ["rgb_array"]}
            self.render_mode = "rgb_array"
            self.possible_agents = [f"agent_{i}" for i in range(spec.num_agents)]
            self.agents: list[str] = []
            self._host = Host(game)
            low = -np.inf if spec.obs_signed else 0
            kind = np.dtype(spec.obs_dtype)
            high = np.inf if kind.kind == "f" else np.iinfo(kind).max
            low = low if kind.kind == "f" else np.iinfo(kind).min
            self._seen = spaces.Box(low, high, spec.obs_shape, kind)
            self._done = spaces.Discrete(spec.num_actions)

        def observation_space(self, agent: str) -> Any:
            """What an agent sees."""
            del agent
            return self._seen

        def action_space(self, agent: str) -> Any:
            """What an agent can do."""
            del agent
            return self._done

        def reset(
            self, seed: int | None = None, options: Any = None
        ) -> tuple[dict[str, Any], dict[str, Any]]:
            """A fresh game; without a seed the next one after the last."""
            del options
            shown = self._host.reset(seed)
            self.agents = list(self.possible_agents)
            return self._by_name(shown.obs), self._infos(shown)

        def step(self, actions: dict[str, int]) -> tuple[dict[str, Any], ...]:
            """One step of all agents."""
            shown = self._host.step([int(actions[name]) for name in self.possible_agents])
            ended, cut = bool(shown.terminated), bool(shown.truncated)
            names = self.possible_agents
            if ended or cut:
                self.agents = []
            return (
                self._by_name(shown.obs),
                {name: float(shown.reward[i]) for i, name in enumerate(names)},
                dict.fromkeys(names, ended),
                dict.fromkeys(names, cut),
                self._infos(shown),
            )

        def render(self) -> np.ndarray:
            """A picture of the game."""
            return self._host.picture()

        def close(self) -> None:
            """Nothing is open."""

        def _by_name(self, per_agent: Any) -> dict[str, Any]:
            return {name: np.asarray(per_agent[i]) for i, name in enumerate(self.possible_agents)}

        def _infos(self, shown: Any) -> dict[str, dict[str, Any]]:
            masks = np.asarray(shown.mask).astype(np.int8)
            events = np.asarray(shown.info["events"])
            return {
                name: {"action_mask": masks[i], "events": events[i]}
                for i, name in enumerate(self.possible_agents)
            }

    return FromZsc
