"""One run over several processes: machines of a cluster, or several processes of one machine.

All processes run the same program on one global set of devices (`jax.distributed`); members are
dealt to all of them. The first process keeps the manifest, the metrics and the pool, every process
writes its own part of the training state. If one of them dies, the others stop and say which.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.errors import UserError
from zsc.files import write_atomically
from zsc.types import PyTree

_HEARTBEAT = 20  # seconds without a sign of life until a process counts as dead
_DEAD = ".dead"  # the file in which a run's processes say who died
_JOIN = 300  # seconds to wait for all processes at the start


def join(
    coordinator: str | None = None, processes: int | None = None, process: int | None = None
) -> None:
    """Become one of several processes. Call it before anything touches a device.

    Without arguments the cluster's environment says who is who (Slurm, Open MPI); else the address
    HOST:PORT of process 0, how many there are, and which one this is. Raises UserError if they
    cannot meet.
    """
    if (coordinator is None) != (processes is None) or (processes is None) != (process is None):
        raise UserError("give --coordinator, --processes and --process together, or none of them")
    if processes is not None and process is not None and not 0 <= process < processes:
        raise UserError(f"process {process} of {processes}: count from 0 to {processes - 1}")
    try:
        jax.distributed.initialize(
            coordinator,
            processes,
            process,
            heartbeat_timeout_seconds=_HEARTBEAT,
            initialization_timeout=_JOIN,
        )
    except (RuntimeError, ValueError) as error:
        first = str(error).splitlines()[0]
        raise UserError(
            f"the processes did not meet ({first}): start all of them, and check the coordinator's "
            "address"
        ) from None


def joined() -> bool:
    """True once this is one of several processes; asks no device, unlike `several`."""
    return jax.distributed.is_initialized() and several()


def several() -> bool:
    """True if this is one of several processes."""
    return jax.process_count() > 1


def leads() -> bool:
    """True for the process that writes what all share."""
    return jax.process_index() == 0


def wait(what: str) -> None:
    """Until all processes are here."""
    if several():
        from jax.experimental import multihost_utils

        multihost_utils.sync_global_devices(what)


def agree(value: int) -> int:
    """The first process's number, on all."""
    if not several():
        return value
    from jax.experimental import multihost_utils

    return int(multihost_utils.broadcast_one_to_all(np.int32(value)))


def all_say(yes: bool) -> bool:
    """True if all processes say so."""
    if not several():
        return yes
    from jax.experimental import multihost_utils

    return bool(np.asarray(multihost_utils.process_allgather(np.array(yes))).all())


def to_host(tree: PyTree) -> PyTree:
    """Arrays, wherever their parts are, as numpy arrays on every process; keys as they are."""

    def one(x: Any) -> Any:
        if not isinstance(x, jax.Array) or x.is_fully_addressable or x.is_fully_replicated:
            return np.asarray(x)
        from jax.experimental import multihost_utils

        return np.asarray(multihost_utils.process_allgather(x, tiled=True))

    return jax.tree.map(one, tree)


def place(tree: PyTree, sharding: Any) -> PyTree:
    """Arrays that are the same on every process, laid out on the devices of all.

    By way of the host: a device would compile a program of its own for every shape that it cuts up.
    """

    def one(x: Any) -> Any:
        if isinstance(x, jax.Array) and (x.sharding == sharding or not x.is_fully_addressable):
            return jax.device_put(x, sharding)
        if jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            return jax.random.wrap_key_data(one(np.asarray(jax.random.key_data(x))))
        host = np.asarray(x)
        return jax.make_array_from_callback(host.shape, sharding, lambda index: host[index])

    return jax.tree.map(one, tree)


def copied(tree: PyTree) -> PyTree:
    """Arrays of their own, where the given ones are; one process compiles nothing for it."""

    def one(x: Any) -> Any:
        if several() or not isinstance(x, jax.Array):
            return jnp.copy(x)
        where = x.sharding if x.committed else None  # bound to devices no more than it was
        return jax.device_put(x, where, may_alias=False)

    return jax.tree.map(one, tree)


class Lock:
    """A file that one living process holds; the system lets go of it however the process ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.handle: int | None = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)

    def take(self) -> None:
        """Raises UserError if another process holds it."""
        assert self.handle is not None
        if _flock(self.handle) is False:
            holder = self.holder()
            self.drop()
            raise UserError(
                f"{self.path.parent} is in use by {holder}: wait until it is done, or stop it"
            )
        told = f"process {os.getpid()} on {socket.gethostname()}\n".encode()
        os.pwrite(self.handle, told, 0)  # first: whoever reads meanwhile finds a whole line
        os.ftruncate(self.handle, len(told))

    def holder(self) -> str:
        """Who took it last."""
        assert self.handle is not None
        told = os.pread(self.handle, 200, 0).decode(errors="replace").partition("\n")[0]
        return told.strip() or "another process"

    def free(self) -> bool:
        """True if no living process holds it; this one does not take it."""
        assert self.handle is not None
        was_free = _flock(self.handle) is True
        self.drop()
        return was_free

    def drop(self) -> None:
        """Let go of it."""
        if self.handle is not None:
            os.close(self.handle)
            self.handle = None

    __del__ = drop


def all_alive(folder: Path) -> None:
    """Forget who died the last time."""
    if leads():
        (folder / _DEAD).unlink(missing_ok=True)


def lock_of(folder: Path, process: int) -> Lock:
    """The lock by which a process of a run shows that it lives."""
    return Lock(folder / f".process-{process}.lock")


def the_dead(folder: Path) -> str:
    """The processes of a run that died, in words; whoever asks first tells the others.

    Who sees a process die stops as well, so that later only the first answer is right.
    """
    told = folder / _DEAD
    with contextlib.suppress(OSError):
        return told.read_text()
    found = []
    for process in range(jax.process_count()):
        if process == jax.process_index():
            continue
        with contextlib.suppress(OSError):
            lock = lock_of(folder, process)
            holder = lock.holder()
            if lock.free():
                found.append(f"process {process} ({holder})")
    words = ", ".join(found) or "another process"
    with contextlib.suppress(UserError):  # another one was first, or the folder is gone
        write_atomically(told, words.encode(), new=True)
    with contextlib.suppress(OSError):
        return told.read_text()
    return words


def _flock(handle: int) -> bool | None:
    """True if the lock was free and is now held, False if another holds it, None without locks."""
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system that has none
        return None
    return True


def explain_loss(error: Exception, folder: Path) -> UserError | None:
    """If a computation failed because a process died: which, and what to do; else None."""
    if not joined():
        return None
    text = str(error)
    if not any(word in text for word in ("Gloo", "NCCL", "heartbeat", "Coordination", "closed by")):
        return None
    time.sleep(1.0)  # a process that is being killed holds its lock a little longer
    dead = the_dead(folder)
    time.sleep(2.0)  # let the others look while this one still holds its own
    is_run = (folder / "manifest.json").exists() and not list(folder.glob("crossplay.*"))
    how = "go on with --resume, with as many processes as you like" if is_run else "start it anew"
    return UserError(f"{dead} died: the run is stopped; {how}")
