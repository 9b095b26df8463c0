"""Pools: agents of one kind, their parameters stacked, with labels that say where from."""

from __future__ import annotations

import hashlib
import html
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
from safetensors import numpy as safetensors

from zsc.agents.policy import Policy, as_config, build, check_written
from zsc.checks import places_of, settle
from zsc.envs.base import EnvSpec
from zsc.errors import UserError, shorten
from zsc.files import (
    damaged,
    decode_arrays,
    fitted,
    flat_arrays,
    library_versions,
    read_bytes,
    read_json,
    unflat_arrays,
    write_atomically,
    write_json,
)
from zsc.types import Params


@dataclass(frozen=True)
class Label:
    """Where one agent is from."""

    method: str  # "self_play", or the name of a scripted partner
    seed: int = 0  # of the run
    member: int = 0  # in the run
    step: int = 0  # environment steps it was trained for
    skill: float | None = None  # mean true return with itself, where it was measured
    checkpoint: str = "final"  # or "initial", "mid", "stopped"
    parents: tuple[str, ...] = field(default=(), repr=False)  # ids of its training partners
    id: str = ""  # follows from policy and parameters

    def __post_init__(self) -> None:
        settle(self)


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

    def take(self, members: Sequence[int] | Sequence[bool] | np.ndarray) -> Pool:
        """A pool of some of the agents, in the given order; members may be a mask [P] as well.

        Raises UserError for places that are not there.
        """
        index = places_of(members, len(self), "agents")
        params = jax.tree.map(lambda x: x[index], self.params)
        labels = tuple(self.labels[int(i)] for i in index)
        return replace(self, params=params, labels=labels)

    def __getitem__(self, chosen: int | slice | Sequence[int] | np.ndarray) -> Pool:
        """A pool of one agent by its place, or of several by a slice, places or a mask."""
        if isinstance(chosen, slice):
            return self.take(np.arange(len(self))[chosen])
        return self.take(np.atleast_1d(np.asarray(chosen)))

    def __iter__(self) -> Iterator[Pool]:
        """Each agent as a pool of its own."""
        return (self.take([place]) for place in range(len(self)))

    def where(self, **wanted: Any) -> Pool:
        """The agents whose label has these values, e.g. `pool.where(checkpoint="final")`."""
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
        return save_pool(self, path)

    def __repr__(self) -> str:
        methods = ", ".join(dict.fromkeys(label.method for label in self.labels))
        return f"Pool({len(self)} x {self.policy.name} for {self.home.env}: {methods})"

    def _repr_html_(self) -> str:
        # labels come from files, and a notebook runs what it is shown
        names = ("", "method", "seed", "member", "checkpoint", "steps", "skill", "id")
        head = "".join(f"<th>{name}</th>" for name in names)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in cells) + "</tr>"
            for cells in self._rows()
        )
        title = f"<b>{len(self)} agents</b>, " + html.escape(
            f"{self.policy.name}, for {self.home.env}"
        )
        return f"{title}<table><tr>{head}</tr>{rows}</table>"

    def _rows(self) -> list[tuple[Any, ...]]:
        return [
            (i, x.method, x.seed, x.member, x.checkpoint, f"{x.step:,}",
             "" if x.skill is None else f"{x.skill:.1f}", x.id)
            for i, x in enumerate(self.labels)
        ]  # fmt: skip


POOL_FORMAT = 1

#: What a cross-play is played by: pools of any kinds.
Roster: TypeAlias = Sequence[Pool]


@dataclass(frozen=True)
class PolicyEntry:
    """By what name and config a policy is built again."""

    name: str
    config: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Manifest:
    """The manifest.json of a pool: what is read is checked against it."""

    format: Literal["zsc-pool"]
    game: Home
    policy: PolicyEntry
    members: tuple[Label, ...]
    file: str
    sha256: str
    libraries: dict[str, str] = field(default_factory=dict)


