"""What cooks are said to have done, per agent and step, by name."""

from __future__ import annotations

from typing import NamedTuple

from zsc.envs.overcooked.state import DISH, INTERACT, ONION, SOUP, STAY, TOMATO
from zsc.types import Array

#: What every game tells beside what the reference engine logs.
_OWN = (
    "useful_interact",  # an interact that changed something
    "useless_interact",  # an interact that changed nothing
    "collision",  # kept in place by another agent
    "blocked",  # walked against something that is not floor
    "stay",
)
#: The first thirteen carry the reference engine's names and meaning. With one recipe no potting is
#: useless: a pot takes an onion only while it still needs one.
EVENT_NAMES = (
    "onion_pickup",
    "useful_onion_pickup",
    "onion_drop",
    "useful_onion_drop",
    "potting_onion",
    "dish_pickup",
    "useful_dish_pickup",
    "dish_drop",
    "useful_dish_drop",
    "soup_pickup",
    "soup_delivery",
    "soup_drop",
    *_OWN,
)
_POTTINGS = ("optimal", "viable", "catastrophic", "useless")
#: By the rules of 2020: all of the reference engine's, in its order, then ours. As there, taking a
#: tomato from a dispenser is no `tomato_pickup`; that is `tomato_dispensed`.
EVENT_NAMES_2020 = (
    "tomato_pickup",
    "useful_tomato_pickup",
    "tomato_drop",
    "useful_tomato_drop",
    "potting_tomato",
    *EVENT_NAMES[: -len(_OWN)],
    *(f"{how}_{what}_potting" for how in _POTTINGS for what in ("onion", "tomato")),
    "tomato_dispensed",
    "cooking_start",  # a pot put on the fire
    *_OWN,
)


def event_names(new: bool) -> tuple[str, ...]:
    """The events of the rules of 2020, or of those of 2019."""
    return EVENT_NAMES_2020 if new else EVENT_NAMES


class NewOutcome(NamedTuple):
    """What else an interact did by the rules of 2020, each [] bool."""

    took_tomato: Array  # from a counter
    dispensed_tomato: Array
    potted_tomato: Array
    started: Array  # a pot cooks from now on
    potting: Array  # [] int32, the bits of `Rules.pottings`


class Useful(NamedTuple):
    """What would be useful to do now, each [] bool."""

    fetch: Array  # to take an ingredient
    drop: Array  # to put one down
    dish: Array  # to take a dish
    dish_drop: Array  # to put one down


class Outcome(NamedTuple):
    """What one agent's interact did, each [] bool."""

    took_onion: Array
    took_dish: Array
    took_soup: Array  # from a counter or a pot
    dropped: Array  # what it held before, on a counter
    held: Array  # [] int32, before the interact
    potted: Array  # an onion
    scooped: Array  # soup from a pot
    delivered: Array
    useful: Useful
    dish_rewarded: Array
    new: NewOutcome | None = None  # by the rules of 2020


class Moves(NamedTuple):
    """Why agents did not move, each [A] bool."""

    collided: Array
    blocked: Array


def tell(action: Array, done: Outcome, moves: Moves) -> dict[str, Array]:
    """By name, [A] bool each, what agents did; `done` with [A] in every field."""
    drop = {item: done.dropped & (done.held == item) for item in (ONION, DISH, SOUP)}
    useful = (
        done.took_onion | done.took_dish | done.took_soup | done.dropped
    ) | (done.potted | done.delivered)  # fmt: skip
    told = {
        "onion_pickup": done.took_onion,
        "useful_onion_pickup": done.took_onion & done.useful.fetch,
        "onion_drop": drop[ONION],
        "useful_onion_drop": drop[ONION] & done.useful.drop,
        "potting_onion": done.potted,
        "dish_pickup": done.took_dish,
        "useful_dish_pickup": done.took_dish & done.useful.dish,
        "dish_drop": drop[DISH],
        "useful_dish_drop": drop[DISH] & done.useful.dish_drop,
        "soup_pickup": done.took_soup,
        "soup_delivery": done.delivered,
        "soup_drop": drop[SOUP],
    }
    if done.new is not None:
        new = done.new
        useful = useful | new.started | new.took_tomato | new.dispensed_tomato | new.potted_tomato
        told |= _tell_2020(done, new)
    return told | {
        "useful_interact": useful,
        "useless_interact": (action == INTERACT) & ~useful,
        "collision": moves.collided,
        "blocked": moves.blocked,
        "stay": action == STAY,
    }


def _tell_2020(done: Outcome, new: NewOutcome) -> dict[str, Array]:
    """What the rules of 2020 tell otherwise, or beside."""
    drop = done.dropped & (done.held == TOMATO)
    potted = {"onion": done.potted, "tomato": new.potted_tomato}
    pottings = {
        f"{how}_{what}_potting": ((new.potting >> bit) & 1 == 1) & potted[what]
        for bit, how in enumerate(_POTTINGS)
        for what in potted
    }
    return pottings | {
        "tomato_pickup": new.took_tomato,
        "useful_tomato_pickup": new.took_tomato & done.useful.fetch,
        "tomato_drop": drop,
        "useful_tomato_drop": drop & done.useful.drop,
        "potting_tomato": new.potted_tomato,
        "soup_drop": done.dropped & ((done.held == SOUP) | (done.held > TOMATO)),
        "tomato_dispensed": new.dispensed_tomato,
        "cooking_start": new.started,
    }
