"""Guesses: the latent of a policy by how it plays, and what others will do next."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team, no_carry
from zsc.agents.told import beside
from zsc.envs.base import EnvSpec
from zsc.learn.base import Played
from zsc.nets import distribution
from zsc.nets.guess import Guess
from zsc.play.match import Match
from zsc.play.rollout import replay
from zsc.train.method import Member
from zsc.types import Array, Key, Params


def discriminator(spec: EnvSpec, latents: int) -> Policy:
    """A network that is part of a team but plays in no role: see `guess_latent`."""
    net = Guess(latents)
    size = math.prod(spec.obs_shape) + spec.num_actions

    def never(params: Params, carry: Any, inputs: Any) -> Any:
        """Nobody asks a discriminator what to do."""
        raise NotImplementedError

    config = (("latents", latents), ("num_actions", spec.num_actions), ("size", size))
    init = lambda key: net.init(key, jnp.zeros(size))
    return Policy("discriminator", config, init, no_carry, never)


def guess_latent(latents: int, params: Params, obs: Array, logits: Array, mask: Array) -> Array:
    """[..., Z] logits of the latent, from observations [..., *obs], action logits and masks.

    Gradients go through the action probabilities into the policy.
    """
    lead = logits.shape[:-1]
    probs = distribution(logits, mask).probs
    rows = jax.vmap(beside)(obs.reshape(math.prod(lead), -1), probs.reshape(-1, probs.shape[-1]))
    said: Any = jax.vmap(partial(Guess(latents).apply, params))(rows)
    return said.reshape(*lead, latents)


def cross_entropy(logits: Array, latent: Array, where: Array) -> Array:
    """[] the mean of -log q(z), latents being one-hots, over where [...]."""
    each = -(jax.nn.log_softmax(logits) * latent).sum(-1)
    return (each * where).sum() / jnp.maximum(where.sum(), 1)


def told_latents(match: Match, key: Key, latents: int) -> Match:
    """The match of one member in which each role of each game has a one-hot of its own."""
    drawn = jax.random.randint(key, match.seats.shape, 0, latents)
    return match._replace(latent=jax.nn.one_hot(drawn, latents))


def each_latent(room: Params, latents: int) -> Params:
    """[M Z, S, ...] of `with_latent` from [M, S, ...]: every member with every latent."""
    members, count = jax.tree.leaves(room)[0].shape[:2]
    own = jax.tree.map(lambda x: jnp.repeat(x, latents, axis=0), room)
    told = jnp.tile(jnp.eye(latents), (members, 1))
    return own, jnp.repeat(told[:, None], count, axis=1)


def foretell(params: Params, member: Member, policy: Policy | Team, played: Played) -> Array:
    """The loss hook: the predictor's cross-entropy of what the others did, over living games."""
    del member
    (game,) = played
    guess = jax.nn.log_softmax(replay(policy, params, game).extra)  # [T, E, 1, A - 1, N]
    later = jnp.concatenate([game.inputs.acted[1:], game.last.acted[None]])
    did = later[..., 1:]  # by the others, in the step itself
    each = -jnp.take_along_axis(guess, did[..., None], axis=-1)[..., 0].mean(-1)
    return (each * game.playing).sum() / jnp.maximum(game.playing.sum(), 1)
