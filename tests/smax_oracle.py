"""SMAX beside jaxmarl 0.2.0, step by step.

    python -m tests.smax_oracle --steps 6600 --seed 0

Every step starts from our state, injected into the reference; both play the same actions, one in
eight of them illegal, with the reference's own noise worked out from its key. Scripted enemies
decide for themselves on both sides. Positions have to agree to 1e-5, what is told of positions
accordingly, and everything else exactly but for the last bit of shares, moves and what noise was
added to. Where units
stand almost on one another, single precision from the map's corner and from its centre differ by
more: there ours has to be that close to a step in double precision, or about as close as the
reference is (three times as far at most). Exits with 1 if a number differs.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections import Counter
from functools import cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.smax_exact import positions_after
from zsc.envs.smax import SCENARIOS, Smax
from zsc.envs.smax.observation import OTHER, OWN
from zsc.envs.smax.state import Draws, State
from zsc.envs.smax.units import HALF

CLOSE = 1e-5  # positions, in map units
LAST_BIT = 2e-7  # its moves are 0.99999994 long; sums with noise are rounded as they are fused
GAMES = 8  # at a time, so that battles get on
#: One step more than the reference's limit is ours: it tests its counter before raising it.
HORIZON = 101


class DifferenceError(AssertionError):
    """A number that differs."""


@cache
def reference(scenario: str) -> Any:
    """The reference's game against its heuristic."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from jaxmarl.environments.smax import HeuristicEnemySMAX, map_name_to_scenario

        return HeuristicEnemySMAX(scenario=map_name_to_scenario(scenario))


def their_state(env: Smax, snap: dict[str, Any]) -> Any:
    """Our snapshot as the reference's state."""
    from jaxmarl.environments.smax.heuristic_enemy import HeuristicPolicyState
    from jaxmarl.environments.smax.heuristic_enemy_smax_env import State as Both
    from jaxmarl.environments.smax.smax_env import State as Theirs

    teams = np.repeat(np.arange(2.0, dtype=np.float32), env.teams.sizes)
    fields = {name: snap[name] for name in snap if name.startswith(("unit_", "prev_"))}
    state = Theirs(
        done=jnp.array(False), step=snap["time"], unit_teams=jnp.asarray(teams), **fields
    )
    target = snap["enemy_targets"] if env.scripted else jnp.zeros(env.teams.sizes[1], jnp.int32)
    goal = snap["enemy_goals"] if env.scripted else jnp.zeros((env.teams.sizes[1], 2))
    return Both(state=state, enemy_policy_state=HeuristicPolicyState(goal, target))


def their_draws(env: Smax, key: Any, their: Any) -> Draws:
    """What the reference draws in `step_env(key, ...)`, as its key's splits say."""
    allies, enemies = env.teams.sizes
    key, own = jax.random.split(key)
    noise = []
    now = key
    for _ in range(8):
        now, step = jax.random.split(now)
        one = partial(jax.random.uniform, minval=-1 / 16, maxval=2 / 16)
        noise.append(jax.vmap(one)(jax.random.split(step, env.teams.units)))
    obs = reference(env.scenario)._env.get_obs_unit_list(their.state)
    first = 13 * (enemies - 1)
    seen = jnp.stack([obs[f"enemy_{j}"] for j in range(enemies)])
    seen = seen[:, first : first + 13 * allies : 13] > 0  # as an enemy counts: the last ally first
    move = jax.vmap(jax.random.split)(jax.random.split(own, enemies))[:, 0]
    choose = lambda key, seen: jax.random.choice(key, jnp.arange(allies), p=seen / jnp.sum(seen))
    pick = allies - 1 - jax.vmap(choose)(move, seen)
    return Draws(jnp.stack(noise), (pick[:, None] == jnp.arange(allies)).astype(jnp.float32))


