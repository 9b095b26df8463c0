"""Hanabi's rules, as the Hanabi Learning Environment plays them, without a word of learning.

Conventions (Bard et al. 2020, arXiv 1902.00506): player 0 is dealt its whole hand first and starts;
slot 0 of a hand is the oldest card; a card is the number colour * ranks + rank. Moves are numbered
discard (by slot), play (by slot), colour hints (by relative seat, then colour), rank hints. A move
that the rules forbid passes the turn and does nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from zsc.errors import UserError
from zsc.types import Array

NOTHING = -1  # no card, no player, no colour

#: What kind of move was made, in the order of the observation's bits.
PLAY, DISCARD, COLOUR_HINT, RANK_HINT = range(4)


@dataclass(frozen=True)
class Rules:
    """The sizes of a game. copies[r] is how many cards of rank r each colour has."""

    players: int = 2
    colours: int = 5
    ranks: int = 5
    copies: tuple[int, ...] = (3, 2, 2, 2, 1)
    hand_size: int = 5
    info_tokens: int = 8
    life_tokens: int = 3

    def __post_init__(self) -> None:
        for name in ("players", "colours", "ranks", "hand_size", "info_tokens", "life_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise UserError(f"{name} is {value!r}: give a whole number")
        copies: object = self.copies
        if not isinstance(copies, tuple) or not all(isinstance(n, int) for n in copies):
            raise UserError(f"copies is {copies!r}: give a tuple of whole numbers, one per rank")
        if not 2 <= self.players <= 5:
            raise UserError(f"players is {self.players}: Hanabi is played by 2 to 5")
        for name in ("colours", "ranks", "hand_size", "info_tokens", "life_tokens"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: at least 1 is needed")
        if len(self.copies) != self.ranks or min(self.copies) < 1:
            raise UserError(
                f"copies is {self.copies}: give {self.ranks} numbers from 1 on, one per rank"
            )
        if self.players * self.hand_size > self.deck_size:
            raise UserError(
                f"{self.players} hands of {self.hand_size} need {self.players * self.hand_size} "
                f"cards, but the deck has {self.deck_size}: lower hand_size, or add cards"
            )
        if max(self.kinds, self.deck_size) > np.iinfo(np.int8).max:
            raise UserError(
                f"{self.kinds} kinds and {self.deck_size} cards: at most 127 of each are "
                "supported: lower colours, ranks or copies"
            )

    @property
    def kinds(self) -> int:
        """How many different cards there are."""
        return self.colours * self.ranks

    @property
    def deck_size(self) -> int:
        """How many cards there are."""
        return self.colours * sum(self.copies)

    @property
    def max_score(self) -> int:
        """All fireworks complete."""
        return self.kinds

    @property
    def moves(self) -> int:
        """How many moves are numbered; the no-op of waiting players comes after them."""
        return 2 * self.hand_size + (self.players - 1) * (self.colours + self.ranks)

    @property
    def max_turns(self) -> int:
        """No game of legal moves is longer.

        Every draw hands out at most one hint token, the last draw's comes too late, and after the
        last draw each player has one more turn.
        """
        draws = self.deck_size - self.players * self.hand_size
        return (2 * draws - 1 + self.info_tokens if draws else 0) + self.players

    @property
    def cards(self) -> np.ndarray:
        """[deck_size] int8: every card of the deck, sorted."""
        one_colour = np.repeat(np.arange(self.ranks), self.copies)
        colours = np.arange(self.colours)[:, None] * self.ranks
        return (colours + one_colour).reshape(-1).astype(np.int8)


class LastMove(NamedTuple):
    """What the player before did; -1 and False where it does not apply."""

    actor: Array  # [] int8
    kind: Array  # [] int8, PLAY ... RANK_HINT
    target: Array  # [] int8, the player who was told something
    colour: Array  # [] int8, that was told
    rank: Array  # [] int8, that was told
    told: Array  # [H] bool, the cards that the hint is about
    slot: Array  # [] int8, where the played or discarded card was
    card: Array  # [] int8, the played or discarded card
    scored: Array  # [] bool
    gained: Array  # [] bool, a play that brought a hint token back


class State(NamedTuple):
    """One game. P players, H slots of a hand, C colours, R ranks, K = C * R kinds of cards."""

    deck: Array  # [D] int8, cards in the order in which they are dealt
    dealt: Array  # [] int8, how many of them have been
    hands: Array  # [P, H] int8, -1 where a card is missing
    colours: Array  # [P, H, C] bool, what the hints allow each card to be
    ranks: Array  # [P, H, R] bool
    colour_told: Array  # [P, H] bool, the card's colour was named
    rank_told: Array  # [P, H] bool
    fireworks: Array  # [C] int8, ranks played
    discards: Array  # [K] int8, copies thrown away or misplayed
    info: Array  # [] int8, hint tokens
    life: Array  # [] int8
    cur: Array  # [] int8, whose turn it is
    turns_left: Array  # [] int8, once the deck is empty
    time: Array  # [] int16, turns taken
    last: LastMove


def first_state(rules: Rules, deck: Array) -> State:
    """The state after the deal; deck [D] of card numbers in the order in which they are dealt."""
    players, slots = rules.players, rules.hand_size
    hands = deck[: players * slots].reshape(players, slots).astype(jnp.int8)
    none, no = jnp.int8(NOTHING), jnp.array(False)
    last = LastMove(none, none, none, none, none, jnp.zeros(slots, bool), none, none, no, no)
    return State(
        deck=deck.astype(jnp.int8),
        dealt=jnp.int8(players * slots),
        hands=hands,
        colours=jnp.ones((players, slots, rules.colours), bool),
        ranks=jnp.ones((players, slots, rules.ranks), bool),
        colour_told=jnp.zeros((players, slots), bool),
        rank_told=jnp.zeros((players, slots), bool),
        fireworks=jnp.zeros(rules.colours, jnp.int8),
        discards=jnp.zeros(rules.kinds, jnp.int8),
        info=jnp.int8(rules.info_tokens),
        life=jnp.int8(rules.life_tokens),
        cur=jnp.int8(0),
        turns_left=jnp.int8(players),
        time=jnp.int16(0),
        last=last,
    )


def score(state: State) -> Array:
    """[] int32: ranks played, nothing once the last life is lost."""
    return jnp.where(state.life > 0, state.fireworks.sum(dtype=jnp.int32), 0)


def over(rules: Rules, state: State) -> Array:
    """[] bool: lives gone, fireworks complete, or everyone has had a turn after the last draw."""
    complete = (state.fireworks == rules.ranks).all()
    return (state.life <= 0) | complete | (state.turns_left <= 0)


def legal_moves(rules: Rules, state: State) -> Array:
    """[moves] bool: what the player whose turn it is may do."""
    mine = _pick(state.hands, _is(state.cur, rules.players))
    held = mine >= 0
    has = _shown(rules, state.hands)  # [P, C + R]
    others = [_pick(has, _is(_seat(rules, state.cur, i), rules.players))
              for i in range(1, rules.players)]  # fmt: skip
    hints = jnp.stack(others) & (state.info > 0)
    return jnp.concatenate(
        [
            held & (state.info < rules.info_tokens),
            held,
            hints[:, : rules.colours].reshape(-1),
            hints[:, rules.colours :].reshape(-1),
        ]
    )


def step(rules: Rules, state: State, move: Array) -> State:
    """The player whose turn it is makes a move []. For games that are not over."""
    now = _decode(rules, state, move)
    return _draw(rules, _tell(_apply(rules, state, now), now), now)


class _Move(NamedTuple):
    """A move taken apart; a forbidden one has no kind at all."""

    mover: Array  # [P] bool
    slot: Array  # [H] bool, the card that leaves the hand
    card: Array  # [] int8, which card that is
    play: Array  # [] bool
    discard: Array  # [] bool
    target: Array  # [P] bool, who is told
    colour: Array  # [C] bool
    rank: Array  # [R] bool
    told: Array  # [H] bool, the target's cards that it is about
    colour_hint: Array  # [] bool
    rank_hint: Array  # [] bool


def _decode(rules: Rules, state: State, move: Array) -> _Move:
    players, slots, colours, ranks = rules.players, rules.hand_size, rules.colours, rules.ranks
    number = move.astype(jnp.int32)
    mover = _is(state.cur, players)
    slot = _is(number, slots) | _is(number - slots, slots)
    card = _pick(_pick(state.hands, mover), slot)
    holds = slot.any() & (card >= 0)
    by_colour = number - 2 * slots
    by_rank = by_colour - (players - 1) * colours
    told_colour = (by_colour >= 0) & (by_rank < 0)
    told_rank = (by_rank >= 0) & (by_rank < (players - 1) * ranks)
    ahead = jnp.where(told_colour, by_colour // colours, by_rank // ranks) + 1
    target = _is(_seat(rules, state.cur, ahead), players)
    colour = _is(by_colour % colours, colours) & told_colour
    rank = _is(by_rank % ranks, ranks) & told_rank
    theirs = _pick(state.hands, target)
    told = (theirs >= 0) & (
        (colour & _is(theirs // ranks, colours)).any(-1)
        | (rank & _is(theirs % ranks, ranks)).any(-1)
    )
    may_hint = told.any() & (state.info > 0)
    return _Move(
        mover=mover,
        slot=slot,
        card=card,
        play=holds & (number >= slots),
        discard=holds & (number < slots) & (state.info < rules.info_tokens),
        target=target,
        colour=colour,
        rank=rank,
        told=told,
        colour_hint=told_colour & may_hint,
        rank_hint=told_rank & may_hint,
    )


def _apply(rules: Rules, state: State, now: _Move) -> State:
    """Everything but the hands: piles, tokens, turns, and what is remembered of the move."""
    card_colour = _is(now.card // rules.ranks, rules.colours)
    pile = _pick(state.fireworks, card_colour)
    scored = now.play & (pile == now.card % rules.ranks)
    missed = now.play & ~scored
    full = state.info >= rules.info_tokens
    gained = scored & (pile == rules.ranks - 1) & ~full
    thrown = now.discard | missed
    hinted = now.colour_hint | now.rank_hint
    return state._replace(
        fireworks=state.fireworks + (card_colour & scored),
        discards=state.discards + (_is(now.card, rules.kinds) & thrown),
        info=state.info + (now.discard | gained) - hinted,
        life=state.life - missed,
        turns_left=state.turns_left - (state.dealt >= rules.deck_size),
        cur=_seat(rules, state.cur, 1).astype(jnp.int8),
        time=state.time + jnp.int16(1),
        last=_remember(rules, state, now, scored, gained),
    )


def _tell(state: State, now: _Move) -> State:
    """What a hint says of every card of the hand that it is about, also of those not named."""

    def narrow(possible: Array, value: Array, hint: Array) -> Array:
        fits = now.told[:, None] == value
        return possible & (fits | ~(now.target & hint)[:, None, None])

    named = now.target[:, None] & now.told
    return state._replace(
        colours=narrow(state.colours, now.colour, now.colour_hint),
        ranks=narrow(state.ranks, now.rank, now.rank_hint),
        colour_told=state.colour_told | (named & now.colour_hint),
        rank_told=state.rank_told | (named & now.rank_hint),
    )


def _draw(rules: Rules, state: State, now: _Move) -> State:
    """Close the gap in the mover's hand and draw, unless the deck is empty or the game over."""
    leaves = now.play | now.discard
    draws = leaves & (state.dealt < rules.deck_size) & ~over(rules, state)
    top = state.deck[jnp.minimum(state.dealt, rules.deck_size - 1).astype(jnp.int32)]
    fresh = jnp.where(draws, top, jnp.int8(NOTHING))
    from_gap = jnp.cumsum(now.slot) > 0  # [H]
    moves = (now.mover & leaves)[:, None] & from_gap  # [P, H]

    def shift(hands: Array, new: Array) -> Array:
        pad = jnp.broadcast_to(new, (hands.shape[0], 1, *hands.shape[2:]))
        shifted = jnp.concatenate([hands[:, 1:], pad], axis=1)
        return jnp.where(moves.reshape(*moves.shape, *(1,) * (hands.ndim - 2)), shifted, hands)

    return state._replace(
        hands=shift(state.hands, fresh),
        colours=shift(state.colours, jnp.array(True)),
        ranks=shift(state.ranks, jnp.array(True)),
        colour_told=shift(state.colour_told, jnp.array(False)),
        rank_told=shift(state.rank_told, jnp.array(False)),
        dealt=state.dealt + draws,
    )


