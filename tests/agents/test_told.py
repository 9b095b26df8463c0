"""Policies that are told something, or guess it: what stands beside the observation."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc import UserError, cnn_policy, gru_policy, latent_policy, mlp_policy, with_latent
from zsc.agents.guessing import guessing_policy, predicting_policy, told_context
from zsc.agents.policy import build

LEVER = zsc.make("lever/iterated")
SPEC = LEVER.spec


def seen(**more):
    shown = LEVER.show(LEVER.reset(jax.random.key(0))[0])
    return zsc.Inputs(shown.obs[0], shown.mask[0], jnp.array(True), jnp.int32(0), **more)


@pytest.mark.parametrize("network", [mlp_policy, gru_policy])
def test_a_latent_changes_what_is_done_and_may_be_a_parameter(network):
    told = latent_policy(SPEC, 3, network=network)
    own = with_latent(told, 3)
    params = told.init(jax.random.key(1))
    said = {}
    for place in range(3):
        latent = jax.nn.one_hot(place, 3)
        said[place] = told.apply(params, told.carry(), seen(latent=latent))[1].logits
        same = own.apply((params, latent), own.carry(), seen())[1].logits
        np.testing.assert_array_equal(said[place], same)
    assert len({bytes(np.asarray(x)) for x in said.values()}) == 3
    assert own.reads == ()


def test_agents_with_latents_are_one_pool_that_is_stored(tmp_path):
    policy = with_latent(latent_policy(SPEC, 2), 2)
    params = jax.vmap(policy.init)(jax.random.split(jax.random.key(0), 3))
    pool = zsc.make_pool(SPEC, policy, params, [zsc.Label("told", member=m) for m in range(3)])
    again = zsc.load_pool(pool.save(tmp_path / "pool"))
    assert again.ids == pool.ids
    assert len(set(pool.ids)) == 3


def test_a_policy_without_a_latent_and_a_grid_network_are_refused():
    with pytest.raises(UserError, match="reads no latent"):
        with_latent(mlp_policy(SPEC), 2)
    with pytest.raises(UserError, match="wants a grid"):
        latent_policy(zsc.make("overcooked/cramped_room", encoding="grid").spec, 2,
                      network=cnn_policy)  # fmt: skip


@pytest.mark.parametrize(
    "policy", [guessing_policy(SPEC, 4), predicting_policy(SPEC), latent_policy(SPEC, 2)]
)
def test_they_are_built_again_from_name_and_config(policy):
    again = build(policy.name, policy.config)
    assert (again, again.reads) == (policy, policy.reads)
    shapes = lambda one: jax.eval_shape(one.init, jax.random.key(0))
    assert shapes(again) == shapes(policy)


def test_a_guess_is_no_action():
    policy = guessing_policy(SPEC, 4)
    out = policy.apply(policy.init(jax.random.key(0)), (), seen())[1]
    assert (out.logits.shape, out.extra.shape) == ((SPEC.num_actions,), (4,))


def test_predictor_and_policy_learn_from_their_own_losses_only():
    policy = predicting_policy(SPEC, window=2)
    params = policy.init(jax.random.key(0))
    inputs = seen(acted=jnp.array([1, 2]))
    answer = lambda params: policy.apply(params, policy.carry(), inputs)[1]
    moved = lambda grads: any(bool((x != 0).any()) for x in jax.tree.leaves(grads))
    acts = jax.grad(lambda p: jax.nn.log_softmax(answer(p).logits)[0])(params)
    assert moved(acts["policy"])
    assert not moved(acts["predictor"])
    foretells = jax.grad(lambda p: jax.nn.log_softmax(answer(p).extra[0])[0])(params)
    assert moved(foretells["predictor"])
    assert not moved(foretells["policy"])


def test_the_window_holds_the_last_steps_and_forgets_at_the_start():
    policy = predicting_policy(SPEC, window=2)
    params, carry = policy.init(jax.random.key(0)), policy.carry()
    step = lambda carry, did, first: policy.apply(
        params, carry, seen(acted=jnp.array([0, did]))._replace(first=jnp.array(first))
    )
    for did in (3, 4, 5):
        carry, _ = step(carry, did, False)
    size = SPEC.obs_shape[0]
    assert carry[0].shape == (2, size + SPEC.num_actions)
    assert carry[0][:, size:].argmax(1).tolist() == [4, 5]
    carry, _ = step(carry, -1, True)
    assert (carry[0][0] == 0).all()
    assert (carry[0][1, size:] == 0).all()


def test_the_copy_acts_on_what_it_is_told_with_the_same_parameters():
    policy = predicting_policy(SPEC)
    copy = told_context(policy)
    params = policy.init(jax.random.key(0))
    _, out = policy.apply(params, policy.carry(), seen(acted=jnp.array([-1, -1])))
    context = out.extra.reshape(-1) / jnp.linalg.norm(out.extra)
    _, same = copy.apply(params, copy.carry(), seen(latent=context))
    np.testing.assert_allclose(same.logits, out.logits, rtol=1e-5, atol=1e-6)