def both(env: Smax, state: State, key: Any, actions: Any) -> tuple[State, Any]:
    """One step of both sides from one state: ours, and everything to compare as pairs."""
    other = reference(env.scenario)
    their = their_state(env, env.snapshot(state))
    draws = their_draws(env, key, their)
    names = other._env.agents if not env.scripted else other.agents
    moves = dict(zip(names, actions, strict=True))
    if env.scripted:
        obs, after, reward, done, _ = other.step_env(key, their, moves)
        plain, memory = after.state, after.enemy_policy_state
    else:
        split = jax.random.split(key)[0]
        decoded = other._env._decode_discrete_actions(jnp.stack([moves[n] for n in names]))
        obs, plain, reward, done, _ = other._env.step_env_no_decode(split, their.state, decoded)
        memory = None
    given = draws if env.scripted else draws.noise
    mine, shown = env.advance(state, actions, given)
    snap = env.snapshot(mine)
    masks = other._env.get_avail_actions(plain)
    pairs = {
        name: (snap[name], getattr(plain, name))
        for name in snap
        if name.startswith(("unit_", "prev_"))
    }
    alive = plain.unit_alive
    # a dead scripted enemy stops here; there its last decision goes on, which nobody sees
    shows = alive | (np.arange(len(alive)) < env.agents)
    for name in ("prev_movement_actions", "prev_attack_actions"):
        pairs[name] = tuple(jnp.where(shows.reshape(-1, *[1] * (x.ndim - 1)), x, 0)
                            for x in pairs[name])  # fmt: skip
    if memory is not None:
        pairs["enemy_goals"] = (snap["enemy_goals"], memory.default_target)
        living = their.state.unit_alive[env.agents :]
        target = jnp.where(living, memory.last_attacked_enemy, -1)
        pairs["enemy_targets"] = (snap["enemy_targets"], target)
    count = env.spec.num_actions
    pad = lambda m: jnp.pad(m.astype(bool), (0, count - m.shape[0]))
    over = done["__all__"]
    pairs["obs"] = (shown.obs, jnp.stack([obs[name] for name in names]))
    pairs["mask"] = (shown.mask, jnp.stack([pad(masks[name]) for name in names]) | over)
    pairs["world"] = (env.world(mine), obs["world_state"])
    pairs["reward"] = (shown.reward, jnp.stack([reward[name] for name in names]))
    pairs["done"] = (shown.done, over)
    pairs["truncated"] = (shown.truncated, over & alive[: env.teams.sizes[0]].any()
                          & alive[env.teams.sizes[0] :].any())  # fmt: skip
    return mine, (pairs, shown, (env.snapshot(state), draws.noise, snap))


@cache
def _program(scenario: str, enemies: str) -> Any:
    env = Smax(scenario, enemies, HORIZON)

    def run(state: State, key: Any, actions: Any) -> Any:
        return both(env, state, key, actions)

    return env, jax.jit(jax.vmap(run)), jax.jit(jax.vmap(env.reset))


def choose(env: Smax, shown: Any, rng: np.random.Generator) -> np.ndarray:
    """[games, A] mostly attacks where there are some, else walks to the others; 1 in 8 illegal."""
    mask = np.array(shown.mask)
    weight = np.where(mask, 1.0, 0.0)
    weight[..., 5:] *= 6
    right = np.arange(env.agents) < env.teams.sizes[0]
    weight[:, right, 1] *= 4
    weight[:, ~right, 3] *= 4
    chance = weight / weight.sum(-1, keepdims=True)
    action = (chance.cumsum(-1) > rng.random((*chance.shape[:-1], 1))).argmax(-1)
    counts = 5 + np.where(right, env.teams.sizes[1], env.teams.sizes[0])
    anything = rng.integers(0, counts, action.shape)
    return np.where(rng.random(action.shape) < 1 / 8, anything, action).astype(np.int32)


def compare(
    scenario: str, enemies: str, steps: int, seed: int, games: int = GAMES
) -> tuple[int, Counter[str]]:
    """At least so many steps of running games; how many, and how often each event happened."""
    env, step, reset = _program(scenario, enemies)
    rng = np.random.default_rng(seed)
    state, shown = reset(jax.random.split(jax.random.key(seed), games))
    done, count, seen = np.zeros(games, bool), 0, Counter[str]()
    turn = 0
    while count < steps:
        turn += 1
        keys = jax.random.split(jax.random.fold_in(jax.random.key(seed + 1), turn), games)
        actions = choose(env, shown, rng)
        # some battles jump close to the limit of time, which few would reach
        late = (rng.random(games) < 0.02) & ~done
        state = state._replace(time=jnp.where(late, HORIZON - 2, state.time))
        state, (pairs, shown, about) = step(state, keys, jnp.asarray(actions))
        where = f"{scenario}, enemies={enemies}, step {turn}"
        seen["settled in double precision"] += need_positions(env, pairs, about, ~done, where)
        need_same(pairs, ~done, where)
        count += int((~done).sum())
        happened = np.asarray(shown.info["events"])[~done].sum((0, 1))
        seen.update(dict(zip(env.spec.event_names, happened.tolist(), strict=True)))
        seen["truncated"] += int(np.asarray(shown.truncated)[~done].sum())
        done = np.asarray(shown.done)
        if done.mean() > 0.3:  # their games begin again
            fresh, first = reset(jax.random.split(keys[0], games))
            new = lambda a, b, d=done: jnp.where(d.reshape(-1, *[1] * (a.ndim - 1)), b, a)
            state = jax.tree.map(new, state, fresh)
            shown = jax.tree.map(new, shown, first)
            done = np.zeros(games, bool)
    return count, seen


