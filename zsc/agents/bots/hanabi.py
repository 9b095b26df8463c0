"""Rule bots for Hanabi: random, internal, outer, cautious, flawed, IGGI, Piers, Van den Bergh.

A bot is an ordered list of rules; the first one that has something to do decides. The lists are
those of Walton-Rivers et al. 2017 (arXiv 1704.07069) in the final version of their public code, and
of Van den Bergh et al. 2016. All bots are one policy whose parameters are the list, so a roster of
them is one kind.

A bot reads the game state, but only what its player may know: the others' cards, and what hints
said of its own. A rule answers with probabilities over actions, all zero if it does not apply.
Where the authors' code depends on how it numbers slots, slot 0 is the oldest card here, and of
equals the lowest slot wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from typing import Any, NamedTuple

import jax.numpy as jnp

from zsc.agents.policy import Inputs, Out, Policy, no_carry, register
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.hanabi import Hanabi, Rules, State
from zsc.errors import unknown
from zsc.types import Array, Carry, Key


class View(NamedTuple):
    """What a player knows. H slots, O = P - 1 others in turn order, K kinds of cards."""

    rules: Rules
    held: Array  # [H] bool, own cards
    possible: Array  # [H, K] bool, what hints allow them to be
    told: Array  # [H, 2] bool, own colours and ranks that were named
    cards: Array  # [O, H] int, the others' cards, -1 where one is missing
    theirs_told: Array  # [O, H, 2] bool
    weight: Array  # [H, K] copies that an own card can be, of those that the player cannot see
    playable: Array  # [K] bool
    useless: Array  # [K] bool, played already or out of reach for ever
    played: Array  # [K] bool
    complete: Array  # [C] bool
    lowest: Array  # [] the lowest pile
    info: Array  # [] int
    life: Array  # [] int
    empty: Array  # [] bool, nothing is left to draw
    mask: Array  # [N] bool


Rule = Callable[[View], Array]


def look(rules: Rules, state: State, agent: Array, mask: Array) -> View:
    """The view of the player in seat `agent` []."""
    turn = (agent + jnp.arange(rules.players)) % rules.players
    told = jnp.stack([state.colour_told, state.rank_told], -1)[turn]
    cards = state.hands.astype(jnp.int32)[turn]
    possible = (state.colours[..., :, None] & state.ranks[..., None, :])[agent]
    ranks = jnp.arange(rules.ranks)
    pile = state.fireworks.astype(jnp.int32)[:, None]
    played = (ranks < pile).reshape(-1)
    copies = jnp.tile(jnp.asarray(rules.copies), rules.colours)
    gone = copies == state.discards
    # a colour goes no further than the first rank of which every copy is discarded
    dead = jnp.cumsum((gone & ~played).reshape(rules.colours, -1), axis=1) > 0
    visible = (cards[1:, :, None] == jnp.arange(rules.kinds)).sum((0, 1))
    unseen = copies - state.discards - played - visible
    flat = possible.reshape(rules.hand_size, -1)
    return View(
        rules=rules,
        held=cards[0] >= 0,
        possible=flat,
        told=told[0],
        cards=cards[1:],
        theirs_told=told[1:],
        weight=jnp.where(flat, unseen, 0),
        playable=(ranks == pile).reshape(-1),
        useless=played | dead.reshape(-1),
        played=played,
        complete=pile[:, 0] == rules.ranks,
        lowest=pile.min(),
        info=state.info,
        life=state.life,
        empty=state.dealt >= rules.deck_size,
        mask=mask,
    )


def _play(view: View, which: Array) -> Array:
    """Play the first of the slots [H] that are marked."""
    return _slot_action(view, view.rules.hand_size, _first(which & view.held))


def _discard(view: View, share: Array) -> Array:
    """Discard from slots [H] with these probabilities, where discarding is allowed."""
    return _slot_action(view, 0, share) * (view.info < view.rules.info_tokens)


def _slot_action(view: View, start: int, share: Array) -> Array:
    return jnp.zeros(view.mask.shape).at[start : start + view.rules.hand_size].set(share)


def _first(which: Array) -> Array:
    """The first True of an array, as one-hot floats of its shape; all zero if there is none."""
    flat = which.reshape(-1)
    return (flat & (jnp.cumsum(flat) == 1)).astype(jnp.float32).reshape(which.shape)


def _tell(view: View, colour: Array, rank: Array) -> Array:
    """Tell the colour or the rank of others' cards [O, H], with these probabilities."""
    size = view.rules
    exists = (view.cards >= 0) & (view.info > 0)
    colours = view.cards[..., None] // size.ranks == jnp.arange(size.colours)
    ranks = view.cards[..., None] % size.ranks == jnp.arange(size.ranks)
    by_colour = ((colour * exists)[..., None] * colours).sum(1)
    by_rank = ((rank * exists)[..., None] * ranks).sum(1)
    slots = jnp.zeros(2 * size.hand_size)
    return jnp.concatenate([slots, by_colour.reshape(-1), by_rank.reshape(-1), jnp.zeros(1)])


