"""The contract of an environment as a check that any game can be put through.

    zsc.check_environment(zsc.make("overcooked/cramped_room"))

It raises AssertionError with the clause that is broken.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import Environment, TimeStep, check_game, returned
from zsc.envs.symmetry import Symmetry
from zsc.switches import door
from zsc.types import Array, State


@door
def check_environment(
    env: Environment, *, steps: int = 60, games: int = 16, seed: int = 0, tolerance: float = 0.0
) -> None:
    """Put a game through its contract: shapes, absorbing ends, determinism, snapshots, symmetry.

    Plays `games` random games of `steps` steps (more than the horizon if that is short).
    tolerance: how far floats may differ where the rules commute with a symmetry; a game of real
    physics rounds x and y differently.
    """
    check_game(env)
    hash(env)
    key = jax.random.key(seed)
    states, shown = _play(env, key, games, steps)
    _check_shapes(env, shown)
    _check_observations(env, shown)
    _check_rewards(env, shown)
    _check_shows(env, states, shown)
    _check_world(env, states)
    _check_masks(shown)
    _check_ends(env, states, shown)
    _check_repeatable(env, key, games, steps, states)
    _check_one_trace(env)
    _check_snapshot(env, states)
    check_group(env.symmetry())
    check_commutes(env, states, shown, seed=seed, tolerance=tolerance)


def check_group(symmetry: Symmetry) -> None:
    """The group laws: identity first, closed, inverses, permutations that undo each other.

    A sample of a group (`closed=False`) has permutations only.
    """
    size = len(symmetry)
    for name in ("obs_index", "action_index", "seat_index"):
        rows = getattr(symmetry, name)
        _need((np.sort(rows, axis=-1) == np.arange(rows.shape[-1])).all(), f"{name} permutes")
        _need((rows[0] == np.arange(rows.shape[-1])).all(), f"{name} of the identity")
    sign, offset = symmetry.obs_sign, symmetry.obs_offset
    if sign is not None:
        _need((np.abs(sign) == 1).all() and (sign[0] == 1).all(), "obs_sign is 1 or -1, first 1")
    _need(offset is None or (offset[0] == 0).all(), "obs_offset of the identity is 0")
    if symmetry.closed:
        table, inverse, places = symmetry.compose, symmetry.inverse, np.arange(size)
        _need((table[0] == places).all() and (table[:, 0] == places).all(), "element 0 is identity")
        _need((np.sort(table, axis=1) == places).all(), "each element permutes the group")
        _need((table[places, inverse] == 0).all(), "inverse[g] undoes g")
    every = jnp.arange(min(size, 64))
    actions = jnp.broadcast_to(
        jnp.arange(symmetry.action_index.shape[-1]), (len(every), symmetry.action_index.shape[-1])
    )
    of_all = lambda act, seat: jax.vmap(jax.vmap(partial(act, seat=seat), (None, 0)))
    for seat in range(symmetry.seat_index.shape[1] if symmetry.per_seat else 1):
        there = of_all(symmetry.action, seat)(every, actions)
        back = of_all(symmetry.inverse_action, seat)(every, there)
        _need(np.array_equal(back, actions), "inverse_action undoes action")


def check_commutes(
    env: Environment, states: State, shown: TimeStep, *, seed: int = 0, tolerance: float = 0.0
) -> None:
    """Relabel then step equals step then relabel, for observations, masks, rewards and states.

    Elements that change the seats are tried with one agent acting and the others idle, since games
    may settle a race of two agents by their seats.
    """
    symmetry, spec = env.symmetry(), env.spec
    # by its sizes: games without pots or buttons have states with empty arrays
    flat = jax.tree.map(lambda x: x.reshape(x.shape[0] * x.shape[1], *x.shape[2:]), states)
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
            _need(_same(expected[name], got[name], tolerance), clause)


def _some_elements(symmetry: Symmetry, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(len(symmetry))[:12]


def _both_ways(env: Environment, symmetry: Symmetry, key: Array) -> Any:
    """(g, states, actions) -> what step then relabel gives, and relabel then step; one program."""

    everyone = jnp.arange(env.spec.num_agents)

    def of_all(act: Any, g: Array, per_seat: Array) -> Array:
        return jax.vmap(lambda x, seat: act(g, x, seat))(per_seat, everyone)

    def relabelled_step(g: Array, state: State, action: Array) -> tuple[State, TimeStep]:
        """A step that draws what belongs to the same units, cards, cells under their new names."""
        if not (hasattr(env, "draw") and hasattr(env, "advance")):
            return env.step(key, state, action)
        drawn = symmetry.move_draws(g, env.draw(key))
        advanced: tuple[State, TimeStep] = env.advance(state, action, drawn)
        return advanced

    def relabelled(g: Array, state: State, seen: TimeStep) -> dict[str, Any]:
        return {
            "state": symmetry.move_state(g, state),
            "observation": symmetry.seats(g, of_all(symmetry.obs, g, seen.obs)),
            "mask": symmetry.seats(g, of_all(symmetry.mask, g, seen.mask)),
            "reward": symmetry.seats(g, seen.reward),
            "end": seen.done,
        }

    def one(g: Array, state: State, action: Array) -> tuple[dict[str, Any], dict[str, Any]]:
        renamed = symmetry.seats(g, of_all(symmetry.action, g, action))
        moved, seen = relabelled_step(g, symmetry.move_state(g, state), renamed)
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
    _need(len(spec.action_names) == spec.num_actions, "every action has a name")


def _check_observations(env: Environment, shown: TimeStep) -> None:
    spec = env.spec
    scale = np.asarray(spec.obs_scale, np.float64)
    _need(scale.shape == spec.obs_shape[-1:], "obs_scale covers the last observation axis")
    _need(bool((scale >= 0).all()), "obs_scale has magnitudes")
    obs = np.asarray(shown.obs, np.float64).reshape(-1, spec.obs_shape[-1])
    _need(bool(np.isfinite(obs).all()), "observations are finite")
    _need(spec.obs_signed or not (obs < 0).any(), "no observation is negative, or obs_signed")
    # a scale of .1 is a little less than the float32 that stands for .1
    close = np.abs(obs).max(0) <= scale * (1 + 1e-6)
    _need(not spec.obs_bounded or close.all(), "no observation exceeds obs_scale, or obs_bounded")


def _check_rewards(env: Environment, shown: TimeStep) -> None:
    spec, reward = env.spec, np.asarray(shown.reward, np.float64)  # [T, E, A]
    alike = (reward == reward[..., :1]).all()
    _need(not spec.team_reward or alike, "all agents are paid the same, or not team_reward")
    returns = np.asarray(returned(spec, jnp.asarray(reward.sum(0))))[
        np.asarray(shown.done)[-1]
    ]  # of games that were played to their end
    lowest = -np.inf if spec.min_return is None else spec.min_return - 1e-4
    highest = np.inf if spec.max_return is None else spec.max_return + 1e-4
    _need(lowest <= highest, "min_return is not above max_return")
    _need(bool((returns >= lowest).all()), "no game pays less than min_return")
    _need(bool((returns <= highest).all()), "no game pays more than max_return")


def _check_shows(env: Environment, states: State, shown: TimeStep) -> None:
    again = jax.jit(jax.vmap(jax.vmap(env.show)))(states)
    for name in ("obs", "mask", "terminated", "truncated"):
        same = _same(getattr(again, name), getattr(shown, name))
        _need(same, f"show(state) is what was shown ({name})")
    _need(not np.asarray(again.reward).any(), "show(state) pays nothing")
    for name in ("shaped", "events"):
        _need(not np.asarray(again.info[name]).any(), f"show(state) has no {name}")
    like = jax.tree.map(lambda x: (x.shape, x.dtype), shown)
    _need(jax.tree.map(lambda x: (x.shape, x.dtype), again) == like, "show(state) is as a step's")


def _check_world(env: Environment, states: State) -> None:
    first = jax.tree.map(lambda x: x[0, 0], states)
    one = jax.eval_shape(env.world, first)
    world = jax.jit(jax.vmap(jax.vmap(env.world)))(states)
    _need(hasattr(one, "shape") and one.ndim > 0, "world is one array")
    _need(world.shape[2:] == one.shape and world.dtype == one.dtype, "world keeps its shape")
    numbers = jnp.issubdtype(one.dtype, jnp.number) or one.dtype == bool
    _need(numbers and np.isfinite(np.asarray(world, np.float32)).all(), "world is finite numbers")


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


def _same(left: Any, right: Any, tolerance: float = 0.0) -> bool:
    pairs = zip(jax.tree.leaves(left), jax.tree.leaves(right), strict=True)
    return all(_close(np.asarray(a), np.asarray(b), tolerance) for a, b in pairs)


def _close(left: np.ndarray, right: np.ndarray, tolerance: float) -> bool:
    if tolerance and np.issubdtype(left.dtype, np.floating):
        return left.shape == right.shape and bool(np.allclose(left, right, 0.0, tolerance))
    return np.array_equal(left, right)


def _need(holds: bool | np.bool_, clause: str) -> None:
    if not holds:
        raise AssertionError(f"environment contract: {clause}")
