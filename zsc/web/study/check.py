"""What a study asks of people and how it is balanced, in words, before anybody comes."""

from __future__ import annotations

from math import lcm

from zsc.web.study.casting import Casting
from zsc.web.study.order import Cell, sizes
from zsc.web.study.plan import Plan
from zsc.web.study.session import Assignment, Step, steps_of


def told_of(plan: Plan, casting: Casting) -> str:
    """Lines for the terminal."""
    steps = steps_of(plan, _anybody(plan))
    games = [step for step in steps if step.kind == "game"]
    lines = [
        f"{plan.title} ({plan.id}): {len(steps)} pages, {len(games)} games, {_minutes(plan, games)}"
    ]
    for block, row in zip(plan.blocks, casting.agents, strict=True):
        who = ", ".join(
            f"{one.name} ({len(found)} agent{'s' * (len(found) != 1)}, {one.action})"
            if found
            else f"{one.name} (people)"
            for one, found in zip(plan.partners, row, strict=True)
        )
        lines.append(f"  {block.label}: {block.rounds} x with each of {who}")
    limits = _limits(plan)
    orders = f"{limits.partners} of partners, {limits.blocks} of blocks, {limits.seat} first seats"
    lines.append(f"orders: {orders}; with {lcm(*limits)} people all are used equally often")
    asked = [q.questionnaire for q in plan.questionnaires]
    names = ", ".join(f"{q.name} ({len(q.items)} items)" for q in asked)
    lines.append(f"questionnaires: {names or 'none'}")
    if not plan.texts.publish:
        lines.append(
            "note: people are not asked whether their games may be published (texts.publish)"
        )
    if "NAME" in plan.contact or not plan.contact:
        lines.append("note: contact names nobody: people must know whom to ask")
    return "\n".join(lines)


def _limits(plan: Plan) -> Cell:
    seats = min(env.spec.num_agents for env in plan.envs)
    return sizes(
        len(plan.partners) if plan.order.partners == "balanced" else 1,
        len(plan.blocks) if plan.order.blocks == "balanced" else 1,
        seats if plan.order.seat == "balanced" else 1,
    )


def _minutes(plan: Plan, games: list[Step]) -> str:
    """How long the games alone take."""
    envs = [plan.envs[step.block] for step in games]
    if plan.run.waits or any(env.spec.turns for env in envs):
        return "as long as people take"
    seconds = sum(env.spec.horizon * plan.run.tick + plan.run.countdown for env in envs)
    return f"{seconds / 60:.1f} minutes of games"


def _anybody(plan: Plan) -> Assignment:
    blocks, partners = tuple(range(len(plan.blocks))), tuple(range(len(plan.partners)))
    names = tuple(one.name for one in plan.partners)
    members = tuple(tuple(0 for _ in partners) for _ in blocks)
    return Assignment(Cell(0, 0, 0), blocks, (partners,) * len(blocks), members, names, names)
