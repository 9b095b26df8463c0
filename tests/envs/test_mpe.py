"""Particle worlds beside jaxmarl's, and what their symmetries say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc.errors import UserError

GAMES = {
    "spread": ("simple_spread", "SimpleSpreadMPE"),
    "reference": ("simple_reference", "SimpleReferenceMPE"),
    "speaker_listener": ("simple_speaker_listener", "SimpleSpeakerListenerMPE"),
}
LONG = ("reference", "speaker_listener", "rendezvous")  # a contract takes long to compile
STEPS = 400


def theirs_of(scene):
    import importlib

    module, name = GAMES[scene]
    return getattr(importlib.import_module(f"jaxmarl.environments.mpe.{module}"), name)()


def to_theirs(scene, theirs, state):
    from jaxmarl.environments.mpe.simple import State

    words = max(zsc.make(f"mpe/{scene}").rules.symbols, theirs.dim_c)
    said = jax.nn.one_hot(state.said, words)
    goal = {"reference": state.goal, "speaker_listener": state.goal[1]}.get(scene)
    still = jnp.zeros_like(state.landmark)
    return State(
        p_pos=jnp.concatenate([state.pos, state.landmark]),
        p_vel=jnp.concatenate([state.vel, still]),
        c=said,
        done=jnp.bool_(False),
        step=state.time,
        goal=goal,
    )


@pytest.mark.parametrize("scene", GAMES)
def test_steps_are_those_of_jaxmarl(scene):
    env, theirs = zsc.make(f"mpe/{scene}", horizon=STEPS), theirs_of(scene)
    mask = env.reset(jax.random.key(0))[1].mask

    def step(state, key):
        noise = jax.random.uniform(key, mask.shape)
        action = jnp.argmax(jnp.where(mask, noise, -1.0), -1)
        # agents are brought together now and then, or they would never touch
        near = jax.random.bernoulli(jax.random.fold_in(key, 1), 0.2)
        state = state._replace(pos=jnp.where(near, state.pos * 0.1, state.pos))
        moved, shown = env.step(key, state, action)
        acts = {name: action[i] for i, name in enumerate(theirs.agents)}
        obs, after, reward, _, _ = theirs.step_env(key, to_theirs(scene, theirs, state), acts)
        seen = [jnp.pad(obs[n], (0, env.spec.obs_shape[0] - len(obs[n]))) for n in theirs.agents]
        agents = env.spec.num_agents
        pairs = (
            (after.p_pos[:agents], moved.pos),
            (after.p_vel[:agents], moved.vel),
            (jnp.stack(seen), shown.obs),
            (jnp.stack([reward[n] for n in theirs.agents]), shown.reward),
        )
        # restarted where it flies off: errors would grow with the numbers
        far = jnp.abs(moved.pos).max() > 3
        fresh = env.reset(jax.random.fold_in(key, 2))[0]
        kept = jax.tree.map(lambda a, b: jnp.where(far, a, b), fresh, moved)
        return kept, jnp.stack([jnp.abs(a - b).max() for a, b in pairs])

    keys = jax.random.split(jax.random.key(1), STEPS)
    run = jax.jit(lambda s: jax.lax.scan(step, s, keys)[1])
    apart = np.asarray(run(env.reset(jax.random.key(0))[0]))
    assert apart.max() < 2e-5


@pytest.mark.parametrize(
    "scene",
    ["spread", *(pytest.param(name, marks=pytest.mark.long) for name in LONG)],
)
def test_a_world_keeps_the_contract(scene):
    zsc.check_environment(zsc.make(f"mpe/{scene}"), steps=30, games=4, tolerance=2e-5)


def test_no_word_means_anything_by_itself():
    """The group brings every word to every other, so that no convention survives relabelling."""
    group = zsc.make("mpe/reference").symmetry()
    words = {int(a) // 5 for a in group.action_index[:, 0, 0]}
    assert words == set(range(10))
    assert len(zsc.make("mpe/speaker_listener").symmetry()) == 8 * 6 * 6


def test_four_landmarks_of_a_rendezvous_are_as_good():
    env = zsc.make("mpe/rendezvous")
    state, _ = env.reset(jax.random.key(0))
    for point in state.landmark:
        met = state._replace(pos=jnp.broadcast_to(point, (2, 2)), vel=jnp.zeros((2, 2)))
        _, shown = env.step(jax.random.key(0), met, jnp.zeros(2, jnp.int32))
        assert shown.reward.tolist() == [1.0, 1.0]
    assert len(env.symmetry()) == 4


def test_unknown_worlds_are_named():
    with pytest.raises(UserError, match="did you mean 'spread'"):
        zsc.make("mpe", scene="spred")
