"""With whom one can play: members of pools, scripted partners, partners of rosters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from zsc.agents.bots import scripted_partners
from zsc.agents.policy import constant_policy, trembling
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.evaluation.heldout import list_rosters, roster
from zsc.machine.progress import say
from zsc.web.log import Agent
from zsc.web.stage import partner

SCRIPTED, ROSTER = "scripted", "roster"


@dataclass(frozen=True)
class Choice:
    """An agent to play with."""

    source: str  # the name of a run, SCRIPTED, or ROSTER and its name
    member: int
    label: Label
    title: str
    pool: Pool  # that it is a member of

    @property
    def key(self) -> str:
        """By what a page names it."""
        return f"{self.source}/{self.member}"

    def agent(self, env: Environment, greedy: bool) -> Pool:
        """The agent alone, as it plays."""
        return partner(self.pool, self.member, env, greedy=greedy)

    def named(self, seat: int, greedy: bool) -> Agent:
        """As the header of a game names it."""
        label = self.label
        return Agent(
            seat=seat,
            pool=self.source,
            id=label.id,
            method=label.method,
            seed=label.seed,
            member=self.member,
            checkpoint=label.checkpoint,
            action="greedy" if greedy else "sampled",
        )


def choices(env: Environment, pools: Mapping[str, Pool]) -> list[Choice]:
    """Everybody who can play a game: of these pools by name, scripted, and of its roster."""
    found = [choice for name, pool in pools.items() for choice in members(name, pool, env)]
    return found + list(_scripted(env)) + list(_roster(env))


def members(source: str, pool: Pool, env: Environment) -> Iterator[Choice]:
    """The members of a pool, if they know the game."""
    try:
        partner(pool, 0, env, greedy=False)
    except UserError:
        return
    for place, label in enumerate(pool.labels):
        yield Choice(source, place, label, title_of(source, place, label), pool)


def title_of(source: str, place: int, label: Label) -> str:
    """What a list calls a member of a pool."""
    age = "" if label.checkpoint == "final" else f", {label.checkpoint}"
    return f"{source} {place}: {label.method}, seed {label.seed}{age}"


def _scripted(env: Environment) -> Iterator[Choice]:
    try:
        pool = scripted_partners(env)
    except UserError:
        pool = anybody(env)
    for place, label in enumerate(pool.labels):
        yield Choice(SCRIPTED, place, label, label.method.replace("_", " "), pool)


def anybody(env: Environment) -> Pool:
    """Who can sit in any game that has no scripted partners: idle, where that is an action, and one
    who acts at random."""
    idle, kinds = env.spec.idle_action, {"random": 1.0}
    if idle is not None and not env.spec.turns:
        kinds = {"idle": 0.0} | kinds
    policy = trembling(constant_policy(num_actions=env.spec.num_actions))
    actions = np.full(len(kinds), idle or 0, np.int32)
    params = actions, np.array(list(kinds.values()), np.float32)
    return make_pool(env.spec, policy, params, [Label(name) for name in kinds])


def _roster(env: Environment) -> Iterator[Choice]:
    names = [name for name in list_rosters() if name.rsplit("@", 1)[0] == env.spec.id]
    if not names:
        return
    try:
        held = roster(names[-1])
    except UserError as error:  # the others can be played with all the same
        say(f"left out: {error}")
        return
    trained = held.names[0 if held.scripted is None else len(held.scripted) :]
    for choice, title in zip(members(f"{ROSTER} {held.name}", held.trained, env), trained,
                             strict=False):  # fmt: skip
        yield Choice(choice.source, choice.member, choice.label, title, choice.pool)
