"""Self-play: every agent learns with itself, and only with itself.

The baseline of all zero-shot coordination: strong with itself, and bound to whatever conventions
its seed stumbled on.
"""

from __future__ import annotations

from dataclasses import dataclass

from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool
from zsc.populations.recipe import Recipe, Run
from zsc.train.method import Method

METHOD = Method("self_play")


@dataclass(frozen=True, kw_only=True)
class SelfPlay(Recipe):
    """One parameter set in all seats; the fields are those of `Recipe`."""

    def build(self, run: Run) -> Pool:
        """The final members."""
        return final_members(self, run, METHOD)


def final_members(
    recipe: Recipe,
    run: Run,
    method: Method,
    *,
    policy: Policy | None = None,
    plays: Policy | None = None,
) -> Pool:
    """The pool of a recipe that is a single stage: its final members.

    policy: what they learn as, if not as the stage's network. plays: what they act by, if not by
    what they learned with.
    """
    stage = run.stage(method, members=recipe.members, policy=policy)
    state = stage.train(run.log)
    done = stage.steps_done(state)
    labels = [Label(method.name, run.seed, m, done) for m in range(recipe.members)]
    return stage.pool(state, labels, plays)
