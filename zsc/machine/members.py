"""How the members of a population are mapped: the one place that knows about devices.

On an accelerator members are a batch axis (`vmap`), as many at a time as its memory has room for.
On a CPU batched products are not spread over the cores as single large ones are, so members are
dealt to the host devices (one per core, see `zsc.setup`), and each device walks through its own,
one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from zsc.errors import UserError
from zsc.machine import cluster, runtime

AXIS = "members"
_NOTHING = object()  # nothing is shared; None is a pytree like any other


def map_members(fn: Callable[..., Any], *, each: int = 0) -> Callable[..., Any]:
    """fn for one member becomes fn for [M, ...]: every argument and result gains a leading axis.

    each: bytes that fn needs for one member beside its arguments and results. What is given as
    `shared` all members are given whole, as the first argument of fn.
    """

    def mapped(*args: Any, shared: Any = _NOTHING) -> Any:
        """The function for all members, dealt to the devices."""
        members = jax.tree.leaves(args)[0].shape[0]
        mesh = member_mesh(members)

        def inner(shared: Any, args: Any) -> Any:
            return _local_map(fn if shared is _NOTHING else partial(fn, shared), each)(*args)

        if mesh is None:
            return inner(shared, args)
        own, whole = PartitionSpec(AXIS), PartitionSpec()
        given = shared is not _NOTHING
        everywhere: Callable[..., Any] = jax.shard_map(
            inner if given else partial(inner, _NOTHING),
            mesh=mesh,
            in_specs=(whole, own) if given else (own,),
            out_specs=own,
            check_vma=False,
        )
        before = (shared,) if given else ()
        count = math.ceil(members / mesh.size) * mesh.size
        if count == members:
            return everywhere(*before, args)
        # the last device has fewer members of its own than the others: it repeats some
        fill = np.arange(count) % members
        done = everywhere(*before, jax.tree.map(lambda x: x[fill], args))
        return jax.tree.map(lambda x: x[:members], done)

    return mapped


def make_members(fn: Callable[..., Any], *args: Any) -> Any:
    """fn for one member becomes fn for [M, ...] where members are made, before they have a place.

    On a CPU one after the other: batched orthogonal initialisers hang there with two cores.
    """
    if jax.default_backend() == "cpu":
        return jax.lax.map(lambda one: fn(*one), args)
    return jax.vmap(fn)(*args)


def member_mesh(members: int) -> Mesh | None:
    """The devices that share the members; None if one does it all.

    One process uses as many devices as there are members, with as many on each as on any other or
    fewer. With several processes each has the same number of members, and every device too. Raises
    UserError if that cannot be.
    """
    processes = jax.process_count()
    local = [d for d in jax.devices() if d.process_index == 0]
    if processes == 1:
        each = math.ceil(members / len(local))
        used = math.ceil(members / each)
        return None if used == 1 else Mesh(np.array(local[:used]), (AXIS,))
    shares = [d for d in range(1, len(local) + 1) if members % (d * processes) == 0]
    if not shares:
        raise UserError(
            f"{members} members cannot be shared evenly by {processes} processes: take a multiple"
        )
    own = [[d for d in jax.devices() if d.process_index == p] for p in range(processes)]
    return Mesh(np.concatenate([np.array(some[: max(shares)]) for some in own]), (AXIS,))


def spread(tree: Any, members: int) -> Any:
    """Place arrays [M, ...] where their members will be mapped, inside jit or outside.

    Members that do not fill all devices alike stand on each of them.
    """
    mesh = member_mesh(members)
    even = mesh is None or members % mesh.size == 0
    return _place(tree, members, PartitionSpec(AXIS) if even else PartitionSpec())


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
    `zsc.setup(memory_bytes=...)` states; the last batch is smaller where they do not divide.
    """
    if jax.default_backend() == "cpu":
        return 1
    room = runtime.device_memory() // 2 if runtime.memory is None else runtime.memory
    most = max(1, room // max(each, 1)) if room else members
    return min(members, most)
