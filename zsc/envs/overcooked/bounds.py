"""What an episode can pay at most: no game pays more, however well placed everything is."""

from __future__ import annotations

import math

from zsc.envs.overcooked.rules import RECIPES, Rules, ingredients
from zsc.envs.overcooked.state import COOK_TIME, POT_SIZE


def most_return(rules: Rules, cooks: int, pots: int, horizon: int) -> float | None:
    """A bound on what so many cooks earn from an empty kitchen; None for prices without bound."""
    if not rules.new:
        return rules.values[POT_SIZE] * _most_soups(cooks, pots, horizon)
    paid = [content for content in RECIPES if rules.values[content]]
    if any(math.isinf(rules.values[content]) for content in paid):
        return None
    # per step of a pot: at best it is put on again in the step in which it was emptied; per
    # interact of a cook: each ingredient taken and put, a start, a dish, a scoop, a delivery
    by_pots = max((rules.values[c] / max(rules.times[c], 1) for c in paid), default=0.0)
    by_hands = max((rules.values[c] / (2 * sum(ingredients(c)) + 4) for c in paid), default=0.0)
    most = max((rules.values[c] for c in paid), default=0.0)
    return min(pots * (by_pots * horizon + most), cooks * by_hands * horizon)


def _most_soups(cooks: int, pots: int, horizon: int) -> int:
    """The soups that can be delivered by the rules of 2019.

    Two hands take and put three onions in four steps at least. A soup is scooped `COOK_TIME` steps
    after its last onion and delivered a step later at the earliest; the pot is full again the step
    after it was emptied at the earliest, with more than three cooks in the same step. And a soup is
    nine interactions: three onions taken and put, a dish taken, the soup scooped and delivered.
    """
    fill = 2 * math.ceil(POT_SIZE / cooks)
    cycle = COOK_TIME + (cooks <= POT_SIZE)
    of_a_pot = max(0, horizon - fill - (COOK_TIME + 1) + cycle) // cycle
    return min(pots * of_a_pot, cooks * horizon // 9)
