"""What an agent cannot know, redrawn given what it does know: beliefs of off-belief learning.

Two kinds. A `Belief` redraws a state under the uniform policy, whose moves say nothing of what is
hidden. `ByHistory` plays every deal again and weighs it by how likely a policy's moves were in it:
exact for any policy, in games with few deals and no chance but the deal.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any, Protocol, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import greedy, mixture
from zsc.envs.base import Environment
from zsc.envs.hanabi import Hanabi
from zsc.envs.hanabi.rules import Rules
from zsc.envs.hanabi.rules import State as HanabiState
from zsc.envs.small import CatAndDog
from zsc.errors import UserError
from zsc.learn.base import Task
from zsc.learn.q_learning import Experience
from zsc.nets import distribution
from zsc.play.acting import apply_one, fresh_carry, inputs_of
from zsc.types import Array, Key, Params, State

Belief: TypeAlias = Callable[[Any, Any, Array, Key], Any]  # (env, state, seat [], key) -> state
Deals: TypeAlias = Callable[[Any], Any]  # env -> states [X, ...], all deals, each as likely

_TRIES = 32  # hands that are drawn until one is taken
_MOST_HANDS, _MOST_DEALS = 1024, 5000  # that are enumerated


class Redraw(Protocol):
    """(task, key, given, games [G]) -> states [G, T, R, ...]: what each role may be in at a step.

    given: the parameters of the policy whose play the belief is about, () for the uniform one.
    """

    def __call__(self, task: Task, key: Key, given: Params, games: Experience) -> State:
        """The drawn states."""


@dataclass(frozen=True)
class ByState:
    """Each state redrawn by itself."""

    belief: Belief

    def __call__(self, task: Task, key: Key, given: Params, games: Experience) -> State:
        """The drawn states [G, T, R, ...]."""
        del given
        seat = games.inputs.agent[:, :-1]
        draw = partial(self.belief, task.env)
        for axes in ((None, 0, 0), (0, 0, 0), (0, 0, 0)):  # roles share a state
            draw = jax.vmap(draw, axes)
        before = jax.tree.map(lambda x: x[:, :-1], games.world)
        return draw(before, seat, jax.random.split(key, seat.shape))


@dataclass(frozen=True)
class ByHistory:
    """Each deal weighed by the likelihood of the others' moves so far, exactly.

    The policy is that of the task with the given parameters, greedy but for a share `tremble` of
    uniform moves. A deal counts for an agent while it would have seen in it all that it saw.
    """

    deals: Deals
    tremble: float

    def __call__(self, task: Task, key: Key, given: Params, games: Experience) -> State:
        """The drawn states [G, T, R, ...]."""
        keys = jax.random.split(key, len(games.action))
        return jax.vmap(partial(self._of_game, task, given))(keys, games)

    def _of_game(self, task: Task, given: Params, key: Key, game: Experience) -> State:
        return self.walk(task, given, key, game)[0]

    def walk(self, task: Task, given: Params, key: Key, game: Experience) -> tuple[State, Array]:
        """States [T, R, ...] drawn along one game, and the log weights [T, X, A] of all deals."""
        env, agents = task.env, task.env.spec.num_agents
        policy = mixture(greedy(task.policy), self.tremble)  # type: ignore[arg-type]
        states = self.deals(env)
        count, seats = len(jax.tree.leaves(states)[0]), jnp.arange(agents)
        said = jax.vmap(jax.vmap(partial(apply_one, policy, given)))

        def step(now: Any, at: Any) -> Any:
            """One step of the game in all deals at once."""
            states, shown, carry, acted, weight = now
            time, truth, joint, roles = at
            seen_now = env.show(truth).obs
            same = (shown.obs == seen_now).reshape(count, agents, -1).all(-1)
            weight = jnp.where(same, weight, -jnp.inf)
            draw_key = jax.random.fold_in(key, time)
            drawn = jax.random.categorical(draw_key, weight.T[roles], axis=-1)  # [R]
            seen = inputs_of(
                policy.reads,
                obs=shown.obs,
                mask=shown.mask,
                first=jnp.broadcast_to(time == 0, count),
                seat=jnp.broadcast_to(seats, (count, agents)),
                acted=jnp.broadcast_to(acted, (count, agents)),
            )
            carry, out = said(carry, seen)
            each = distribution(out.logits, shown.mask).log_prob(joint)  # [X, A]
            legal = jnp.take_along_axis(shown.mask, joint[None, :, None], -1)[..., 0]
            each = jnp.where(legal, each, -jnp.inf)
            others = jnp.where(seats[:, None] == seats, 0.0, each[:, None]).sum(-1)
            after, shown = jax.vmap(partial(env.step, key), (0, None))(states, joint)
            found = jax.tree.map(lambda x: x[drawn], states)
            return (after, shown, carry, joint, weight + others), (found, weight)

        joint = joint_actions(env, game)
        nobody = jnp.full(agents, -1, jnp.int32)
        carry = fresh_carry(policy, (count, agents))
        begun = (states, jax.vmap(env.show)(states), carry, nobody, jnp.zeros((count, agents)))
        truth = jax.tree.map(lambda x: x[:-1], game.world)
        along = (jnp.arange(len(joint)), truth, joint, game.inputs.agent[:-1])
        return jax.lax.scan(step, begun, along)[1]


def joint_actions(env: Environment, game: Experience) -> Array:
    """[T, A] what all did in one game; in a game of turns those who wait take the idle action."""
    if not env.spec.turns:
        return game.action
    mover = jnp.arange(env.spec.num_agents) == game.inputs.agent[:-1]
    return jnp.where(mover, game.action, env.spec.idle_action or 0)


def hanabi_belief(env: Hanabi, state: HanabiState, seat: Array, key: Key) -> HanabiState:
    """The state with this player's hand and the deck redrawn: all that it cannot know.

    A hand is as likely as there are ways to deal it from the cards that the player does not see,
    among those that its hints allow; the deck is the rest in random order. Exact for a policy whose
    moves say nothing, as long as hands can be enumerated (kinds ^ slots up to 1,024). In larger
    games a hand is drawn slot by slot and taken with the chance that makes it exact; if none of 32
    is, which is rare, one of them by its weight. The part of the deck that was dealt is sorted: no
    rule reads it.
    """
    rules = env.rules
    hand_key, deck_key = jax.random.split(key)
    kinds = np.arange(rules.kinds)
    count = lambda cards: (cards[..., None] == kinds).sum(tuple(range(cards.ndim)))
    mine = jnp.take(state.hands, seat, axis=0)
    played = jnp.arange(rules.ranks) < state.fireworks[:, None]
    total = jnp.asarray(np.tile(rules.copies, rules.colours))
    unseen = total - state.discards - played.reshape(-1) - count(state.hands) + count(mine)
    may = lambda x: jnp.take(x, seat, axis=0)
    allowed = (may(state.colours)[:, :, None] & may(state.ranks)[:, None]).reshape(len(mine), -1)
    enumerable = rules.kinds**rules.hand_size <= _MOST_HANDS
    draw = _one_of_all if enumerable else _slot_by_slot
    hand = jnp.where(mine < 0, mine, draw(rules, hand_key, unseen, allowed, mine >= 0))
    rest = unseen - count(hand)
    copy = np.concatenate([np.arange(n) for n in np.tile(rules.copies, rules.colours)])
    order = jax.random.uniform(deck_key, (rules.deck_size,))
    order = jnp.where(copy < rest[rules.cards], order, -1.0)
    deck = jnp.asarray(rules.cards)[jnp.argsort(order, stable=True)]
    rows = jnp.arange(rules.players)[:, None] == seat
    return state._replace(hands=jnp.where(rows, hand, state.hands).astype(jnp.int8), deck=deck)


def _one_of_all(rules: Rules, key: Key, unseen: Array, allowed: Array, held: Array) -> Array:
    """[H] int8 a hand by the number of ways to deal it, from the list of all."""
    hands = np.array(list(product(range(rules.kinds), repeat=rules.hand_size)), np.int8)
    slots = np.arange(rules.hand_size)
    fits = (allowed[slots, hands] | ~held).all(1) & (held | (hands == 0)).all(1)  # one per hand
    # of each slot: how many copies are left once earlier slots took theirs
    earlier = slots[:, None] > slots
    taken = ((hands[:, :, None] == hands[:, None]) & earlier & held).sum(-1)
    left = jnp.where(held, unseen[hands] - taken, 1)
    ways = jnp.maximum(left, 0).prod(1) * fits
    return jnp.asarray(hands)[jax.random.categorical(key, jnp.log(ways.astype(jnp.float32)))]


def _slot_by_slot(rules: Rules, key: Key, unseen: Array, allowed: Array, held: Array) -> Array:
    """[H] int8 a hand by the same chances, by rejection."""

    def attempt(key: Key) -> tuple[Array, Array]:
        """A hand, and the log of how often it is to be taken."""

        def slot(left: Array, now: Any) -> tuple[Array, Any]:
            key, allowed, held = now
            may = jnp.maximum(left, 0) * allowed
            card = jax.random.categorical(key, jnp.log(may.astype(jnp.float32)))
            most = jnp.maximum((unseen * allowed).sum(), 1)
            share = jnp.where(held, jnp.log(may.sum() / most), 0.0)
            return left - held * (jnp.arange(rules.kinds) == card), (card, share)

        keys = jax.random.split(key, rules.hand_size)
        _, (cards, shares) = jax.lax.scan(slot, unseen, (keys, allowed, held))
        return cards.astype(jnp.int8), shares.sum()

    try_key, take_key, last_key = jax.random.split(key, 3)
    hands, weight = jax.vmap(attempt)(jax.random.split(try_key, _TRIES))
    taken = jnp.log(jax.random.uniform(take_key, (_TRIES,))) < weight
    by_weight = jax.random.categorical(last_key, weight)
    return hands[jnp.where(taken.any(), jnp.argmax(taken), by_weight)]


def hanabi_deals(env: Hanabi) -> HanabiState:
    """[X, ...] the state after every deal. Raises UserError for more than 5,000 of them."""
    rules = env.rules
    counts = tuple(np.tile(rules.copies, rules.colours).tolist())
    ways = math.factorial(rules.deck_size) // math.prod(map(math.factorial, counts))
    if ways > _MOST_DEALS:
        raise UserError(
            f"{env.spec.id} has {ways:,} deals, {_MOST_DEALS:,} can be enumerated: train with "
            "levels=1, or play a smaller game"
        )
    decks = np.array(_orders(counts), np.int32)
    pairs = np.stack([decks // rules.ranks, decks % rules.ranks], axis=-1)
    return jax.vmap(lambda deck: env.reset_from_deck(deck)[0])(jnp.asarray(pairs))


def _orders(counts: tuple[int, ...]) -> list[tuple[int, ...]]:
    """All orders of a deck with so many cards of each kind."""
    if not any(counts):
        return [()]
    without = lambda k: (*counts[:k], counts[k] - 1, *counts[k + 1 :])
    return [(k, *rest) for k, n in enumerate(counts) if n for rest in _orders(without(k))]


#: Of each family of games: its belief under uniform play, and its deals.
BELIEFS: dict[str, Belief] = {"hanabi": hanabi_belief, "cat_and_dog": CatAndDog.redrawn}
DEALS: dict[str, Deals] = {"hanabi": hanabi_deals, "cat_and_dog": CatAndDog.deals}
