"""What a player of Hanabi sees, as bits, and what each bit means.

The canonical encoding is the Hanabi Learning Environment's, bit for bit: 658 of them in the full
game of two. Everything is relative to the observer, who comes first wherever players are listed.
The belief encoding (the V0 belief of Hu & Foerster 2020, arXiv 1912.02288, section 4.2) differs in
the knowledge section only: in place of "the hints allow this card" stands the share that this card
has among the copies that neither the discards nor the fireworks account for.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from zsc.envs.hanabi.rules import NOTHING, LastMove, Rules, State
from zsc.errors import UserError
from zsc.types import Array

COLOURS = "RYGWB"


class Section(NamedTuple):
    """A run of bits with one meaning."""

    name: str
    start: int
    size: int


def sections(rules: Rules) -> tuple[Section, ...]:
    """The bit map of an observation, in order."""
    players, slots, kinds = rules.players, rules.hand_size, rules.kinds
    last = players + 4 + players + rules.colours + rules.ranks + 2 * slots + kinds + 2
    sizes = {
        "hands of the others": (players - 1) * slots * kinds,
        "hands that lack a card": players,
        "deck": rules.deck_size - players * slots,
        "fireworks": kinds,
        "hint tokens": rules.info_tokens,
        "lives": rules.life_tokens,
        "discards": rules.deck_size,
        "last move": last,
        "knowledge": players * slots * (kinds + rules.colours + rules.ranks),
    }
    starts = np.cumsum([0, *sizes.values()])
    return tuple(
        Section(name, int(start), size)
        for (name, size), start in zip(sizes.items(), starts, strict=False)
    )


def size(rules: Rules) -> int:
    """How many bits an observation has."""
    return sum(section.size for section in sections(rules))


def canonical(rules: Rules, state: State) -> Array:
    """[P, D] uint8: the bits that each player sees."""
    return _encode(rules, state, _possible(state).astype(jnp.uint8))


def belief(rules: Rules, state: State) -> Array:
    """[P, D] float32: as `canonical`, with the V0 belief in place of the possible cards."""
    left = jnp.asarray(_copies(rules)) - state.discards - _played(rules, state).reshape(-1)
    weight = jnp.where(_possible(state), left, 0).astype(jnp.float32)
    return _encode(rules, state, weight / jnp.maximum(weight.sum(-1, keepdims=True), 1.0))


def _encode(rules: Rules, state: State, possible: Array) -> Array:
    players, dtype = rules.players, possible.dtype
    held = (state.hands >= 0)[..., None]
    known = jnp.concatenate(
        [
            possible,
            (state.colours & state.colour_told[..., None]).astype(dtype),
            (state.ranks & state.rank_told[..., None]).astype(dtype),
        ],
        axis=-1,
    )
    known = jnp.where(held, known, 0).reshape(players, -1)
    cards = _one_hot(state.hands, rules.kinds).astype(dtype).reshape(players, -1)
    missing = (state.hands[:, -1:] < 0).astype(dtype)
    public = _public(rules, state).astype(dtype)
    shared = _last_shared(rules, state.last).astype(dtype)

    def seen_by(viewer: int) -> Array:
        """[bits] what one player sees."""
        order = [(viewer + i) % players for i in range(players)]
        actor, target = (_relative(rules, who, viewer).astype(dtype)
                         for who in (state.last.actor, state.last.target))  # fmt: skip
        return jnp.concatenate(
            [
                *(cards[p] for p in order[1:]),
                *(missing[p] for p in order),
                public,
                actor,
                shared[:4],
                target,
                shared[4:],
                *(known[p] for p in order),
            ]
        )

    return jnp.stack([seen_by(viewer) for viewer in range(players)])


def _public(rules: Rules, state: State) -> Array:
    """Deck, fireworks, tokens, discards: the same for everybody; thermometers and one-hots."""
    undealt = rules.deck_size - state.dealt
    draws = rules.deck_size - rules.players * rules.hand_size
    tops = state.fireworks[:, None] - 1 == np.arange(rules.ranks, dtype=np.int8)
    kind, copy = _discard_bits(rules)
    return jnp.concatenate(
        [
            np.arange(draws, dtype=np.int8) < undealt,
            tops.reshape(-1),
            np.arange(rules.info_tokens, dtype=np.int8) < state.info,
            np.arange(rules.life_tokens, dtype=np.int8) < state.life,
            copy < state.discards[kind],
        ]
    )


def _last_shared(rules: Rules, last: LastMove) -> Array:
    """The last move without its players: 4 bits of its kind first."""
    return jnp.concatenate(
        [
            _one_hot(last.kind, 4),
            _one_hot(last.colour, rules.colours),
            _one_hot(last.rank, rules.ranks),
            last.told,
            _one_hot(last.slot, rules.hand_size),
            _one_hot(last.card, rules.kinds),
            last.scored[None],
            last.gained[None],
        ]
    )


def _relative(rules: Rules, player: Array, viewer: int) -> Array:
    """[P] bool: one-hot of a player as the viewer counts; nothing for no player."""
    seat = player - jnp.int8(viewer)
    seat = jnp.where(seat < 0, seat + jnp.int8(rules.players), seat)
    return _one_hot(jnp.where(player < 0, jnp.int8(NOTHING), seat), rules.players)


def _one_hot(value: Array, size: int) -> Array:
    return jnp.asarray(value)[..., None] == np.arange(size, dtype=np.int8)


def _possible(state: State) -> Array:
    """[P, H, K] bool: what hints allow each card to be."""
    both = state.colours[..., :, None] & state.ranks[..., None, :]
    return both.reshape(*state.hands.shape, -1)


def _played(rules: Rules, state: State) -> Array:
    """[C, R] bool: the cards on the fireworks."""
    return jnp.arange(rules.ranks, dtype=jnp.int8) < state.fireworks[:, None]


def _copies(rules: Rules) -> np.ndarray:
    return np.tile(np.asarray(rules.copies, np.int8), rules.colours)


def _discard_bits(rules: Rules) -> tuple[np.ndarray, np.ndarray]:
    """Of each discard bit: which kind of card, and which copy of it."""
    copies = _copies(rules)
    kind = np.repeat(np.arange(rules.kinds), copies)
    copy = np.concatenate([np.arange(n) for n in copies]).astype(np.int8)
    return kind, copy


def bit_names(rules: Rules) -> tuple[str, ...]:
    """What each bit of an observation says, in words; players as +0 (the observer), +1, ..."""
    players, slots = range(rules.players), range(rules.hand_size)
    cards = [_card(rules, k) for k in range(rules.kinds)]
    colours = [colour_name(c) for c in range(rules.colours)]
    ranks = [str(r + 1) for r in range(rules.ranks)]
    kind, copy = _discard_bits(rules)
    draws = rules.deck_size - rules.players * rules.hand_size
    names = [f"+{p} slot {i} is {k}" for p in players[1:] for i in slots for k in cards]
    names += [f"+{p} lacks a card" for p in players]
    names += [f"more than {n} in the deck" for n in range(draws)]
    names += [f"{k} on top" for k in cards]
    names += [f"more than {n} hint tokens" for n in range(rules.info_tokens)]
    names += [f"more than {n} lives" for n in range(rules.life_tokens)]
    names += [f"{cards[k]} discarded, copy {n + 1}" for k, n in zip(kind, copy, strict=True)]
    names += [f"+{p} moved" for p in players]
    names += [f"it was {what}" for what in ("a play", "a discard", "a colour hint", "a rank hint")]
    names += [f"+{p} was told" for p in players]
    names += [f"told {what}" for what in (*colours, *ranks)]
    names += [f"about slot {i}" for i in slots]
    names += [f"from slot {i}" for i in slots]
    names += [f"the card was {k}" for k in cards]
    names += ["it scored", "it brought a hint token"]
    for p in players:
        for i in slots:
            names += [f"+{p} slot {i} may be {k}" for k in cards]
            names += [f"+{p} slot {i} was told {what}" for what in (*colours, *ranks)]
    return tuple(names)


def colour_name(colour: int) -> str:
    """R, Y, G, W, B, and C5, C6 ... beyond them."""
    return COLOURS[colour] if colour < len(COLOURS) else f"C{colour}"


def _card(rules: Rules, kind: int) -> str:
    return f"{colour_name(kind // rules.ranks)}{kind % rules.ranks + 1}"


def explain(rules: Rules, obs: np.ndarray) -> dict[str, tuple[str, ...]]:
    """For each section of one observation [D] the names of its bits that are set."""
    names = bit_names(rules)
    if obs.shape != (len(names),):
        raise UserError(f"the observation has shape {obs.shape}: give one player's {(len(names),)}")

    def say(place: int) -> str:
        share = float(obs[place])
        return names[place] if share == 1 else f"{names[place]}: {share:.2f}"

    return {
        part.name: tuple(say(i) for i in range(part.start, part.start + part.size) if obs[i] > 0)
        for part in sections(rules)
    }