def _remember(rules: Rules, state: State, now: _Move, scored: Array, gained: Array) -> LastMove:
    none = jnp.int8(NOTHING)
    leaves, hinted = now.play | now.discard, now.colour_hint | now.rank_hint
    place = lambda at, wanted: jnp.where(wanted, jnp.argmax(at).astype(jnp.int8), none)
    kind = jnp.where(now.rank_hint, jnp.int8(RANK_HINT), none)
    kind = jnp.where(now.colour_hint, jnp.int8(COLOUR_HINT), kind)
    kind = jnp.where(now.discard, jnp.int8(DISCARD), kind)
    kind = jnp.where(now.play, jnp.int8(PLAY), kind)
    return LastMove(
        actor=state.cur,
        kind=kind,
        target=place(now.target, hinted),
        colour=place(now.colour, now.colour_hint),
        rank=place(now.rank, now.rank_hint),
        told=now.told & hinted,
        slot=place(now.slot, leaves),
        card=jnp.where(leaves, now.card, none),
        scored=scored,
        gained=gained,
    )


def _is(value: Array, size: int) -> Array:
    """[..., size] bool: one-hot of a number [...]; all False where it is out of range."""
    numbers = np.arange(size, dtype=value.dtype)
    return jnp.asarray(value)[..., None] == numbers


