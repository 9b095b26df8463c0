"""Pools: agents of one kind, their parameters stacked, with labels that say where from."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeAlias

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np

from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.policy import Policy
from zsc.types import Params


@dataclass(frozen=True)
class Label:
    """Where one agent is from."""

    method: str  # "self_play", or the name of a scripted partner
    seed: int = 0  # of the run
    member: int = 0  # in the run
    step: int = 0  # environment steps it was trained for
    skill: float | None = None  # mean true return with itself, where it was measured
    stage: str = "final"  # "initial", "mid", "final"
    parents: tuple[str, ...] = field(default=(), repr=False)  # ids of its training partners
    id: str = ""  # follows from policy and parameters


@dataclass(frozen=True)
class Home:
    """The game that a pool is for."""

    env: str
    version: int
    obs_id: str
    num_actions: int

    @classmethod
    def of(cls, spec: EnvSpec) -> Home:
        """The home of agents that were made for a game."""
        return cls(spec.id, spec.version, spec.obs_id, spec.num_actions)


@flax.struct.dataclass
class Pool:
    """P agents of one kind."""

    params: Params  # leaves [P, ...]
    policy: Policy = flax.struct.field(pytree_node=False)
    labels: tuple[Label, ...] = flax.struct.field(pytree_node=False)
    home: Home = flax.struct.field(pytree_node=False)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of the agents."""
        return tuple(label.id for label in self.labels)

    def take(self, members: Sequence[int] | np.ndarray) -> Pool:
        """A pool of some of the agents, in the given order."""
        index = np.asarray(members, np.int64)
        params = jax.tree.map(lambda x: x[index], self.params)
        labels = tuple(self.labels[int(i)] for i in index)
        return self.replace(params=params, labels=labels)  # type: ignore[attr-defined]

    def where(self, **wanted: Any) -> Pool:
        """The agents whose label has these values, e.g. `pool.where(stage="final")`."""
        members = [
            i
            for i, label in enumerate(self.labels)
            if all(getattr(label, name) == value for name, value in wanted.items())
        ]
        if not members:
            raise UserError(f"the pool has no agent with {wanted}: look at pool.labels")
        return self.take(members)

    def save(self, path: str | Path) -> Path:
        """Write the pool to a folder; an existing pool there is an error."""
        from zsc.store import save_pool

        return save_pool(self, path)

    def __repr__(self) -> str:
        methods = ", ".join(dict.fromkeys(label.method for label in self.labels))
        return f"Pool({len(self)} x {self.policy.name} for {self.home.env}: {methods})"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{i}</td><td>{label.method}</td><td>{label.seed}</td><td>{label.member}</td>"
            f"<td>{label.stage}</td><td>{label.step:,}</td>"
            f"<td>{'' if label.skill is None else f'{label.skill:.1f}'}</td>"
            f"<td><code>{label.id}</code></td></tr>"
            for i, label in enumerate(self.labels)
        )
        names = ("", "method", "seed", "member", "stage", "steps", "skill", "id")
        head = "".join(f"<th>{name}</th>" for name in names)
        title = f"<b>{len(self)} agents</b>, {self.policy.name}, for {self.home.env}"
        return f"{title}<table><tr>{head}</tr>{rows}</table>"


#: What a cross-play is played by: pools of any kinds.
Roster: TypeAlias = Sequence[Pool]


def make_pool(spec: EnvSpec, policy: Policy, params: Params, labels: Sequence[Label]) -> Pool:
    """A pool of agents with parameters [P, ...]; the ids are made from the parameters."""
    host = jax.tree.map(np.asarray, params)
    named = tuple(
        replace(label, id=_identify(policy, jax.tree.map(lambda x, i=i: x[i], host)))
        for i, label in enumerate(labels)
    )
    return Pool(jax.tree.map(jnp.asarray, host), policy, named, Home.of(spec))


def join(pools: Sequence[Pool]) -> Pool:
    """One pool of several of the same kind and game."""
    first = pools[0]
    for pool in pools[1:]:
        if pool.policy != first.policy or pool.home != first.home:
            raise UserError(
                f"pools of {first.policy.name} for {first.home.env} and {pool.policy.name} for "
                f"{pool.home.env} cannot be one pool: keep them apart in a roster"
            )
    params = jax.tree.map(lambda *x: jnp.concatenate(x), *(pool.params for pool in pools))
    labels = tuple(label for pool in pools for label in pool.labels)
    return Pool(params, first.policy, labels, first.home)


def check_home(pool: Pool, spec: EnvSpec) -> None:
    """Raise UserError unless the pool's agents can play this game."""
    home, here = pool.home, Home.of(spec)
    who = f"the pool of {pool.labels[0].method if pool.labels else 'nobody'}"
    if (home.obs_id, home.num_actions) != (here.obs_id, here.num_actions):
        raise UserError(
            f"{who} was made for {home.env} (observation {home.obs_id}), not for {here.env} "
            f"({here.obs_id}): take a pool of this game, or build the environment that it knows"
        )
    if pool.policy.needs_state and home.env != here.env:  # what is seen may agree, states do not
        raise UserError(
            f"{who} was made for {home.env} and reads its states, not those of {here.env}: take a "
            "pool of this game"
        )
    if home.version != here.version:
        raise UserError(
            f"{who} was made for version {home.version} of {home.env}, this is version "
            f"{here.version}: train it again, or install the toolkit that made it"
        )


def _identify(policy: Policy, params: Params) -> str:
    digest = hashlib.sha256(repr((policy.name, policy.config)).encode())
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()[:12]
