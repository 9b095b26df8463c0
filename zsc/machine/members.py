"""How the members of a population are mapped: the one place that knows about devices.

On an accelerator members are a batch axis (`vmap`), as many at a time as its memory has room for.
On a CPU batched products are not spread over the cores as single large ones are, so members are
dealt to the host devices (one per core, see `zsc.setup`), and each device walks through its own,
one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from zsc.errors import UserError
from zsc.machine import cluster, runtime

AXIS = "members"


def map_members(fn: Callable[..., Any], *, each: int = 0) -> Callable[..., Any]:
    """fn for one member becomes fn for [M, ...]: every argument and result gains a leading axis.

    each: bytes that fn needs for one member beside its arguments and results.
    """

    def mapped(*args: Any) -> Any:
        members = jax.tree.leaves(args)[0].shape[0]
        mesh = member_mesh(members)
        inner = _local_map(fn, each)
        if mesh is None:
            return inner(*args)
        spec = PartitionSpec(AXIS)
        sharded = jax.shard_map(inner, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        return sharded(*args)

    return mapped


def member_mesh(members: int) -> Mesh | None:
    """As many devices as can share the members evenly; None if one does it all.

    With several processes each has the same number of members. Raises UserError if that cannot be.
    """
    processes = jax.process_count()
    local = [d for d in jax.devices() if d.process_index == 0]
    shares = [d for d in range(1, len(local) + 1) if members % (d * processes) == 0]
    if not shares:
        raise UserError(
            f"{members} members cannot be shared evenly by {processes} processes: take a multiple"
        )
    if max(shares) * processes == 1:
        return None
    each = [[d for d in jax.devices() if d.process_index == p] for p in range(processes)]
    return Mesh(np.concatenate([np.array(own[: max(shares)]) for own in each]), (AXIS,))


def spread(tree: Any, members: int) -> Any:
    """Place arrays [M, ...] where their members will be mapped, inside jit or outside."""
    return _place(tree, members, PartitionSpec(AXIS))


def replicate(tree: Any, members: int) -> Any:
    """Place arrays that all members share on every device that maps members."""
    return _place(tree, members, PartitionSpec())


def _place(tree: Any, members: int, spec: PartitionSpec) -> Any:
    mesh = member_mesh(members)
    if mesh is None:
        return tree
    sharding = NamedSharding(mesh, spec)
    if any(isinstance(x, jax.core.Tracer) for x in jax.tree.leaves(tree)):
        return jax.lax.with_sharding_constraint(tree, sharding)
    return cluster.place(tree, sharding)


def _local_map(fn: Callable[..., Any], each: int) -> Callable[..., Any]:
    def mapped(*args: Any) -> Any:
        members = jax.tree.leaves(args)[0].shape[0]
        batch = members_at_once(members, each)
        if batch == members > 1:
            return jax.vmap(fn)(*args)
        # a batch of one is mapped without an axis of one, which a CPU is slower with
        size = batch if batch > 1 else None
        return jax.lax.map(lambda one: fn(*one), args, batch_size=size)

    return mapped


def members_at_once(members: int, each: int) -> int:
    """How many members a device works on at the same time, if each needs so many bytes.

    On a CPU one. On an accelerator as many as half of its memory holds, or what
    `zsc.setup(memory_bytes=...)` states; a divisor of the members, so that one program does all.
    """
    if jax.default_backend() == "cpu":
        return 1
    room = runtime.device_memory() // 2 if runtime.memory is None else runtime.memory
    most = max(1, room // max(each, 1)) if room else members
    return max(batch for batch in range(1, members + 1) if members % batch == 0 and batch <= most)