def _pick(rows: Array, which: Array) -> Array:
    """The row [...] of rows [X, ...] that is marked in which [X]; comparisons beat gathers."""
    marked = which.reshape(-1, *(1,) * (rows.ndim - 1))
    if rows.dtype == bool:
        return (rows & marked).any(0)
    return jnp.where(marked, rows, 0).sum(0, dtype=rows.dtype)


def _seat(rules: Rules, cur: Array, ahead: Array | int) -> Array:
    """The player `ahead` turns after `cur`, both in 0 to players."""
    seat = cur.astype(jnp.int32) + ahead
    return jnp.where(seat >= rules.players, seat - rules.players, seat)


def _shown(rules: Rules, hands: Array) -> Array:
    """[P, C + R] bool: which colours and ranks each hand holds."""
    held = (hands >= 0)[..., None]
    colours = (held & _is(hands // rules.ranks, rules.colours)).any(1)
    ranks = (held & _is(hands % rules.ranks, rules.ranks)).any(1)
    return jnp.concatenate([colours, ranks], axis=1)


def shuffled(rules: Rules, key: Array) -> Array:
    """[D] int8: the deck in random order, by Fisher and Yates.

    Seven times as fast as `jax.random.permutation`, which sorts. A 32-bit word modulo at most 127
    is uneven by less than 1 in 10^7.
    """
    words = jax.random.bits(key, (rules.deck_size,))

    def swap(place: Array, deck: Array) -> Array:
        ahead = words[place] % (rules.deck_size - place).astype(jnp.uint32)
        other = place + ahead.astype(jnp.int32)
        here, there = deck[place], deck[other]
        return deck.at[place].set(there).at[other].set(here)

    return jax.lax.fori_loop(0, rules.deck_size, swap, jnp.asarray(rules.cards))


def deck_from_pairs(rules: Rules, deck: Array) -> Array:
    """[D] card numbers of a deck [D, 2] of (colour, rank); checked where its values are known.

    Raises UserError for a deck of another shape or, outside jit, with other cards.
    """
    wanted = (rules.deck_size, 2)
    if tuple(np.shape(deck)) != wanted:
        raise UserError(
            f"the deck has shape {tuple(np.shape(deck))}: give {wanted}, a (colour, rank) per card"
        )
    if not isinstance(deck, jax.core.Tracer):
        if not np.issubdtype(np.asarray(deck).dtype, np.integer):
            raise UserError(f"the deck holds {np.asarray(deck).dtype}: give whole numbers")
        _check_deck(rules, np.asarray(deck))
    cards = jnp.asarray(deck, jnp.int32)
    return (cards[:, 0] * rules.ranks + cards[:, 1]).astype(jnp.int8)


def _check_deck(rules: Rules, deck: np.ndarray) -> None:
    counts = np.zeros((rules.colours, rules.ranks), int)
    for colour, rank in deck.tolist():
        if not (0 <= colour < rules.colours and 0 <= rank < rules.ranks):
            raise UserError(
                f"the deck has a card of colour {colour} and rank {rank}: colours go from 0 to "
                f"{rules.colours - 1}, ranks from 0 to {rules.ranks - 1}"
            )
        counts[colour, rank] += 1
    wrong = np.argwhere(counts != np.asarray(rules.copies))
    if len(wrong):
        colour, rank = (int(x) for x in wrong[0])
        raise UserError(
            f"the deck has {counts[colour, rank]} cards of colour {colour} and rank {rank}: "
            f"the rules want {rules.copies[rank]}"
        )
