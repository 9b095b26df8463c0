"""zsc train: a population into a run folder."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from zsc.agents.policy import cnn_policy, gru_policy, mlp_policy
from zsc.cli.shared import Game, Machine
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.machine.cluster import leads
from zsc.populations import BehaviourCloning
from zsc.records.record import load_record
from zsc.train.recipes import RECIPES

_HELD_OUT = 0.2  # of the games of behaviour cloning
NETWORKS = {"mlp": mlp_policy, "cnn": cnn_policy, "gru": gru_policy}


@dataclass(frozen=True)
class Train:
    """Train a population and write it to a run folder."""

    method: tyro.conf.Positional[str]
    """sp (self-play), op (other-play), he (high entropy), fcp (fictitious co-play) or bc (behaviour
    cloning of recorded games, see --data)."""
    out: Path
    """Run folder to make; it must not exist unless --resume."""
    game: Annotated[Game, tyro.conf.arg(name="")] = field(default_factory=Game)
    members: int = 8
    """Agents trained at the same time."""
    steps: float | None = None
    """Environment steps per member, e.g. 3e6; the game's preset if left out."""
    seed: int = 0
    network: Literal["mlp", "cnn", "gru"] | None = None
    """The game's preset if left out; cnn needs --encoding grid."""
    partners: int | None = None
    """fcp: self-play seeds per best response."""
    partner_steps: float | None = None
    """fcp: environment steps per partner."""
    lr: float | None = None
    """Learning rate (fcp: of the best response); the game's preset if left out."""
    entropy: float | None = None
    """Weight of the entropy bonus; the game's preset if left out."""
    games: int | None = None
    """Games that a member plays at the same time; the game's preset if left out."""
    data: Path | None = None
    """bc: a file of games that zsc record or zsc convert wrote; it also says which game."""
    resume: bool = False
    """Go on with the run in --out, given the same settings."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def __call__(self) -> None:
        """Train, save, say where."""
        if self.method != "bc" and self.method not in RECIPES:
            raise RECIPES.unknown(self.method, (*RECIPES, "bc"))
        if (self.data is not None) != (self.method == "bc"):
            raise UserError("bc learns from recorded games, and only bc does: give it --data FILE")
        if self.data is not None:
            self._clone(self.data)
            return
        env = self.game.make()
        settings: dict[str, Any] = {
            "members": self.members,
            "steps": self.steps,
            "policy": NETWORKS[self.network] if self.network else None,
        }
        if self.network == "cnn" and len(env.spec.obs_shape) != 3:
            how = "add --encoding grid" if isinstance(env, Overcooked) else "use mlp or gru here"
            raise UserError(f"the cnn needs a grid observation: {how}")
        extra = {"partners": self.partners, "partner_steps": self.partner_steps}
        for name, value in extra.items():
            if value is not None and self.method != "fcp":
                raise UserError(f"--{name.replace('_', '-')} belongs to fcp, not to {self.method}")
            if value is not None:
                settings[name] = value
        recipe = self._tuned(RECIPES.get(self.method)(**settings), env)
        pool = recipe.train(env, seed=self.seed, out=self.out, resume=self.resume, progress=True)
        skills = " ".join(f"{label.skill:.3g}" for label in pool.labels)
        if leads():
            where = self.out / "pool"
            print(f"{len(pool)} agents in {where}; mean return with themselves: {skills}")

    def _clone(self, data: Path) -> None:
        """Behaviour cloning, in the game that the file was recorded in."""
        asked = {name: getattr(self, name) for name in ("steps", "partners", "partner_steps",
                 "lr", "entropy", "games")}  # fmt: skip
        odd = [name for name, value in asked.items() if value is not None]
        if odd or self.resume or self.game != Game():
            raise UserError(
                "bc takes --data, --members, --network, --seed and --out: the file says which game"
            )
        env, games, _ = load_record(data)
        policy = NETWORKS[self.network or "mlp"]
        # of a few games none can be spared
        held_out = _HELD_OUT if round(len(games.length) * _HELD_OUT) else 0.0
        recipe = BehaviourCloning(games, members=self.members, held_out=held_out, policy=policy)
        pool = recipe.train(env, seed=self.seed, out=self.out)
        last = json.loads((self.out / "metrics.jsonl").read_text().splitlines()[-1])
        right = ", ".join(f"{x:.1%}" for x in last.get("held_out_accuracy", last["accuracy"]))
        where = "games held out" if "held_out_accuracy" in last else "what they learned from"
        print(f"{len(pool)} agents in {self.out / 'pool'}; the most likely action is the recorded")
        print(f"one in {right} of steps ({where})")

    def _tuned(self, recipe: Any, env: Environment) -> Any:
        """The recipe with what was asked for in place of its own settings."""
        asked = {"learning_rate": self.lr, "entropy": self.entropy, "envs": self.games}
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        if not given:
            return recipe
        # the last stage is the one that makes the agents
        usual = recipe.plans(env.spec)[-1].ppo
        return replace(recipe, ppo=replace(usual, **given))