def need_positions(env: Smax, pairs: Any, about: Any, running: np.ndarray, where: str) -> int:
    """Hold positions against the reference's, or against exact ones; in how many games exact."""
    mine, theirs = (np.asarray(x) for x in pairs["unit_positions"])
    settled = 0
    for game in np.flatnonzero(running & (np.abs(mine - theirs).max((1, 2)) > CLOSE)):
        before, noise, after = jax.tree.map(lambda x, g=game: np.asarray(x[g]), about)
        exact = positions_after(env.teams, before, noise, after)
        off, other = (np.abs(x[game] - exact).max() for x in (mine, theirs))
        if off > max(CLOSE, 3 * other):
            raise DifferenceError(f"{where}: a position is off by {off}, the reference by {other}")
        settled += 1
    return settled


def need_same(pairs: dict[str, Any], running: np.ndarray, where: str) -> None:
    """Raise DifferenceError for numbers that differ; positions by as much as they may."""
    pairs = jax.device_get(pairs)
    apart = np.zeros(len(running))
    if "unit_positions" in pairs:
        mine, theirs = pairs["unit_positions"]
        apart = np.abs(mine - theirs).max((1, 2))
    slack = {
        "unit_positions": apart,
        "world": apart + 2e-6,
        "enemy_goals": CLOSE,
        "unit_weapon_cooldowns": 2 * LAST_BIT,
        "obs": apart + 1e-6,
        "reward": LAST_BIT,
        "prev_movement_actions": LAST_BIT,
    }
    for name, (mine, theirs) in pairs.items():
        mine, theirs = np.asarray(mine), np.asarray(theirs)
        if mine.shape != theirs.shape:
            raise DifferenceError(f"{where}: {name} is {mine.shape}, theirs {theirs.shape}")
        off = np.abs(mine.astype(float) - theirs.astype(float)).reshape(len(running), -1)
        if name == "obs":  # only places may be off by more than a bit
            off[:, ~_places(mine.shape[-1], mine.shape[-2])] *= 1e-6 / LAST_BIT
        worst = np.where(running, off.max(1) - slack.get(name, 0.0), 0.0).max()
        if worst > 0:
            raise DifferenceError(f"{where}: {name} differs by {worst} more than it may")


def _places(entries: int, agents: int) -> np.ndarray:
    """[A * D] which entries of observations tell where somebody is."""
    kind = np.arange(entries - len(OWN)) % len(OTHER)
    own = np.arange(len(OWN))
    return np.tile(np.concatenate([(kind == 1) | (kind == 2), (own == 1) | (own == 2)]), agents)


def check_starts(scenario: str, games: int, seed: int) -> None:
    """First states of ours as the reference shows them; nobody stands at the border."""
    env = Smax(scenario)
    other = reference(scenario)

    def one(key: Any) -> Any:
        state, shown = env.reset(key)
        their = their_state(env, env.snapshot(state))
        obs = other._env.get_obs(their.state)
        masks = other._env.get_avail_actions(their.state)
        return state.position, {
            "obs": (shown.obs, jnp.stack([obs[name] for name in other.agents])),
            "mask": (shown.mask, jnp.stack([masks[n] for n in other.agents]).astype(bool)),
            "world": (env.world(state), other._env.get_world_state(their.state)),
        }

    position, pairs = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(seed), games))
    if np.abs(position).max() >= HALF:
        raise DifferenceError(f"{scenario}: a unit begins outside the map")
    need_same(pairs, np.ones(games, bool), f"{scenario}, start")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.smax_oracle", description=__doc__)
    parser.add_argument("--steps", type=int, default=6_600, help="in all scenarios together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=list(SCENARIOS))
    options = parser.parse_args()
    kinds = [(name, enemies) for name in options.only for enemies in ("scripted", "agents")]
    total, seen = 0, Counter[str]()
    for name, enemies in kinds:
        begin = time.perf_counter()
        try:
            if enemies == "scripted":
                check_starts(name, 50, options.seed)
            steps, happened = compare(name, enemies, -(-options.steps // len(kinds)), options.seed)
        except DifferenceError as difference:
            print(difference)
            return 1
        total, seen = total + steps, seen + happened
        spent = time.perf_counter() - begin
        print(f"{name}, enemies={enemies}: {steps} steps, no difference, {spent:.0f} s", flush=True)
    missing = [name for name in ("shot", "kill", "wall", "win", "truncated") if not seen[name]]
    print(f"{total} steps; events: {dict(seen)}")
    if missing:
        print(f"too little happened to compare: no {', '.join(missing)}")
    return int(bool(missing))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main())