def _tell_first(view: View, colour: Array, rank: Array, rank_goes_first: bool) -> Array:
    """Tell of the first card [O, H] that one of the two marks; of one that both mark, as told."""
    chosen = _first((colour | rank) & (view.cards >= 0)) > 0
    prefer_rank = rank if rank_goes_first else rank & ~colour
    return _tell(view, chosen & ~prefer_rank, chosen & prefer_rank)


def _next(view: View, marked: Array) -> Array:
    """Only the next player's cards of [O, H]."""
    return marked & (jnp.arange(view.cards.shape[0]) == 0)[:, None]


def _is(view: View, kinds: Array) -> Array:
    """[O, H] bool: whether the others' cards are of the kinds marked in [K]."""
    return kinds[view.cards] & (view.cards >= 0)


def _share(view: View, kinds: Array) -> Array:
    """[H] how likely each own card is of the marked kinds [K]; -1 where there is no card."""
    all_copies = view.weight.sum(-1)
    share = (view.weight * kinds).sum(-1) / jnp.maximum(all_copies, 1)
    return jnp.where(view.held, share, -1.0)


def _likeliest(view: View, kinds: Array, least: float) -> Array:
    """[H] bool: the slots that are most likely of the kinds, if that is at least `least`."""
    share = _share(view, kinds)
    return view.held & (share == share.max()) & (share >= least)


def play_if_certain(view: View) -> Array:
    """Play a card of which colour and rank were named and that fits."""
    return _play(view, view.told.all(-1) & (view.possible <= view.playable).all(-1))


def play_safe(view: View) -> Array:
    """Play a card that fits whatever it is."""
    return _play(view, ((view.weight > 0) <= view.playable).all(-1))


def play_probably(least: float) -> Rule:
    """Play the card that most likely fits, if the probability is at least this."""
    return lambda view: _play(view, _likeliest(view, view.playable, least))


def with_lives(rule: Rule) -> Rule:
    """The rule while more than one life is left."""
    return lambda view: rule(view) * (view.life > 1)


def hail_mary(view: View) -> Array:
    """With the deck empty and a life to spare, play whatever is likeliest to fit."""
    return with_lives(play_probably(0.0))(view) * view.empty


def play_safe_at_last_life(view: View) -> Array:
    """`play_safe`, when no life is left to spare."""
    return play_safe(view) * (view.life <= 1)


def discard_useless(view: View) -> Array:
    """Discard a card that hints show to be of no use any more (Osawa's discard)."""
    return _discard(view, _first(view.held & (view.possible <= view.useless).all(-1)))


def discard_probably_useless(least: float) -> Rule:
    """Discard the card that is most likely of no use, if the probability is at least this."""
    return lambda view: _discard(view, _first(_likeliest(view, view.useless, least)))


def discard_oldest(view: View) -> Array:
    """Discard the oldest card."""
    return _discard(view, _first(view.held))


def discard_randomly(view: View) -> Array:
    """Discard any card."""
    return _discard(view, view.held / jnp.maximum(view.held.sum(), 1))


def tell_playable(view: View) -> Array:
    """Tell the next player the colour or the rank, by a coin, of its first card that fits."""
    chosen = _first(_next(view, _is(view, view.playable)))
    return _tell(view, chosen / 2, chosen / 2)


def tell_playable_outer(view: View) -> Array:
    """Tell the next player what is missing about its first card that fits, the rank first."""
    wanted = _next(view, _is(view, view.playable))
    colour, rank = _missing(view, wanted)
    return _tell_first(view, colour, rank, rank_goes_first=True)


def tell_anyone_useful(view: View) -> Array:
    """Tell whoever comes first what is missing about a card that fits, the rank first."""
    colour, rank = _missing(view, _is(view, view.playable))
    return _tell_first(view, colour, rank, rank_goes_first=True)


def tell_unknown(view: View) -> Array:
    """Tell the next player what is missing about its first card, the colour first."""
    colour, rank = _missing(view, _next(view, view.cards >= 0))
    return _tell_first(view, colour, rank, rank_goes_first=False)


def tell_randomly(view: View) -> Array:
    """Tell the next player the colour or the rank of any card."""
    theirs = _next(view, view.cards >= 0)
    each = theirs / jnp.maximum(theirs.sum(), 1) / 2
    return _tell(view, each, each)