def make_pool(spec: EnvSpec, policy: Policy, params: Params, labels: Sequence[Label]) -> Pool:
    """A pool of agents with parameters [P, ...]; the ids are made from the parameters.

    Raises UserError for parameters that are no numbers: what plays by them plays nothing.
    """
    host = jax.tree.map(np.array, params)  # copies: a device may use the memory as it is
    check_numbers(host, labels)
    named = tuple(
        replace(label, id=name)
        for label, name in zip(labels, _ids(policy, host, len(labels)), strict=True)
    )
    return Pool(jax.device_put(host), policy, named, Home.of(spec))


def check_numbers(params: Params, labels: Sequence[Label]) -> None:
    """Raise UserError if parameters [P, ...] of an agent are nan or infinite."""
    for name, leaf in flat_arrays(params).items():
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            continue
        bad = ~np.isfinite(leaf.reshape(len(leaf), -1)).all(1) if leaf.ndim else []
        for agent in np.flatnonzero(bad)[:1]:
            label = labels[agent] if agent < len(labels) else Label("?")
            raise UserError(
                f"agent {agent} ({label.method}, seed {label.seed}, member {label.member}) has "
                f"weights that are no numbers (in {name}): leave it out, or train it again"
            )


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


def check_entries(entries: Mapping[str, Pool]) -> None:
    """Raise UserError unless these are named pools: a roster of a cross-play or a score."""
    if not isinstance(entries, Mapping):
        raise UserError(f"a {type(entries).__name__} is no roster: name the pools, {{'SP': pool}}")
    if not entries:
        raise UserError("the roster is empty: give at least one pool, e.g. {'SP': pool}")
    for name, pool in entries.items():
        if not isinstance(name, str) or not isinstance(pool, Pool):
            raise UserError(f"{name!r}: {type(pool).__name__} in a roster: give names to pools")


def check_home(pool: Pool, spec: EnvSpec) -> None:
    """Raise UserError unless the pool's agents can play this game."""
    if not isinstance(pool, Pool):
        raise UserError(f"a {type(pool).__name__} is no pool: train one, or zsc.load_pool(FOLDER)")
    home, here = pool.home, Home.of(spec)
    who = f"the pool of {pool.labels[0].method if pool.labels else 'nobody'}"
    if (home.obs_id, home.num_actions) != (here.obs_id, here.num_actions):
        raise UserError(
            f"{who} was made for {home.env} (observation {home.obs_id}), not for {here.env} "
            f"({here.obs_id}): take a pool of this game, or build the environment that it knows"
        )
    if (
        "state" in pool.policy.reads and home.env != here.env
    ):  # what is seen may agree, states do not
        raise UserError(
            f"{who} was made for {home.env} and reads its states, not those of {here.env}: take a "
            "pool of this game"
        )
    if home.version != here.version:
        raise UserError(
            f"{who} was made for version {home.version} of {home.env}, this is version "
            f"{here.version}: train it again, or install the toolkit that made it"
        )


def _ids(policy: Policy, params: Params, count: int) -> list[str]:
    """The ids of so many agents with parameters [P, ...] on the host."""
    return [_identify(policy, jax.tree.map(lambda x, i=i: x[i], params)) for i in range(count)]


def _identify(policy: Policy, params: Params) -> str:
    digest = hashlib.sha256(repr((policy.name, as_config(policy.config))).encode())
    for leaf in jax.tree.leaves(params):
        digest.update(np.ascontiguousarray(leaf).tobytes())
    return digest.hexdigest()[:12]


