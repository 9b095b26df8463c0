"""zsc roster: list the rosters of held-out partners, or make one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import tyro

from zsc import interrupts
from zsc.agents.bots import scripted_partners
from zsc.agents.pool import Pool, join
from zsc.cli.people_rosters import PeopleRosters
from zsc.cli.shared import Machine, check_new, env_of, named_pools, new_folder
from zsc.envs.base import Environment
from zsc.errors import UserError, unknown
from zsc.evaluation.heldout import (
    HeldOut,
    counting,
    list_rosters,
    own_returns,
    read_roster,
    write_roster,
)
from zsc.evaluation.matrix import names_of
from zsc.populations import BestResponse

_SEED = 770_001  # no user's seed by chance: nobody scored shall be one of the responses


@dataclass(frozen=True)
class Rosters:
    """List the rosters of held-out partners, or make one.

    zsc roster; zsc roster make RUN ... --out FOLDER; zsc roster people ARCHIVE --out FOLDER
    """

    what: tyro.conf.Positional[Literal["list", "make"]] = "list"
    """list, or make."""
    runs: tyro.conf.Positional[tuple[Path, ...]] = ()
    """make: run or pool folders of the trained partners, all of one kind."""
    out: Path | None = None
    """make: the folder to make; zsc score --roster FOLDER then scores with it."""
    name: str | None = None
    """make: what the roster is called, e.g. overcooked/mine@1; the folder's name if left out."""
    bots: tuple[str, ...] = ()
    """make: scripted partners that belong to it, by their names."""
    responses: tuple[Path, ...] = ()
    """make: best responses to the partners, scripted ones first; trained if left out."""
    steps: float | None = None
    """make: environment steps of a response; the game's preset if left out."""
    tries: int = 1
    """make: responses to each partner, of which the best is kept."""
    validation: tuple[Path, ...] = ()
    """make: runs or pools for zsc train --validate FOLDER, which nobody is scored with."""
    least: float | None = None
    """make: a seat in which the response earns less does not count: the partner cannot be worked
    with there; a twentieth of the largest return if left out."""
    episodes: int = 64
    """make: episodes of a response with its partner, in each seat."""
    seed: int = _SEED
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """List, or make."""
        if self.what == "list":
            print("\n".join(list_rosters()))
            return
        if self.out is None:
            raise UserError("say where to: --out FOLDER for the roster")
        check_new(self.out)
        held, validation = self._held(self.out), self._validation()
        with new_folder(self.out):
            write_roster(held, self.out)
            if validation is not None:
                validation.save(self.out / "validation")
            read_roster(self.out)
        dropped = int((~held.counts).sum())
        print(
            f"{held.name}: {len(held.names)} partners in {self.out}"
            + (f"; {dropped} seats do not count: nobody can work with them there" * bool(dropped))
        )

    def when_stopped(self) -> str:
        """What to say if it was stopped."""
        return interrupts.NOTHING

    def _held(self, out: Path) -> HeldOut:
        """The roster, with its responses and which seats count. Raises UserError."""
        env = env_of(self.runs or (out,))
        pools = named_pools(self.runs)
        trained, scripted = join(list(pools.values())), self._scripted(env)
        own = [name for group, pool in pools.items() for name in names_of(group, pool)]
        names = (*self.bots, *own)
        partners = [trained] if scripted is None else [scripted, trained]
        best = self._responses(env, partners)
        earned = own_returns(env, best, partners, episodes=self.episodes, seed=self.seed)
        counts = counting(earned, self.least)
        name = self.name or out.name
        return HeldOut(name, env, scripted, trained, best, names, counts)

    def _scripted(self, env: Environment) -> Pool | None:
        if not self.bots:
            return None
        every = scripted_partners(env)
        methods = [label.method for label in every.labels]
        for bot in self.bots:
            if bot not in methods:
                raise unknown("scripted partner", bot, methods)
        return every.take([methods.index(bot) for bot in self.bots])

    def _responses(self, env: Environment, partners: list[Pool]) -> Pool:
        """[P] the best response to each partner, given or trained. Raises UserError."""
        count = sum(len(pool) for pool in partners)
        if self.responses:
            found = join(list(named_pools(self.responses).values()))
            if len(found) != count:
                raise UserError(f"{len(found)} responses for {count} partners: give one for each")
            return found
        train = lambda pool: BestResponse(pool, tries=self.tries, steps=self.steps).train(
            env, seed=self.seed + 1, progress=True
        )
        return join([train(pool) for pool in partners])

    def _validation(self) -> Pool | None:
        """Partners for `zsc train --validate`. Raises UserError for one that is scored with."""
        if not self.validation:
            return None
        found = join(list(named_pools(self.validation).values()))
        scored = {name for pool in named_pools(self.runs).values() for name in pool.ids}
        if scored & set(found.ids):
            raise UserError("a validation partner is a partner of the roster: give others")
        return found


def roster(arguments: list[str]) -> type:
    """List the rosters of held-out partners, or make one.

    The class behind `zsc roster ACTION ...`.
    """
    action = next((word for word in arguments if not word.startswith("-")), None)
    return PeopleRosters if action == "people" else Rosters
