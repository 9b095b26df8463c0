"""The agents of a study: every condition in every block, found and checked before anybody comes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zsc.agents.pool import load_pool
from zsc.envs.base import Environment
from zsc.errors import UserError, unknown
from zsc.web.log import Agent
from zsc.web.partners import ROSTER, SCRIPTED, Choice, choices, members
from zsc.web.stage import Cast, warm
from zsc.web.study.plan import Block, Condition, Plan, Text


@dataclass(frozen=True)
class Casting:
    """Who may play: agents[b][c] are those of condition c in block b, () where people play alone.

    practice: the partner in the tutorial.
    """

    plan: Plan
    agents: tuple[tuple[tuple[Choice, ...], ...], ...]
    practice: Choice | None

    def cast(
        self, block: int, condition: int, member: int, people: tuple[int, ...]
    ) -> tuple[Cast, tuple[Agent, ...]]:
        """The cast of a game with people in these seats, and how its header names the agents."""
        env, wanted = self.plan.envs[block], self.plan.partners[condition]
        seats = tuple(seat for seat in range(env.spec.num_agents) if seat not in people)
        if not seats:
            return Cast(env), ()
        chosen, greedy = self.agents[block][condition][member], wanted.action == "greedy"
        named = tuple(chosen.named(seat, greedy) for seat in seats)
        return Cast(env, (chosen.agent(env, greedy),) * len(seats), seats), named

    def tutorial(self) -> tuple[Cast, tuple[Agent, ...]]:
        """The cast of the tutorial."""
        told, env, chosen = self.plan.tutorial, self.plan.practice, self.practice
        if told is None or env is None or chosen is None:
            raise UserError("the study has no tutorial")
        seats = tuple(seat for seat in range(env.spec.num_agents) if seat != told.seat)
        named = tuple(chosen.named(seat, False) for seat in seats)
        return Cast(env, (chosen.agent(env, False),) * len(seats), seats), named

    def casts(self) -> list[Cast]:
        """One cast of each kind that has to be compiled."""
        found = []
        for block, conditions in enumerate(self.agents):
            for place in range(len(conditions)):
                seats = tuple(range(self.plan.partners[place].people))
                found.append(self.cast(block, place, 0, seats)[0])
        if self.practice is not None:
            found.append(self.tutorial()[0])
        kinds = {(cast.env, cast.policies): cast for cast in found}
        return list(kinds.values())

    def warm(self) -> None:
        """Compile everything."""
        for cast in self.casts():
            warm(cast)

    def ids(self) -> dict[str, dict[str, list[str]]]:
        """The ids of all agents, by block and condition."""
        return {
            block.label: {
                condition.name: [choice.label.id for choice in found]
                for condition, found in zip(self.plan.partners, row, strict=True)
            }
            for block, row in zip(self.plan.blocks, self.agents, strict=True)
        }


def find(text: Text) -> Casting:
    """The agents that a study names. Raises UserError for those that are not there."""
    plan = text.plan
    agents = tuple(
        tuple(_of(condition, block, env, text.folder) for condition in plan.partners)
        for block, env in zip(plan.blocks, plan.envs, strict=True)
    )
    practice = None
    if plan.tutorial is not None and plan.practice is not None:
        named = Condition("tutorial", scripted=plan.tutorial.partner)
        block = Block(plan.tutorial.game)
        (practice,) = _of(named, block, plan.practice, text.folder)
    return Casting(plan, agents, practice)


def _of(condition: Condition, block: Block, env: Environment, folder: Path) -> tuple[Choice, ...]:
    if condition.people == env.spec.num_agents:
        return ()
    where = f"partner {condition.name!r} in {block.label!r}"
    if condition.scripted or condition.roster:
        source = SCRIPTED if condition.scripted else ROSTER
        name = condition.scripted or condition.roster
        known = {c.title: c for c in choices(env, {}) if c.source.startswith(source)}
        known |= {c.label.method: c for c in known.values() if source == SCRIPTED}
        if name not in known:
            raise UserError(f"{where}: {unknown(f'{source} partner', name, known)}")
        return (known[name],)
    if not condition.pool:
        raise UserError(f"{where}: the game has {env.spec.num_agents} seats, {condition.people} "
                        "for people: say who has the others")  # fmt: skip
    return _pool(condition, block, env, folder, where)


def _pool(
    condition: Condition, block: Block, env: Environment, folder: Path, where: str
) -> tuple[Choice, ...]:
    path = condition.pool
    if isinstance(path, dict):
        if block.game not in path:
            raise UserError(f"{where}: there is no pool for {block.game}: name one")
        path = path[block.game]
    try:
        pool = load_pool(folder / path)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    found = tuple(members(condition.name, pool, env))
    if not found:
        raise UserError(f"{where}: {path} was made for {pool.home.env}, not for {env.spec.id}")
    wrong = [member for member in condition.members if not 0 <= member < len(found)]
    if wrong:
        raise UserError(f"{where}: {path} has members 0 to {len(found) - 1}, not {wrong[0]}")
    return tuple(found[m] for m in condition.members) or found