def save_pool(pool: Pool, path: str | Path) -> Path:
    """Write a pool folder: one safetensors file and manifest.json with its hash.

    Raises UserError if a pool is there already, since nothing is overwritten, and for a policy that
    no file can describe. Warns if nothing registered can build it again.
    """
    folder = Path(path)
    check_written(pool.policy)
    if (folder / "manifest.json").exists():
        raise UserError(f"{folder} already holds a pool: choose another place or remove it")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder} cannot be made: {error.strerror}; choose another place"
        ) from None
    data = safetensors.save(flat_arrays(pool.params))
    digest = hashlib.sha256(data).hexdigest()
    name = f"members-{digest[:12]}.safetensors"
    write_atomically(folder / name, data)
    manifest = {
        "format": "zsc-pool",
        "format_version": POOL_FORMAT,
        "game": asdict(pool.home),
        "policy": {"name": pool.policy.name, "config": as_config(pool.policy.config)},
        "members": [_row(label) for label in pool.labels],
        "file": name,
        "sha256": digest,
        "libraries": library_versions(),
    }
    write_json(folder / "manifest.json", manifest, new=True)
    return folder


def load_pool(path: str | Path) -> Pool:
    """Read a pool folder, or the pool of a run folder.

    Raises UserError if there is none, if it was altered or cut short, if its format is newer, and
    for a policy that is not registered here, with how to do that.
    """
    folder = _find_pool(Path(path))
    manifest = read_manifest(folder)
    file = folder / manifest.file
    if not file.exists():
        raise UserError(f"{file} is missing: copy the whole folder")
    data = read_bytes(file)
    if hashlib.sha256(data).hexdigest() != manifest.sha256:
        raise damaged(file)
    policy, one = _built(manifest.policy, folder / "manifest.json")
    size = len(manifest.members)
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct((size, *x.shape), x.dtype), one)
    params = unflat_arrays(like, decode_arrays(data, file), file)
    host = jax.tree.map(np.asarray, params)
    try:
        check_numbers(host, manifest.members)
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    pairs = {(x.id, own) for x, own in zip(manifest.members, _ids(policy, host, size), strict=True)}
    if len(pairs) > len({name for name, _ in pairs}):
        raise damaged(folder / "manifest.json", "two different agents have one id")
    return Pool(params, policy, manifest.members, manifest.game)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a pool's folder. Raises UserError if it is none, or of a newer format."""
    path = folder / "manifest.json"
    told = read_json(path)
    version = told.get("format_version", 0)
    if told.get("format") != "zsc-pool" or version not in range(POOL_FORMAT + 1):
        raise UserError(
            f"{path} is no pool manifest of format {POOL_FORMAT} or older: install the toolkit "
            "version that wrote it"
        )
    found = fitted(Manifest, told | {"members": _of_today(told.get("members"))}, path)
    if Path(found.file).name != found.file or not found.file.strip("."):
        raise damaged(path, f"its file is {found.file!r}, not a name beside it")
    return found


def _built(entry: PolicyEntry, path: Path) -> tuple[Policy, Params]:
    """The policy that a manifest names, and the shapes of its parameters."""
    try:
        policy = build(entry.name, as_config(entry.config))
        hash(policy)
        return policy, jax.eval_shape(policy.init, jax.random.key(0))
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # with settings that are not its own, a builder can fail in any way
        why = f"{type(error).__name__}: {error}"
        raise damaged(path, f"no policy {entry.name!r} can be built: {shorten(why, 200)}") from None


def _find_pool(path: Path) -> Path:
    for folder in (path, path / "pool"):
        manifest = folder / "manifest.json"
        if manifest.exists() and read_json(manifest).get("format") == "zsc-pool":
            return folder
    if (path / "manifest.json").exists():
        raise UserError(f"{path} holds no finished pool: finish the run with --resume")
    raise UserError(f"there is no pool in {path}: give a pool folder or the folder of a run")


def _row(label: Label) -> dict[str, Any]:
    """A label as JSON tells it, which has no word for what is not a number."""
    measured = label.skill is not None and math.isfinite(label.skill)
    return asdict(label) | {"skill": label.skill if measured else None}


def _of_today(rows: Any) -> Any:
    """Labels of earlier versions, who called the checkpoint a stage."""
    if not isinstance(rows, list):
        return rows
    return [
        {"checkpoint" if name == "stage" else name: value for name, value in row.items()}
        if isinstance(row, dict)
        else row
        for row in rows
    ]
