"""How the members of a population are mapped: the one place that knows about devices.

On an accelerator members are a batch axis (`vmap`). On a CPU batched products are not spread over
the cores as single large ones are, so members are dealt to the host devices (one per core, see
`zsc.setup`), and each device walks through its own, one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

AXIS = "members"


def map_members(fn: Callable[..., Any]) -> Callable[..., Any]:
    """fn for one member becomes fn for [M, ...]: every argument and result gains a leading axis."""

    def mapped(*args: Any) -> Any:
        members = jax.tree.leaves(args)[0].shape[0]
        mesh = member_mesh(members)
        inner = _local_map(fn)
        if mesh is None:
            return inner(*args)
        spec = PartitionSpec(AXIS)
        sharded = jax.shard_map(inner, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False)
        return sharded(*args)

    return mapped


def member_mesh(members: int) -> Mesh | None:
    """The devices that share the members evenly; None if one does it all."""
    devices = jax.devices()
    count = math.gcd(members, len(devices))
    if count == 1:
        return None
    return Mesh(np.array(devices[:count]), (AXIS,))


def spread(tree: Any, members: int) -> Any:
    """Place arrays [M, ...] where their members will be mapped."""
    mesh = member_mesh(members)
    if mesh is None:
        return tree
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec(AXIS)))


def _local_map(fn: Callable[..., Any]) -> Callable[..., Any]:
    if jax.default_backend() == "cpu":
        return lambda *args: jax.lax.map(lambda one: fn(*one), args)
    return lambda *args: jax.vmap(fn)(*args)
