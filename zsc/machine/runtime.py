"""Process-wide settings that have to be made before jax starts: devices and the compile cache."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import jax

from zsc.errors import UserError

#: Bytes that members may need on one accelerator; None for half of its memory.
memory: int | None = None


def setup(
    *, devices: int | None = None, cache: bool = True, memory_bytes: int | None = None
) -> None:
    """Let a population use all cores, and keep compiled programs between runs.

    devices: host devices that a CPU is split into; members of a population are dealt to them.
        None means one per core. Accelerators are used as they are.
    cache: keep compiled programs in $ZSC_CACHE or ~/.cache/zsc, so that only the first run of a
        configuration waits for the compiler.
    memory_bytes: what the members that an accelerator trains at the same time may need, by a rough
        count; None means half of its memory. More members are trained one batch after another.
        On a CPU each device trains one member at a time.

    Call it once, before the first array is made; later calls change the cache, and the memory of
    what is compiled afterwards. Raises UserError for a memory of no bytes.
    """
    global memory
    if memory_bytes is not None:
        if memory_bytes < 1:
            raise UserError(f"memory_bytes is {memory_bytes}: give the bytes that may be used")
        memory = memory_bytes
    if devices is None and not jax.config.values["jax_num_cpu_devices"] > 0:
        devices = (
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        )
    if devices is not None:
        with contextlib.suppress(RuntimeError):  # jax is running: its devices stay as they are
            jax.config.update("jax_num_cpu_devices", devices)
    if cache and jax.config.values["jax_compilation_cache_dir"] is None:
        folder = Path(os.environ.get("ZSC_CACHE", Path.home() / ".cache" / "zsc"))
        jax.config.update("jax_compilation_cache_dir", str(folder))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def device_memory() -> int:
    """Bytes of memory of an accelerator, 0 if it does not say."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return int(stats.get("bytes_limit", 0))
