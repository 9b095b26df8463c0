"""The scripted units of SMAX: as the scripted enemies decide, and as strong as they should be."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError
from zsc.agents.bots import SMAX_BOTS, scripted_partners, smax_bots
from zsc.agents.policy import Inputs
from zsc.envs.smax.scripted import decide
from zsc.envs.smax.state import MOVES, STOP

ENV = zsc.make("smax/3s_vs_5z", enemies="agents")
ALONE = zsc.make("smax/3s_vs_5z")
BOTS = smax_bots(ENV)
ALLIES, ENEMIES = ENV.teams.sizes


@cache
def battle():
    """[E, T] states, what scripted enemies chose in them, and whether the battle was still on;
    against walkers to the right."""

    @jax.jit
    def run(key):
        state, _ = ALONE.reset(key)

        def step(state, key):
            after, _ = ALONE.step(key, state, jnp.array([1, 1, STOP]))
            return after, (state, after.action[ALLIES:], after.time > state.time)

        return jax.lax.scan(step, state, jax.random.split(key, 40))[1]

    return jax.device_get(jax.vmap(run)(jax.random.split(jax.random.key(0), 8)))


def said(name):
    """[E, T, enemies, N] how likely each action was for a bot in the enemies' seats."""
    states, _, _ = battle()
    params = jax.tree.map(lambda x: x[list(SMAX_BOTS).index(name)], BOTS.params)
    policy = BOTS.policy
    no_mask = jnp.ones(ENV.spec.num_actions, bool)

    def one(carry, now):
        state, first = now
        seat = lambda carry, agent: policy.apply(
            params, carry, Inputs(jnp.zeros(1), no_mask, first, agent, state)
        )
        carry, out = jax.vmap(seat)(carry, jnp.arange(ALLIES, ENV.teams.units))
        return carry, jnp.exp(out.logits)

    def game(states):
        carry = jax.tree.map(lambda x: jnp.stack([x] * ENEMIES), policy.carry())
        first = jnp.arange(40) == 0
        return jax.lax.scan(one, carry, (states, first))[1]

    return np.asarray(jax.jit(jax.vmap(game))(states._replace(memory=())))


def test_the_heuristic_decides_as_scripted_enemies_do() -> None:
    _, chosen, running = battle()
    chosen, probs = chosen[running], said("heuristic")[running]
    of_chosen = np.take_along_axis(probs, chosen[..., None], -1)[..., 0]
    assert (of_chosen > 1e-3).all()  # no scripted enemy did what the bot never does
    attacks = chosen >= MOVES
    assert attacks.sum() > 100
    assert (of_chosen[attacks] == 1).all()
    assert probs[~attacks][:, MOVES:].max() < 1e-6


def test_who_follows_anybody_follows_each_alike() -> None:
    states, _, _ = battle()
    state = jax.tree.map(lambda x: jnp.asarray(x[0, 0]), states)
    # far apart in one quadrant each: up, down and right of the enemy in the centre
    place = jnp.array([[0.0, 8], [0, -8], [8, 0.5], [0, 0], *[[14.0, 14]] * 4])
    state = state._replace(position=place)
    picks = jax.random.uniform(jax.random.key(0), (ENEMIES, ALLIES, 3000))
    tile = jax.tree.map(lambda x: jnp.broadcast_to(x[..., None], (*x.shape, 3000)), state)
    moves, _ = decide(ENV.teams, tile, picks)
    shares = np.bincount(np.asarray(moves[0]), minlength=4) / 3000
    assert np.abs(shares[[0, 2, 1]] - 1 / 3).max() < 0.03


def test_good_bots_are_better_than_bad_ones() -> None:
    wins = dict(zip(SMAX_BOTS, winning(zsc.make("smax/2s3z"), 32), strict=True))
    assert min(wins["heuristic"], wins["weakest"]) > 0.2, wins
    assert max(wins["random"], wins["runner"], wins["idle"]) < 0.1, wins


def winning(env, games):
    """[bots] the share of battles that a team of each bot wins."""
    pool = smax_bots(env)
    policy = pool.policy

    def game(params, key):
        state, shown = env.reset(key)
        carry = jax.tree.map(lambda x: jnp.stack([x] * env.agents), policy.carry())

        def step(now, key):
            state, shown, carry, first = now
            seat = lambda carry, obs, mask, agent: policy.apply(
                params, carry, Inputs(obs, mask, first, agent, state)
            )
            carry, out = jax.vmap(seat)(carry, shown.obs, shown.mask, jnp.arange(env.agents))
            choose, draw = jax.random.split(key)
            logits = jnp.where(shown.mask, out.logits, -1e9)
            state, shown = env.step(draw, state, jax.random.categorical(choose, logits))
            win = shown.info["events"][0, env.spec.event_names.index("win")]
            return (state, shown, carry, jnp.array(False)), win

        begin = (state, shown, carry, jnp.array(True))
        return jax.lax.scan(step, begin, jax.random.split(key, env.horizon))[1].any()

    keys = jax.random.split(jax.random.key(1), games)
    return np.asarray(
        jax.jit(jax.vmap(jax.vmap(game, (None, 0)), (0, None)))(pool.params, keys)
    ).mean(1)


def test_a_kiter_shoots_and_backs_off() -> None:
    states, _, _ = battle()
    state = jax.tree.map(lambda x: jnp.asarray(x[0, 0]), states)._replace(memory=())
    place = jnp.array([[0.0, 0], [-9, 9], [-9, -9], [5, 0], *[[14.0, 14]] * 4])
    params = jax.tree.map(lambda x: x[list(SMAX_BOTS).index("kiter")], BOTS.params)

    @jax.jit
    def chosen(cooldown):
        now = state._replace(position=place, cooldown=jnp.full(8, cooldown))
        mask = jnp.ones(ENV.spec.num_actions, bool)
        seen = Inputs(jnp.zeros(1), mask, jnp.array(True), jnp.int32(0), now)
        return jnp.argmax(BOTS.policy.apply(params, BOTS.policy.carry(), seen)[1].logits)

    assert int(chosen(0.0)) == MOVES  # the first enemy
    assert int(chosen(1.0)) == 3  # left, away from it


def test_the_family_names_its_bots() -> None:
    assert [label.method for label in scripted_partners(ENV).labels] == list(SMAX_BOTS)
    with pytest.raises(UserError, match="weakest"):
        smax_bots(ENV, ("weekest",))
