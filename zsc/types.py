"""Type aliases and the axis legend.

Axis legend, used in every docstring and field comment of the three packages:

====  =========================================
**M**  member in training
**P**  entry of a pool
**K**  partner block
**T**  time
**E**  environment (one game of a batch)
**A**  agent, or the seat it sits in
**N**  action
====  =========================================
"""

from __future__ import annotations

from typing import Any, TypeAlias

import jax

Array: TypeAlias = jax.Array
Key: TypeAlias = jax.Array  # a typed random key, as made by jax.random.key
PyTree: TypeAlias = Any
Params: TypeAlias = Any  # pytree of arrays: the parameters of one agent
Carry: TypeAlias = Any  # pytree of arrays: the memory of one agent, () if it has none
State: TypeAlias = Any  # pytree of arrays: the state of one game
