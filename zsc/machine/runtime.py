"""Process-wide settings that have to be made before jax starts: devices and the compile cache."""

from __future__ import annotations

import contextlib
import os
import tempfile
import warnings
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
        configuration waits for the compiler; see `cache_folder` for what else.
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
        folder = cache_folder()
        if folder is not None:
            jax.config.update("jax_compilation_cache_dir", str(folder))
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)


def cache_folder() -> Path | None:
    """Where compiled programs are kept: $ZSC_CACHE, or ~/.cache/zsc.

    Where that cannot be written, or there is no home, a warning says that it is a temporary folder
    of this user's own instead; None if there is none either.
    """
    try:
        wanted = Path(os.environ.get("ZSC_CACHE") or Path.home() / ".cache" / "zsc")
        why = _why_not(wanted)
    except RuntimeError:  # neither HOME nor an entry of this user
        wanted, why = None, "there is no home folder"
    if why is None:
        return wanted
    with contextlib.suppress(OSError):  # no place for temporary files at all
        user = os.getuid() if hasattr(os, "getuid") else "user"
        folder = Path(tempfile.gettempdir()) / f"zsc-{user}"
        if _why_not(folder) is None and _is_own(folder):
            told = f"compiled programs are kept in {folder} (ZSC_CACHE names another folder)"
            warnings.warn(f"{why}: {told}", stacklevel=3)
            return folder
    warnings.warn(f"{why}: compiled programs are not kept", stacklevel=3)
    return None


def _why_not(folder: Path) -> str | None:
    """Why a folder cannot be made or written, None if it can."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return f"{folder} cannot be written ({error.strerror})"


def _is_own(folder: Path) -> bool:
    """Whether what lies there is ours: programs from another user's folder would be run."""
    return not hasattr(os, "getuid") or (
        not folder.is_symlink() and folder.stat().st_uid == os.getuid()
    )


def check_devices() -> None:
    """Raise UserError if jax cannot use the devices that it was told to."""
    try:
        jax.devices()
    except (RuntimeError, AssertionError) as error:  # an assertion where no plugin is installed
        asked = jax.config.values["jax_platforms"]
        if asked:
            raise UserError(
                f"JAX_PLATFORMS is {asked!r}, and there is no such device that jax can use: unset "
                "it, set JAX_PLATFORMS=cpu, or install what the device needs (jax[cuda] for GPUs)"
            ) from None
        first = " ".join(str(error).split())[:200]
        raise UserError(f"jax finds no device ({first}): set JAX_PLATFORMS=cpu") from None


def device_memory() -> int:
    """Bytes of memory of an accelerator, 0 if it does not say."""
    stats = jax.local_devices()[0].memory_stats() or {}
    return int(stats.get("bytes_limit", 0))
