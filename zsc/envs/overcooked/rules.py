"""What differs between the two rules of Overcooked: soups, what they pay, how they are cooked.

By the rules of 2019 (Carroll et al., arXiv 1910.05789) a soup is three onions and a pot starts by
itself. By those of 2020, as the engine of the PyPI package `overcooked` plays them (its "new
dynamics"), a soup is one to three onions and tomatoes, cooking starts by an interact with empty
hands, and each kitchen says what is ordered, what it pays and how long it cooks.

What is in a pot is told by its content, `onions + 4 * tomatoes`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from zsc.envs.overcooked.state import COOK_TIME, POT_SIZE, SOUP

DYNAMICS = ("2019", "2020")
#: What a soup of three onions pays by the rules of 2019, and any soup by the engine's defaults.
DELIVERY_REWARD = 20.0

#: One more than the largest content.
CONTENTS = POT_SIZE * (POT_SIZE + 1) + 1
#: Contents that are soups: all of one to three ingredients, first the one of three onions.
RECIPES = (
    POT_SIZE,
    *(
        onions + (POT_SIZE + 1) * tomatoes
        for tomatoes in range(POT_SIZE + 1)
        for onions in range(POT_SIZE + 1 - tomatoes)
        if onions + tomatoes > 0 and onions != POT_SIZE
    ),
)
#: How a soup out of the pot is numbered among what is held and lies, in the order of `RECIPES`.
SOUP_ITEMS = (SOUP, *range(SOUP + 2, SOUP + 1 + len(RECIPES)))
ITEMS_2020 = SOUP_ITEMS[-1] + 1

ITEM_OF_CONTENT = np.zeros(CONTENTS, np.int32)
ITEM_OF_CONTENT[list(RECIPES)] = SOUP_ITEMS
#: [items] 0 for what is no soup.
CONTENT_OF_ITEM = np.zeros(ITEMS_2020, np.int32)
CONTENT_OF_ITEM[list(SOUP_ITEMS)] = RECIPES


@dataclass(frozen=True)
class Rules:
    """The rules of one kitchen; equal rules share one compiled program.

    dynamics: "2019", or "2020" (tomatoes, soups of any size, cooking is started by hand).
    times: [CONTENTS] steps that a soup of that content cooks.
    values: [CONTENTS] what it pays when it is delivered, 0 for what nobody ordered.
    placement, dish, scoop: shaped rewards for an ingredient put into a pot, a useful dish taken
        from the pile, a soup taken from a pot.
    """

    dynamics: str
    times: tuple[int, ...]
    values: tuple[float, ...]
    placement: float = 3.0
    dish: float = 3.0
    scoop: float = 5.0

    @property
    def new(self) -> bool:
        """True for the rules of 2020: there are tomatoes, and no pot starts by itself."""
        return self.dynamics == "2020"

    @property
    def items(self) -> int:
        """How many different things can be held or lie, nothing included."""
        return ITEMS_2020 if self.new else SOUP + 1

    @property
    def contents(self) -> int:
        """One more than the largest content of a pot."""
        return CONTENTS if self.new else POT_SIZE + 1

    @property
    def longest(self) -> int:
        """Steps that the slowest soup cooks."""
        return max(self.times)

    @cached_property
    def best(self) -> np.ndarray:
        """[CONTENTS] the most that a pot of that content can still become worth."""
        return np.array([
            max(self.values[to] for to in RECIPES if _within(content, to))
            if content == 0 or content in RECIPES else 0.0
            for content in range(CONTENTS)
        ])  # fmt: skip

    @cached_property
    def pottings(self) -> tuple[np.ndarray, np.ndarray]:
        """What an onion, and a tomato, in a pot of a content does, each [CONTENTS] of four bits.

        Bit 0: optimal, the most that the pot can become worth stays; 1: viable, that is more than
        nothing; 2: catastrophic, it was more than nothing and is no longer; 3: useless, it was
        nothing before.
        """
        best = self.best
        tables = []
        for more in (1, POT_SIZE + 1):
            now = np.concatenate([best[more:], np.zeros(more)])
            bits = (best == now, now > 0, (best > 0) & (now == 0), best == 0)
            tables.append(sum(np.int32(1 << i) * bit for i, bit in enumerate(bits)))
        return tables[0], tables[1]


def ingredients(content: int) -> tuple[int, int]:
    """(onions, tomatoes) of a content."""
    return content % (POT_SIZE + 1), content // (POT_SIZE + 1)


def _within(content: int, other: int) -> bool:
    """True if more ingredients make the one of the other."""
    pairs = zip(ingredients(content), ingredients(other), strict=True)
    return all(mine <= theirs for mine, theirs in pairs)


def _only(content: int, value: float) -> tuple[float, ...]:
    return tuple(value if c == content else 0.0 for c in range(CONTENTS))


#: A soup of three onions and nothing else, twenty steps and twenty points.
RULES_2019 = Rules("2019", (COOK_TIME,) * CONTENTS, _only(POT_SIZE, DELIVERY_REWARD))
#: The same order by the rules of 2020: what the classic kitchens' files ask for.
ONION_SOUP_2020 = Rules("2020", (COOK_TIME,) * CONTENTS, _only(POT_SIZE, DELIVERY_REWARD))
