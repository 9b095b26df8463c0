"""The contract of an environment as a check that any game can be put through.

    zsc.check_environment(zsc.make("overcooked/cramped_room"))

It raises AssertionError with the clause that is broken.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import Environment, TimeStep
from zsc.envs.symmetry import Symmetry
from zsc.types import Array, State


def check_environment(env: Environment, *, steps: int = 60, games: int = 16, seed: int = 0) -> None:
    """Put a game through its contract: shapes, absorbing ends, determinism, snapshots, symmetry.

    Plays `games` random games of `steps` steps (more than the horizon if that is short).
    """
    hash(env)
    key = jax.random.key(seed)
    states, shown = _play(env, key, games, steps)
    _check_shapes(env, shown)
    _check_masks(shown)
    _check_ends(env, states, shown)
    _check_repeatable(env, key, games, steps, states)
    _check_one_trace(env)
    _check_snapshot(env, states)
    check_group(env.symmetry())
    check_commutes(env, states, shown, seed=seed)


def check_group(symmetry: Symmetry) -> None:
    """The group laws: identity first, closed, inverses, permutations that undo each other."""
    size = len(symmetry)
    table, inverse = symmetry.compose, symmetry.inverse
    everyone = np.arange(size)
    _need((table[0] == everyone).all() and (table[:, 0] == everyone).all(), "element 0 is identity")
    _need((np.sort(table, axis=1) == everyone).all(), "each element permutes the group")
    _need((table[everyone, inverse] == 0).all(), "inverse[g] undoes g")
    for name in ("obs_index", "action_index", "seat_index"):
        rows = getattr(symmetry, name)
        _need((np.sort(rows, axis=1) == np.arange(rows.shape[1])).all(), f"{name} permutes")
        _need((rows[0] == np.arange(rows.shape[1])).all(), f"{name} of the identity")
    actions = symmetry.action_index
    for g in range(min(size, 64)):
        there = jax.vmap(lambda a, g=g: symmetry.action(g, a))(jnp.arange(actions.shape[1]))
        back = jax.vmap(lambda a, g=g: symmetry.action_back(g, a))(there)
        _need((np.asarray(back) == np.arange(actions.shape[1])).all(), "action_back undoes action")


def check_commutes(env: Environment, states: State, shown: TimeStep, *, seed: int = 0) -> None:
    """Relabel then step equals step then relabel, for observations, masks, rewards and states.

    Elements that change the seats are tried with one agent acting and the others idle, since games
    may settle a race of two agents by their seats.
    """
    symmetry, spec = env.symmetry(), env.spec
    flat = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), states)
    mask = np.asarray(shown.mask).reshape(-1, spec.num_agents, spec.num_actions)
    open_games = np.flatnonzero(~np.asarray(shown.done).reshape(-1))[:256]
    state = jax.tree.map(lambda x: x[open_games], flat)
    rng = np.random.default_rng(seed)
    noise = rng.random(mask[open_games].shape)
    action = np.where(mask[open_games], noise, -1).argmax(-1)
    single = action.copy()
    if spec.idle_action is not None:
        waits = np.arange(spec.num_agents) != rng.integers(spec.num_agents, size=(len(action), 1))
        single = np.where(waits, spec.idle_action, action)
    both_ways = _both_ways(env, symmetry, jax.random.key(seed))
    for g in _some_elements(symmetry, rng):
        swaps = (symmetry.seat_index[g] != np.arange(spec.num_agents)).any()
        expected, got = both_ways(jnp.int32(g), state, jnp.asarray(single if swaps else action))
        for name in expected:
            clause = f"symmetry element {int(g)} commutes with the rules ({name})"
            _need(_same(expected[name], got[name]), clause)


def _some_elements(symmetry: Symmetry, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(len(symmetry))[:12]


def _both_ways(env: Environment, symmetry: Symmetry, key: Array) -> Any:
    """(g, states, actions) -> what step then relabel gives, and relabel then step; one program."""

    def relabelled(g: Array, state: State, seen: TimeStep) -> dict[str, Any]:
        return {
            "state": symmetry.move_state(g, state),
            "observation": symmetry.seats(g, jax.vmap(lambda o: symmetry.obs(g, o))(seen.obs)),
            "mask": symmetry.seats(g, jax.vmap(lambda m: symmetry.mask(g, m))(seen.mask)),
            "reward": symmetry.seats(g, seen.reward),
            "end": seen.done,
        }

    def one(g: Array, state: State, action: Array) -> tuple[dict[str, Any], dict[str, Any]]:
        renamed = symmetry.seats(g, jax.vmap(lambda a: symmetry.action(g, a))(action))
        moved, seen = env.step(key, symmetry.move_state(g, state), renamed)
        got = (moved, seen.obs, seen.mask, seen.reward, seen.done)
        expected = relabelled(g, *env.step(key, state, action))
        return expected, dict(zip(expected, got, strict=True))

    return jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))


def _play(env: Environment, key: Array, games: int, steps: int) -> tuple[State, TimeStep]:
    """[steps + 1, games, ...] states and what was shown, under random legal actions."""
    steps = max(steps, env.spec.horizon + 2) if env.spec.horizon <= 100 else steps

    def one(carry: tuple[State, TimeStep], time: Array) -> Any:
        state, shown = carry
        now = jax.random.split(jax.random.fold_in(key, time), games)
        noise = jax.random.gumbel(jax.random.fold_in(key, 10_000 + time), shown.mask.shape)
        action = jnp.argmax(jnp.where(shown.mask, noise, -jnp.inf), -1)
        after = jax.vmap(env.step)(now, state, action)
        return after, after

    first = jax.vmap(env.reset)(jax.random.split(key, games))
    _, rest = jax.jit(lambda f: jax.lax.scan(one, f, jnp.arange(steps)))(first)
    return jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), first, rest)


def _check_shapes(env: Environment, shown: TimeStep) -> None:
    spec = env.spec
    agents = spec.num_agents
    wanted = {
        "obs": ((agents, *spec.obs_shape), spec.obs_dtype),
        "mask": ((agents, spec.num_actions), "bool"),
        "reward": ((agents,), "float32"),
        "terminated": ((), "bool"),
        "truncated": ((), "bool"),
    }
    for name, (shape, dtype) in wanted.items():
        value = getattr(shown, name)
        _need(value.shape[2:] == shape, f"{name} has shape {value.shape[2:]}, promised {shape}")
        _need(str(value.dtype) == dtype, f"{name} is {value.dtype}, promised {dtype}")
    events = (agents, len(spec.event_names))
    _need(shown.info["events"].shape[2:] == events, "info['events'] is [A, events]")
    _need(shown.info["shaped"].shape[2:] == (agents,), "info['shaped'] is [A]")
    _need(len(spec.obs_scale) == spec.obs_shape[-1], "obs_max covers the last observation axis")
    largest = np.asarray(shown.obs).reshape(-1, spec.obs_shape[-1]).max(0)
    _need(bool((largest <= np.asarray(spec.obs_scale)).all()), "no observation exceeds obs_max")
    _need(len(spec.action_names) == spec.num_actions, "every action has a name")


def _check_masks(shown: TimeStep) -> None:
    mask, done = np.asarray(shown.mask), np.asarray(shown.done)
    _need(bool(mask.any(-1).all()), "every agent has a legal action")
    _need(bool(mask[done].all()), "all actions are legal once the game is over")


def _check_ends(env: Environment, states: State, shown: TimeStep) -> None:
    done = np.asarray(shown.done)
    _need(bool((~done[:-1] | done[1:]).all()), "a game that is over stays over")
    _need(not done[0].any(), "a fresh game is not over")
    if env.spec.fixed_length and len(done) > env.spec.horizon:
        _need(bool(done[env.spec.horizon].all()), "the game is over at the horizon")
        _need(not done[env.spec.horizon - 1].any(), "and not before")
    paid = np.abs(np.asarray(shown.reward)[1:]).sum(-1)
    _need(bool((paid[done[:-1]] == 0).all()), "nothing is paid after the end")
    for leaf in jax.tree.leaves(states):
        before, after = np.asarray(leaf)[:-1][done[:-1]], np.asarray(leaf)[1:][done[:-1]]
        _need(bool((before == after).all()), "terminal states absorb")


def _check_repeatable(env: Environment, key: Array, games: int, steps: int, states: State) -> None:
    again, _ = _play(env, key, games, steps)
    _need(_same(states, again), "the same keys and actions give the same game")


def _check_one_trace(env: Environment) -> None:
    traced = []

    @jax.jit
    def step(key: Array, state: State, action: Array) -> Any:
        traced.append(1)
        return env.step(key, state, action)

    state, shown = env.reset(jax.random.key(0))
    for _ in range(3):
        state, shown = step(jax.random.key(1), state, jnp.argmax(shown.mask, -1))
    _need(len(traced) == 1, "step keeps shapes and dtypes: it is traced once")


def _check_snapshot(env: Environment, states: State) -> None:
    some = jax.tree.map(lambda x: x[-1], states)
    back = jax.jit(jax.vmap(lambda s: env.restore(env.snapshot(s))))(some)
    _need(_same(some, back), "restore(snapshot(state)) is the state")


def _same(left: Any, right: Any) -> bool:
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


def _need(holds: bool | np.bool_, clause: str) -> None:
    if not holds:
        raise AssertionError(f"environment contract: {clause}")
