"""Particle worlds as environments."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info, world_of
from zsc.envs.mpe.physics import advance
from zsc.envs.mpe.scenes import MOVES, SCENES, ParticleState, Scene
from zsc.envs.mpe.symmetry import num_actions, own_actions, symmetry_of
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

_MOVES = ("none", "left", "right", "down", "up")
_COLOURS = ((37, 99, 176), (201, 80, 37), (70, 140, 90))


@dataclass(frozen=True)
class Particles:
    """Agents on a plane who push themselves around, and may talk.

    scene: "spread", "reference", "speaker_listener" or "rendezvous", see `zsc.envs.mpe.scenes`.
    horizon: steps per episode, None for the scene's own; the time limit truncates.

    Actions are moves, words, or pairs of both: 5 * word + move. The seat with fewer has the rest
    masked, and its observation is padded with zeros. jaxmarl's episodes are a step longer.
    """

    scene: str = "spread"
    horizon: int | None = None

    def __post_init__(self) -> None:
        settle(self)
        if self.scene not in SCENES:
            raise unknown("particle world", self.scene, SCENES)
        if self.horizon is not None and self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")

    @property
    def rules(self) -> Scene:
        """What this world is."""
        return SCENES[self.scene]

    @property
    def steps(self) -> int:
        """Steps per episode."""
        return self.horizon or self.rules.horizon

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[ParticleState, TimeStep]:
        """A fresh world: places and goals are drawn, unless the scene fixes them."""
        rules = self.rules
        place, goal_key = jax.random.split(key)
        count = rules.agents + rules.landmarks
        points = jax.random.uniform(place, (count, 2), minval=-1.0, maxval=1.0)
        if rules.fixed:
            points = jnp.asarray(rules.fixed, jnp.float32)
        goal = jax.random.randint(goal_key, (rules.agents,), 0, rules.landmarks, jnp.int32)
        if rules.goals == "shared":
            goal = jnp.broadcast_to(goal[0], rules.agents)
        elif rules.goals == "none":
            goal = jnp.full(rules.agents, -1, jnp.int32)
        state = ParticleState(
            pos=points[: rules.agents],
            vel=jnp.zeros((rules.agents, 2)),
            landmark=points[rules.agents :],
            goal=goal,
            said=jnp.full(rules.agents, -1, jnp.int32),
            time=jnp.int32(0),
        )
        return state, self.show(state)

    def step(self, key: Key, state: ParticleState, action: Array) -> tuple[ParticleState, TimeStep]:
        """One step of all agents, action [A]. Nothing is random."""
        del key
        rules, over = self.rules, state.time >= self.steps
        walks = jnp.asarray(rules.moves)
        both = walks & jnp.asarray(rules.speaks) if rules.symbols else jnp.zeros_like(walks)
        move = jnp.where(walks, action % MOVES, 0)
        pos, vel = advance(state.pos, state.vel, move, rules.radius, rules.collide)
        said = state.said
        if rules.symbols:
            word = jnp.where(both, action // MOVES, action)
            said = jnp.where(jnp.asarray(rules.speaks), word, -1).astype(jnp.int32)
        vel = jnp.where(walks[:, None], vel, 0.0)
        moved = state._replace(pos=pos, vel=vel, said=said, time=state.time + 1)
        moved = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, moved)
        return moved, self._show(moved, jnp.where(over, 0.0, rules.reward(moved)))

    def show(self, state: ParticleState) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        return self._show(state, jnp.zeros(self.rules.agents))

    def world(self, state: ParticleState) -> Array:
        """[A * entries] what all agents see."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """Turns and flips of the plane, landmarks and words; see `zsc.envs.mpe.symmetry`."""
        return _symmetry(self.scene)

    def render(self, state: ParticleState) -> np.ndarray:
        """[H, W, 3] uint8: landmarks as squares, agents as discs, what they said beside them."""
        size, reach = 320, 2.6 if self.rules.fixed else 1.5
        image = Image.new("RGB", (size, size), (250, 250, 250))
        pen = ImageDraw.Draw(image)
        scale = size / (2 * reach)
        at = lambda p: ((float(p[0]) + reach) * scale, (reach - float(p[1])) * scale)
        goals = {int(g) for g in state.goal}
        for number, point in enumerate(np.asarray(state.landmark)):
            x, y = at(point)
            fill = (120, 120, 120) if number in goals else (205, 205, 205)
            pen.rectangle((x - 6, y - 6, x + 6, y + 6), fill=fill)
            pen.text((x + 9, y - 6), "abcd"[number], fill=(110, 110, 110))
        radius = self.rules.radius * scale
        for agent, point in enumerate(np.asarray(state.pos)):
            x, y = at(point)
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=_COLOURS[agent])
            word = int(state.said[agent])
            note = f"{agent + 1}" if word < 0 else f'{agent + 1} "{word}"'
            pen.text((x - 3, y - 6), note, fill=(20, 20, 20))
        return np.asarray(image)

    def snapshot(self, state: ParticleState) -> dict[str, Any]:
        """Plain arrays: pos [A, 2], vel [A, 2], landmark [L, 2], goal [A], said [A], time []."""
        return state._asdict()

    def restore(self, snapshot: dict[str, Any]) -> ParticleState:
        """The state that a snapshot describes; any state can be injected."""
        numbers = ("pos", "vel", "landmark")
        kind = lambda name: jnp.float32 if name in numbers else jnp.int32
        return ParticleState(
            **{name: jnp.asarray(snapshot[name], kind(name)) for name in ParticleState._fields}
        )

    def _show(self, state: ParticleState, reward: Array) -> TimeStep:
        rules, size = self.rules, self.spec.obs_shape[0]
        rows = [jnp.stack(rules.observe(state, agent)) for agent in range(rules.agents)]
        obs = jnp.stack([jnp.pad(row, (0, size - len(row))) for row in rows])
        own = np.array([own_actions(rules, agent) for agent in range(rules.agents)])
        truncated = state.time >= self.steps
        mask = np.arange(self.spec.num_actions) < own[:, None]
        return TimeStep(
            obs=obs.astype(jnp.float32),
            mask=jnp.asarray(mask) | truncated,
            reward=reward.astype(jnp.float32),
            terminated=jnp.zeros_like(truncated),
            truncated=truncated,
            info=first_info(self.spec),
        )


@cache
def _symmetry(scene: str) -> Symmetry:
    return symmetry_of(SCENES[scene])


@cache
def _spec(env: Particles) -> EnvSpec:
    rules = env.rules
    size = max(map(len, rules.entries))
    words = [f" say {word}" for word in range(rules.symbols)]
    names = tuple(move + word for word in words for move in _MOVES) if all(rules.speaks) else _MOVES
    return EnvSpec(
        id=f"mpe/{env.scene}",
        version=1,
        num_agents=rules.agents,
        num_actions=num_actions(rules),
        obs_shape=(size,),
        obs_dtype="float32",
        obs_scale=(1.0,) * size,
        obs_id=f"mpe:{env.scene}",
        horizon=env.steps,
        fixed_length=True,
        action_names=_MOVES if not rules.symbols else names,
        obs_signed=True,
        obs_bounded=False,
        team_reward=not rules.own_reward,
        max_return=float(env.steps) if rules.fixed else 0.0,
    )
