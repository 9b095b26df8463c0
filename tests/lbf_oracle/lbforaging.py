"""Games of lbforaging's engine, written down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium
import numpy as np
from lbforaging.foraging.environment import Action, ForagingEnv

from tests.replays import Games
from zsc.envs.lbf import Foraging
from zsc.envs.lbf.state import LOAD

WAYS = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1], [0, 0]])


class Reference(ForagingEnv):
    """Their game with a space for windows: theirs says another shape, which gymnasium refuses."""

    def _get_observation_space(self) -> Any:
        if not self._grid_observation:
            return super()._get_observation_space()
        width = 2 * self.sight + 1
        return gymnasium.spaces.Box(0.0, 100.0, (3, width, width), np.float32)


def reference(env: Foraging) -> ForagingEnv:
    """Their game with our settings."""
    return Reference(
        players=env.players,
        min_player_level=1,
        max_player_level=env.max_level,
        min_food_level=1,
        max_food_level=None,
        field_size=(env.size, env.size),
        max_num_food=env.foods,
        sight=env.view,
        max_episode_steps=env.horizon,
        force_coop=env.cooperate,
        normalize_reward=env.normalize,
        grid_observation=env.encoding == "grid",
        penalty=env.penalty,
    )


def play(env: Foraging, count: int, seed: int) -> Games:
    """So many games of `seek`, padded to the horizon by their last state."""
    theirs, rng = reference(env), np.random.default_rng(seed)
    theirs.reset(seed=seed)
    games = [_game(env, theirs, rng) for _ in range(count)]
    stack = lambda rows: {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return Games(
        states=stack([states for states, *_ in games]),
        actions=np.stack([actions for _, actions, *_ in games]),
        shown=stack([shown for *_, shown, _ in games]),
        paid=stack([paid for *_, paid in games]),
    )


def _game(env: Foraging, theirs: ForagingEnv, rng: np.random.Generator) -> tuple[Any, ...]:
    obs, _ = theirs.reset()
    foods = np.argwhere(theirs.field)  # their slots are ours; some may have found no room
    states, shown = [_snapshot(env, theirs, foods, None)], [_shown(env, theirs, obs)]
    actions, paid = [], []
    for time in range(env.horizon):
        action = seek(theirs, rng)
        actions.append(action)
        legal = [Action(a) in theirs._valid_actions[p]
                 for p, a in zip(theirs.players, action.tolist(), strict=True)]  # fmt: skip
        obs, reward, done, _, _ = theirs.step(action.tolist())
        states.append(_snapshot(env, theirs, foods, (action == LOAD) & legal, states[0]))
        shown.append(_shown(env, theirs, obs))
        eaten = theirs.field.sum() == 0
        paid.append({"reward": np.array(reward, np.float32), "terminated": eaten,
                     "truncated": done and not eaten})  # fmt: skip
        if done:
            rest = env.horizon - time - 1
            states, shown, paid, actions = (
                x + x[-1:] * rest for x in (states, shown, paid, actions)
            )
            break
    over_time = lambda rows: {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    return over_time(states), np.stack(actions), over_time(shown), over_time(paid)


def _snapshot(
    env: Foraging,
    theirs: ForagingEnv,
    foods: np.ndarray,
    loading: np.ndarray | None,
    first: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Their state by the names of our snapshot; levels of foods are those of the first one."""
    none = env.foods - len(foods)
    at = theirs.field[foods[:, 0], foods[:, 1]]
    level = np.concatenate([at, np.zeros(none, int)]) if first is None else first["food_level"]
    return {
        "pos": np.array([player.position for player in theirs.players]),
        "level": np.array([player.level for player in theirs.players]),
        "loading": np.zeros(env.players, bool) if loading is None else loading,
        "food_pos": np.concatenate([foods, np.zeros((none, 2), int)]),
        "food_level": level,
        "food_eaten": np.concatenate([at == 0, np.ones(none, bool)]),
        "time": np.array(theirs.current_step),
    }


def _shown(env: Foraging, theirs: ForagingEnv, obs: Sequence[np.ndarray]) -> dict[str, Any]:
    seen = np.stack(obs)
    legal = [[a in theirs._valid_actions[player] for a in Action] for player in theirs.players]
    return {
        "obs": np.moveaxis(seen, -3, -1) if env.encoding == "grid" else seen,
        "mask": np.array(legal),
    }


def seek(theirs: ForagingEnv, rng: np.random.Generator) -> np.ndarray:
    """[A] actions: half of them towards the nearest food or loading it, the rest any of the six."""
    foods = np.argwhere(theirs.field)
    actions = rng.integers(0, 6, len(theirs.players))
    for i, player in enumerate(theirs.players):
        if rng.random() < 0.5 and len(foods):
            after = np.array(player.position) + WAYS[:LOAD]
            far = np.abs(after[:, None] - foods).sum(-1).min(1)
            actions[i] = LOAD if far[0] == 1 else np.argmin(far + rng.random(LOAD))
    return actions
