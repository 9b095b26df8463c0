"""The method of the guide "Add a method"."""

from dataclasses import dataclass

import jax

from zsc.populations import Method, Recipe
from zsc.populations.self_play import final_members


@dataclass(frozen=True)
class DrawTastes:
    """The init hook: which action each member likes, [M]."""

    actions: int

    def __call__(self, key, params, partners):
        members = len(jax.tree.leaves(params)[0])
        return jax.random.randint(key, (members,), 0, self.actions), partners


@dataclass(frozen=True)
class Liked:
    """The reward hook: what is liked is worth something."""

    worth: float

    def __call__(self, member, policy, played):
        (game,) = played  # one for each kind of games; self-play has one
        liked = game.action == member.mstate[member.index]  # [T, E, R]
        return (game._replace(reward=game.reward + self.worth * liked * game.valid),)


@dataclass(frozen=True, kw_only=True)
class Tastes(Recipe):
    """Self-play agents that each like one action.

    liking: what the liked action is worth, in units of reward.
    """

    liking: float = 0.5

    def build(self, run):
        draw = DrawTastes(run.env.spec.num_actions)
        method = Method("tastes", init=draw, reward=Liked(self.liking))
        return final_members(self, run, method)
