"""A model of players: a variational autoencoder of what they saw and did in recorded games."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from zsc.agents.policy import Inputs, Policy
from zsc.agents.told import beside
from zsc.envs.base import Environment
from zsc.machine.members import map_members
from zsc.nets import distribution
from zsc.play.acting import inputs_of
from zsc.play.episode import episode
from zsc.types import Array, Key, Params


class Seen(NamedTuple):
    """What S players saw and did in T steps of a game each."""

    inputs: Inputs  # [S, T, ...]
    action: Array  # [S, T] int32
    playing: Array  # [S, T] bool


@dataclass(frozen=True)
class PartnerModel:
    """The autoencoder of players, and how it learns; static.

    encoder: a policy for (observation, action), whose logits are the mean and the log standard
    deviation of z. decoder: a policy that is told z. size: Z. Other fields: as in
    `GenerativePartners`.
    """

    encoder: Policy
    decoder: Policy
    size: int
    steps: int
    batch: int
    rate: float
    kl_start: float
    kl: float

    def encode(self, params: Params, seen: Seen) -> tuple[Array, Array]:
        """Mean and log standard deviation [Z] of one player's z, seen without the axis S."""
        actions = seen.inputs.mask.shape[-1]

        def step(carry: Any, now: Any) -> Any:
            inputs, action = now
            obs = beside(inputs.obs, jax.nn.one_hot(action, actions))
            carry, out = self.encoder.apply(params, carry, inputs._replace(obs=obs))
            return carry, out.logits

        _, said = jax.lax.scan(step, self.encoder.carry(), (seen.inputs, seen.action))
        mean, log_sd = jnp.split(said[jnp.maximum(seen.playing.sum() - 1, 0)], 2)
        return mean, jnp.clip(log_sd, -5.0, 2.0)

    def log_likelihood(self, params: Params, latent: Array, seen: Seen) -> Array:
        """[] of all that one player did where it had a choice, by the decoder with this z [Z]."""

        def step(carry: Any, inputs: Inputs) -> Any:
            carry, out = self.decoder.apply(params, carry, inputs._replace(latent=latent))
            return carry, out.logits

        _, logits = jax.lax.scan(step, self.decoder.carry(), seen.inputs)
        mask = seen.inputs.mask
        each = distribution(logits, mask).log_prob(seen.action)
        return (each * (seen.playing & (mask.sum(-1) > 1))).sum()

    def loss(self, params: tuple[Params, Params], seen: Seen, key: Key, beta: Array) -> Array:
        """[] minus the lower bound of one player."""
        encoder, decoder = params
        mean, log_sd = self.encode(encoder, seen)
        latent = mean + jnp.exp(log_sd) * jax.random.normal(key, mean.shape)
        apart = 0.5 * (mean**2 + jnp.exp(2 * log_sd) - 1 - 2 * log_sd).sum()
        return beta * apart - self.log_likelihood(decoder, latent, seen)

    def fit(self, seen: Seen, key: Key) -> Params:
        """The decoder's parameters, learned from players [S, T, ...]."""
        encoder_key, decoder_key, key = jax.random.split(key, 3)
        params = self.encoder.init(encoder_key), self.decoder.init(decoder_key)
        rates = optax.cosine_decay_schedule(self.rate, self.steps)
        optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rates))

        def mean(params: Any, some: Seen, keys: Key, beta: Array) -> Array:
            return jax.vmap(self.loss, (None, 0, 0, None))(params, some, keys, beta).mean()

        def step(now: Any, number: Array) -> Any:
            params, moments = now
            draw, noise = jax.random.split(jax.random.fold_in(key, number))
            chosen = jax.random.randint(draw, (self.batch,), 0, len(seen.action))
            beta = self.kl_start + (self.kl - self.kl_start) * number / self.steps
            some, noises = (
                jax.tree.map(lambda x: x[chosen], seen),
                jax.random.split(noise, self.batch),
            )
            value, grads = jax.value_and_grad(mean)(params, some, noises, beta)
            updates, moments = optimizer.update(grads, moments)
            return (optax.apply_updates(params, updates), moments), value

        begin = params, optimizer.init(params)
        ((_, decoder), _), _ = jax.lax.scan(step, begin, jnp.arange(self.steps))
        return decoder


def watch(
    env: Environment, policy: Policy, members: Params, games: int, reads: Any, key: Key
) -> Seen:
    """All players of so many games of a group of members [n, ...] with each other.

    Member g mod n is in seat 0 of game g; the others are drawn. So S = games * A.
    """
    agents, count = env.spec.num_agents, len(jax.tree.leaves(members)[0])

    def one(number: Array) -> Any:
        here = jax.random.fold_in(key, number)
        who = jax.random.randint(jax.random.fold_in(here, 1), (agents,), 0, count)
        who = who.at[0].set(number % count)
        each = tuple(jax.tree.map(lambda x, a=a: x[who[a]], members) for a in range(agents))
        played = episode(env, (policy,) * agents, each, jnp.arange(agents), here)
        return played[1], played[2], played[3], played[-1]

    obs, mask, action, playing = jax.vmap(one)(jnp.arange(games))
    time = jnp.broadcast_to(jnp.arange(action.shape[1]), action.shape[:2])
    seat = jnp.broadcast_to(jnp.arange(agents), action.shape)
    before = jnp.concatenate([jnp.full_like(action[:, :1], -1), action[:, :-1]], axis=1)
    inputs = inputs_of(reads, obs=obs, mask=mask, first=time == 0, seat=seat, acted=before)
    playing = jnp.broadcast_to(playing[..., None], action.shape)
    by_player = lambda x: jnp.moveaxis(x, 2, 1).reshape(-1, *x.shape[1:2], *x.shape[3:])
    return jax.tree.map(by_player, Seen(inputs, action, playing))


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def learn_partners(
    env: Environment, policy: Policy, model: PartnerModel, games: int, groups: Params, keys: Key
) -> Params:
    """[M, ...] decoders of groups of members [M, n, ...], by keys [M]."""
    reads = tuple(name for name in model.decoder.reads if name != "latent")

    def one(members: Params, key: Key) -> Params:
        seen = watch(env, policy, members, games, reads, jax.random.fold_in(key, 0))
        return model.fit(seen, jax.random.fold_in(key, 1))

    return map_members(one)(groups, keys)