def tell_dispensable(view: View) -> Array:
    """With few tokens left, tell somebody that a card is of no use."""
    colour, rank = _missing(view, view.cards >= 0)
    card = view.cards
    complete = colour & view.complete[card // view.rules.ranks]
    low = rank & (card % view.rules.ranks < view.lowest)
    one_told = view.theirs_told.sum(-1) == 1
    played = one_told & _is(view, view.played)
    few = view.info < 4
    return few * _tell_first(
        view, complete | (played & colour), low | (played & rank), rank_goes_first=False
    )


def tell_most(view: View) -> Array:
    """The hint that names most attributes not named before; ranks before colours."""
    colour, rank = _missing(view, view.cards >= 0)
    news = _tell(view, colour * 1.0, rank * 1.0)  # [N] how many cards each hint says something of
    hints = 2 * view.rules.hand_size
    ranks = hints + (view.rules.players - 1) * view.rules.colours
    before = jnp.arange(len(news)) >= ranks
    best = (news == news.max()) & (news > 0)
    return _first(best & (before | ~(best & before).any()))


def any_move(view: View) -> Array:
    """Any legal move."""
    return view.mask / view.mask.sum()


def _missing(view: View, wanted: Array) -> tuple[Array, Array]:
    """[O, H] bool twice: wanted cards whose colour was not named, and whose rank was not."""
    return wanted & ~view.theirs_told[..., 0], wanted & ~view.theirs_told[..., 1]


# made once, so that each stands in RULES once
_RISKY = play_probably(0.25)
_LIKELY_WITH_LIVES = with_lives(play_probably(0.6))
_SURELY_USELESS = discard_probably_useless(1.0)
_LIKELIEST_USELESS = discard_probably_useless(0.0)

#: The bots by name, each an ordered list of rules; after the last one comes any legal move.
BOTS: dict[str, tuple[Rule, ...]] = {
    "random": (),
    "internal": (play_safe, discard_useless, tell_playable, tell_randomly, discard_randomly),
    "outer": (play_safe, discard_useless, tell_playable_outer, tell_unknown, discard_randomly),
    "cautious": (
        play_if_certain,
        play_safe,
        tell_anyone_useful,
        discard_useless,
        discard_randomly,
        tell_randomly,
    ),
    "flawed": (
        play_safe,
        _RISKY,
        tell_randomly,
        discard_useless,
        discard_oldest,
        discard_randomly,
    ),
    "iggi": (
        play_if_certain,
        play_safe,
        tell_anyone_useful,
        discard_useless,
        discard_oldest,
        tell_randomly,
    ),
    "piers": (
        hail_mary,
        play_safe,
        _LIKELY_WITH_LIVES,
        tell_anyone_useful,
        tell_dispensable,
        discard_useless,
        discard_oldest,
        tell_randomly,
        discard_randomly,
    ),
    "van_den_bergh": (
        _LIKELY_WITH_LIVES,
        play_safe_at_last_life,
        _SURELY_USELESS,
        tell_anyone_useful,
        tell_most,
        _LIKELIEST_USELESS,
    ),
}

#: Every rule once; a bot's parameters are places in this list.
RULES: tuple[Rule, ...] = (
    *dict.fromkeys(rule for rules in BOTS.values() for rule in rules),
    any_move,
)
_LONGEST = 1 + max(len(rules) for rules in BOTS.values())


def rule_order(*rules: Rule) -> Array:
    """[L] int32: the parameters of the bot that follows these rules, then makes any legal move."""
    places = [RULES.index(rule) for rule in rules]
    return jnp.asarray(places + [len(RULES) - 1] * (_LONGEST - len(places)), jnp.int32)


def hanabi_bots(env: Hanabi, names: tuple[str, ...] = tuple(BOTS)) -> Pool:
    """A pool of rule bots for a game of Hanabi.

    random: any legal move. internal and outer (Osawa 2015): play what is safe; internal forgets
    what it told. cautious, iggi: tell anyone of useful cards; iggi discards its oldest card.
    piers: iggi with hints about useless cards, likely plays, and a gamble at the end. flawed: plays
    a card that fits with a chance of a quarter. van_den_bergh: plays what fits with a chance of
    0.6, and else gives the hint that says most. Raises UserError for an unknown name.
    """
    for name in names:
        if name not in BOTS:
            raise unknown("rule bot", name, BOTS)
    params = jnp.stack([rule_order(*BOTS[name]) for name in names])
    return make_pool(
        env.spec, hanabi_bot(rules=astuple(env.rules)), params, [Label(method=n) for n in names]
    )


@register("hanabi_bot")
def hanabi_bot(*, rules: tuple[Any, ...]) -> Policy:
    """The rule bot of one size of game. Reads the game state."""
    size = Rules(*rules)

    def init(key: Key) -> Array:
        del key
        return rule_order(*BOTS["iggi"])

    def apply(params: Array, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        view = look(size, inputs.state, inputs.agent, inputs.mask)
        said = jnp.stack([rule(view) for rule in RULES])[params]  # [L, N]
        probs = said[jnp.argmax(said.sum(-1) > 0)]
        return carry, Out(jnp.log(jnp.maximum(probs, 1e-30)), jnp.zeros(1))

    config = (("rules", rules),)
    return Policy("hanabi_bot", config, init, no_carry, apply, reads=("state",))
