"""SMAX as an environment: battles, time limit, views and symmetries put together."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, first_info
from zsc.envs.smax import dynamics, observation, render, scripted
from zsc.envs.smax.lanes import games_last
from zsc.envs.smax.starts import starts
from zsc.envs.smax.state import MOVES, STOP, Draws, State, first_memory, on_grid, restore, snapshot
from zsc.envs.smax.symmetry import battle_symmetry
from zsc.envs.smax.units import NOISE, SCENARIOS, WORLD_STEPS, Scenario, stats_of
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ENEMIES = ("scripted", "agents")
MOVE_NAMES = ("up", "right", "down", "left", "stop")


@dataclass(frozen=True)
class Smax:
    """Two teams of units on a square map, as in jaxmarl 0.2.0 (arXiv 2311.10090).

    scenario: a name from `SCENARIOS`.
    enemies: "scripted", as the reference's heuristic plays them, or "agents": then the units of
        both teams are agents, allies first, and each team is paid for itself.
    horizon: steps; then the battle is truncated.
    see_enemy_actions: an agent sees what units of the other team last did.
    walls: the border of the map kills whoever touches it.

    A team is paid the share of health that the other one lost, each unit weighing the same, and 1
    if it is left alone: 2 for a won battle. Agents that died are paid on. Actions: a step up,
    right, down or left, stop, or attack one of the other team, which stands still and shoots
    whenever the weapon is ready. Attacks out of range do nothing.

    Two things differ from the reference. Its episodes last a step longer than its limit: what is
    101 steps there is `horizon=101` here. And of its random starts one unit in eighty stands
    outside the map, where it dies in the first step and pays the others: here it is folded back
    inside.
    """

    scenario: str = "3m"
    enemies: str = "scripted"
    horizon: int = 100
    see_enemy_actions: bool = True
    walls: bool = True

    def __post_init__(self) -> None:
        settle(self)
        if self.scenario not in SCENARIOS:
            raise unknown("scenario", self.scenario, SCENARIOS)
        if self.enemies not in ENEMIES:
            raise unknown("kind of enemies", self.enemies, ENEMIES)
        if self.horizon < 1:
            raise UserError(f"horizon is {self.horizon}: an episode needs at least 1 step")

    @property
    def teams(self) -> Scenario:
        """The units of both teams."""
        return SCENARIOS[self.scenario]

    @property
    def scripted(self) -> bool:
        """Whether enemies are no agents."""
        return self.enemies == "scripted"

    @property
    def agents(self) -> int:
        """A: the allies, or all units."""
        return self.teams.sizes[0] if self.scripted else self.teams.units

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A battle about to begin: units at their places, pushed apart once."""
        position, types = starts(self.teams, key)

        def pushed(position: Array, types: Array) -> Array:
            alive = jnp.ones(types.shape, bool)
            radius = stats_of(types).radius
            x, y = dynamics.push(position[:, 0], position[:, 1], alive, radius)
            return on_grid(jnp.stack([x, y], axis=1))

        position = games_last(pushed)(position, types)
        units = self.teams.units
        state = State(
            position=position,
            health=stats_of(types).health,
            types=types,
            cooldown=jnp.zeros(units, jnp.float32),
            action=jnp.full(units, STOP, jnp.int32),
            time=jnp.int32(0),
            memory=first_memory(position[self.agents :]) if self.scripted else (),
        )
        return state, self.show(state)

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One step of all agents, action [A]."""
        return self.advance(state, action, self.draw(key))

    def draw(self, key: Key) -> Draws | Array:
        """All that is random in a step: `Draws`, or its noise [8, U] alone if all are agents."""
        units, (allies, enemies) = self.teams.units, self.teams.sizes
        count = WORLD_STEPS * units
        numbers = jax.random.uniform(key, (count + self.scripted * enemies * allies,))
        low, high = NOISE
        noise = (low + (high - low) * numbers[:count]).reshape(WORLD_STEPS, units)
        if not self.scripted:
            return noise
        return Draws(noise, numbers[count:].reshape(enemies, allies))

    def advance(self, state: State, action: Array, draws: Draws | Array) -> tuple[State, TimeStep]:
        """The step without randomness: what would be drawn is given, see `draw`."""
        # written once: the parts of the observation would work it out again each
        after, outcome = lax.optimization_barrier(
            games_last(self._advance)(state, jnp.asarray(action, jnp.int32), draws)
        )
        return after, self._show(after, outcome)

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the battle began in it."""
        return self._show(state, None)

    def world(self, state: State) -> Array:
        """[12 U] the reference's world state: of each unit its share of health, x, y, cooldown and
        type; then teams; then types."""
        return observation.world(self.teams, state)

    @property
    def world_scale(self) -> tuple[float, ...]:
        """[12 U] magnitudes of `world`, by which central critics divide it."""
        return observation.world_scale(self.teams)

    def symmetry(self) -> Symmetry:
        """Units of one type in one team may change their names, and the map may be mirrored."""
        return battle_symmetry(self.teams, self.scripted)

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of the map."""
        return render.draw(self.teams, jax.device_get(state))

    def snapshot(self, state: State) -> dict[str, Any]:
        """Plain arrays under the reference's names: unit_positions [U, 2] from the map's corner,
        unit_alive, unit_health, unit_types, unit_weapon_cooldowns, prev_movement_actions [U, 2],
        prev_attack_actions (0, or the attack's number), time []; and of scripted enemies
        enemy_goals [E, 2], enemy_targets [E]."""
        return snapshot(state)

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state of a snapshot; any state can be injected. What scripted enemies remember may
        be left out."""
        return restore(snapshot, self.teams.units - self.agents)

    def observe(self, state: State) -> Array:
        """[A, D] what all agents see in a state."""
        return self.show(state).obs

    def _advance(self, state: State, action: Array, draws: Any) -> tuple[State, dynamics.Outcome]:
        """The state and what happened, with games in the last axis."""
        teams = self.teams
        noise, memory = draws, state.memory
        if self.scripted:
            noise = draws.noise
            theirs, memory = scripted.decide(teams, state, draws.picks)
            action = jnp.concatenate([action, theirs])
        count = np.repeat(observation.actions_of(teams), teams.sizes)[:, None]
        action = jnp.where((action >= 0) & (action < count), action, STOP)
        over = dynamics.over(teams, state) | (state.time >= self.horizon)
        after, outcome = dynamics.fight(teams, self.walls, state, action, noise)
        after = after._replace(time=state.time + 1, memory=memory)
        after = jax.tree.map(lambda old, new: jnp.where(over, old, new), state, after)
        return after, dynamics.Outcome(jnp.where(over, 0.0, outcome.paid), outcome.events & ~over)

    def _show(self, state: State, outcome: dynamics.Outcome | None) -> TimeStep:
        teams, agents = self.teams, self.agents
        terminated = dynamics.over(teams, state)
        late = state.time >= self.horizon
        info, reward = first_info(self.spec), jnp.zeros(agents)
        if outcome is not None:
            info["events"] = outcome.events[:agents]
            ally = np.arange(agents) < teams.sizes[0]
            reward = jnp.where(ally, outcome.paid[0], outcome.paid[1])
        return TimeStep(
            obs=observation.unit_list(teams, agents, self.see_enemy_actions, state),
            mask=observation.mask(teams, agents, state) | terminated | late,
            reward=reward,
            terminated=terminated,
            truncated=late & ~terminated,
            info=info,
        )


@cache
def _spec(env: Smax) -> EnvSpec:
    teams, size = env.teams, observation.size(env.teams)
    attacks = teams.sizes[1] if env.scripted else max(teams.sizes)
    return EnvSpec(
        id=f"smax/{env.scenario}",
        version=1,
        num_agents=env.agents,
        num_actions=MOVES + attacks,
        obs_shape=(size,),
        obs_dtype="float32",
        obs_scale=(2.0,) * size,
        obs_id=f"unit_list:{env.scenario}:{env.see_enemy_actions}",
        horizon=env.horizon,
        fixed_length=False,
        action_names=(*MOVE_NAMES, *(f"attack {i + 1}" for i in range(attacks))),
        event_names=dynamics.EVENT_NAMES,
        idle_action=STOP,
        obs_signed=True,
        team_reward=env.scripted,
        min_return=0.0,
        max_return=2.0,
    )
