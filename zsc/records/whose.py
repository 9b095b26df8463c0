"""Who played recorded games, and a split of games by people.

Clones have to be judged on people whom they never saw. Games that share somebody belong together:
a split by games, or by steps, has the same person on both sides and says how well a clone
remembers, not how well it foretells others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np

from zsc.errors import UserError

#: For each game and seat who played: an id, or "" for an agent.
Whose: TypeAlias = tuple[tuple[str, ...], ...]


def whose_games(notes: Mapping[str, Any], games: int, agents: int) -> Whose | None:
    """Who played, by the notes of a file of games; None if they do not say it of every game.

    `zsc study export` and `zsc convert` write notes["games"], for each game {"people": {seat: id}}.
    """
    told = notes.get("games")
    if not isinstance(told, list) or len(told) != games:
        return None
    people = [one.get("people") if isinstance(one, Mapping) else None for one in told]
    if not all(isinstance(one, Mapping) for one in people):
        return None
    found = tuple(
        tuple(str(one.get(str(seat), "")) for seat in range(agents)) for one in people if one
    )
    return found if len(found) == games and all(any(row) for row in found) else None


def groups_of(whose: Whose) -> np.ndarray:
    """[games] a number for each game; games that are joined by a chain of people share it."""
    owner: dict[str, int] = {}
    number = list(range(len(whose)))

    def root(game: int) -> int:
        while number[game] != game:
            game = number[game]
        return game

    for game, row in enumerate(whose):
        for person in filter(None, row):
            number[root(game)] = root(owner.setdefault(person, game))
    return np.unique([root(game) for game in range(len(whose))], return_inverse=True)[1]


def split_people(whose: Whose, share: float) -> np.ndarray:
    """[games] bool: held out, at least this share of the games if groups allow it.

    Whole groups of people are taken from the end; that of the first game never is, nor one that
    would be more than twice the share, as that of a person who played hundreds of games, unless
    all are. Raises UserError if there is only one group.
    """
    held = np.zeros(len(whose), bool)
    if share <= 0:
        return held
    groups = groups_of(whose)
    size = np.bincount(groups)
    order = [g for g in dict.fromkeys(groups[::-1].tolist()) if g != groups[0]]
    if not order:
        raise UserError(
            f"all {len(whose)} games are joined by people who played several of them: nobody can "
            "be held out; give held_out=0, or fewer games"
        )
    fitting = [g for g in order if size[g] <= 2 * share * len(whose)]
    for group in fitting or [min(order, key=lambda g: size[g])]:
        if held.mean() < share:
            held |= groups == group
    return held
