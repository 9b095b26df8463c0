"""Fictitious co-play (Strouse et al. 2021, arXiv 2110.08176): a best response to many skills.

Stage 1 trains independent self-play seeds and keeps three checkpoints of each: untrained, halfway,
final. Stage 2 freezes them and trains an agent that meets one of them per episode, on a random
seat. `FictitiousCoPlay.uniform()` is the published form; what the default does instead, and why,
is said in `two_stage`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from zsc.populations.recipe import Run
from zsc.populations.self_play import METHOD as SELF_PLAY
from zsc.populations.two_stage import TwoStage
from zsc.train.method import Method


@dataclass(frozen=True, kw_only=True)
class FictitiousCoPlay(TwoStage):
    """Best responses to checkpoints of self-play seeds; the fields are those of `TwoStage`."""

    title: ClassVar[str] = "fictitious_co_play"
    partner_title: ClassVar[str] = "self_play"

    def partner_method(self, run: Run) -> Method:
        """Partners are independent self-play seeds."""
        del run
        return SELF_PLAY
