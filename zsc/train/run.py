"""Run folders: what was asked for, how it went, what came out, and where to go on from.

manifest.json   method, settings, seed, environment, versions, git revision
metrics.jsonl   one line per update, every member in its own column
pool/           the trained agents (written when training is over)
state/          training state to resume from, the last two that were saved
"""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import jax

from zsc.agents.pool import Pool
from zsc.errors import UserError
from zsc.files import (
    Arrays,
    Part,
    fitted,
    git_revision,
    library_versions,
    load_parts,
    own_part,
    read_json,
    read_rows,
    save_arrays,
    write_json,
)
from zsc.machine import cluster
from zsc.machine.progress import say
from zsc.switches import set_outside
from zsc.train.sinks import JsonLines, seconds_of
from zsc.types import PyTree

_STATE_FILE = re.compile(r"(?P<update>\d+)(\.\d+of(?P<processes>\d+))?\.safetensors")


@dataclass(frozen=True)
class Manifest:
    """The manifest.json of a run, as far as others read it."""

    format: Literal["zsc-run"]
    method: str
    recipe: dict[str, Any]
    env: str
    env_settings: dict[str, Any]
    seed: int
    git: str | None = None
    command: str = ""


def read_manifest(folder: Path) -> Manifest:
    """What a run's manifest tells. Raises UserError if there is none, or it was altered."""
    path = folder / "manifest.json"
    told = read_json(path)
    if told.get("format") != "zsc-run":
        raise UserError(f"{folder} is not the folder of a run: give one that zsc train made")
    return fitted(Manifest, told, path)


class RunFolder:
    """One run on disk, held by one training at a time."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings
        self.lock = cluster.lock_of(path, jax.process_index())
        self.lock.take()
        cluster.all_alive(path)
        if cluster.leads():
            for left in path.rglob(".*.tmp"):  # half-written files of a process that was killed
                left.unlink(missing_ok=True)

    @classmethod
    def create(
        cls, path: str | Path, settings: dict[str, Any], *, resumable: bool = True
    ) -> RunFolder:
        """A new run, made by the first process. Raises UserError if anything is there already.

        resumable: whether the run could be gone on with, as the error advises.
        """
        folder = Path(path)
        if cluster.leads():
            try:
                cls._make(folder, settings, resumable)
            except UserError:
                cluster.agree(False)
                raise
        if not cluster.agree(True):
            raise UserError("the first process could not make the run folder: it says why")
        return cls(folder, settings)

    @staticmethod
    def _make(folder: Path, settings: dict[str, Any], resumable: bool) -> None:
        """The folder with its manifest. Raises UserError."""
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            more = ", or go on with it by --resume" if resumable else ", or remove it"
            raise UserError(f"{folder} already exists: choose another --out{more}")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made: {error.strerror}; choose another --out"
            ) from None
        notes = {
            "libraries": library_versions(),
            "git": git_revision(),
            "switches": set_outside(),
            "command": shlex.join(sys.argv),
        }
        manifest = {"format": "zsc-run", **settings, **notes}
        write_json(folder / "manifest.json", manifest, new=True)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run, to go on with."""
        read_manifest(Path(path))
        return cls(Path(path), read_json(Path(path) / "manifest.json"))

    def discard(self, *, rows: bool) -> bool:
        """Remove the folder if nothing in it is worth keeping: no state and no pool, and no metrics
        either unless `rows` says that they may go. True if it was removed."""
        told = [file for file in self.path.glob("metrics*.jsonl") if file.stat().st_size]
        if any(self.path.rglob("*.safetensors")) or (told and not rows):
            return False
        for path in (*self.path.glob("metrics*"), self.path / "manifest.json", self.lock.path):
            path.unlink(missing_ok=True)
        for folder in (self.path / "state", self.path):
            with contextlib.suppress(OSError):  # absent, or somebody else's file is in it
                folder.rmdir()
        return not self.path.exists()

    @property
    def finished(self) -> bool:
        """True once the pool is written."""
        return self.holds_pool("pool")

    def holds_pool(self, name: str) -> bool:
        """True if a pool of that name was written."""
        return (self.path / name / "manifest.json").exists()

    def metrics(self, stage: str = "") -> Path:
        """The file of metrics of a stage."""
        return self.path / f"metrics{'-' if stage else ''}{stage}.jsonl"

    def metrics_file(self, stage: str = "") -> JsonLines:
        """What writes the metrics of a stage; its clock goes on where the other stages' stand."""
        path = self.metrics(stage)
        others = [other for other in self.path.glob("metrics*.jsonl") if other != path]
        rows = [row for other in others for row in read_rows(other)]
        return JsonLines(path, before=max(map(seconds_of, rows), default=0.0))

    def write_pool(self, name: str, pool: Pool) -> None:
        """Write a pool if it is not there, by the first process; all wait for it."""
        if cluster.leads() and not self.holds_pool(name):
            pool.save(self.path / name)
        cluster.wait(f"pool {name}")

    def saver(self, stage: str) -> Saver:
        """What saves training states; the last two of a stage are kept."""
        return Saver(self.path / "state", stage)

    def latest(self, stage: str, like: PyTree) -> PyTree | None:
        """The newest state of a stage that reads without fault, placed on devices as `like`.

        None if nothing was saved; raises UserError if nothing that was saved can be read.
        """
        folder = self.path / "state"
        found = {_key_of(paths, stage): paths for paths in saved_states(folder, stage)}
        for number in range(cluster.agree(len(found))):
            # the first process says which one, since disks do not show all of them the same
            update, parts = (cluster.agree(x) for x in [*found, *[(0, 0)] * (number + 1)][number])
            state = self._read(found.get((update, parts)), like)
            if cluster.all_say(state is not None):
                return state
        if any(folder.glob(f"{stage}-*.safetensors")):
            raise UserError(f"no state in {folder} can be read: start the run anew")
        return None

    def _read(self, paths: list[Path] | None, like: PyTree) -> PyTree | None:
        """A state on its devices, or None with a warning if it cannot be read."""
        try:
            if paths is None:
                raise UserError(f"{self.path / 'state'} is not the same for all processes")
            state = load_parts(paths, like, older=of_today)
        except UserError as error:
            say(f"warning: {error}; going back to the state before it")
            return None
        return jax.tree.map(lambda x, y: cluster.place(x, y.sharding), state, like)


class Saver:
    """Writes training states in the background, one after the other.

    The state is copied to the host at once; the device goes on while the file is written. Several
    processes write a part each.
    """

    def __init__(self, folder: Path, stage: str) -> None:
        self.folder, self.stage = folder, stage
        self.worker = ThreadPoolExecutor(1, thread_name_prefix="zsc-save")
        self.pending: Future[None] | None = None

    def save(self, state: PyTree) -> None:
        """Write a state; waits for the one before. Raises UserError if that failed."""
        self.wait()
        update = int(state.update)
        self.pending = self.worker.submit(self._write, update, own_part(state))

    def wait(self) -> None:
        """Until all is on disk. Raises UserError if it could not be written."""
        pending, self.pending = self.pending, None
        if pending is not None:
            pending.result()

    def close(self) -> None:
        """Wait, and let the thread end."""
        try:
            self.wait()
        finally:
            self.worker.shutdown()

    def _write(self, update: int, part: Part) -> None:
        process, processes = jax.process_index(), jax.process_count()
        whose = f".{process}of{processes}" if processes > 1 else ""
        name = f"{self.stage}-{update:08d}{whose}.safetensors"
        save_arrays(self.folder / name, part.arrays, {"update": update, "rows": part.rows})
        whole = saved_states(self.folder, self.stage)
        if len(whole) > 1:  # parts of older states too, from however many processes
            kept = _update_of(whole[1][0], self.stage)
            for path in self.folder.glob(f"{self.stage}-*.safetensors"):
                if _update_of(path, self.stage) < kept:
                    path.unlink(missing_ok=True)


def of_today(arrays: Arrays) -> Arrays:
    """The arrays of a training state under the names of this version.

    Before there were other learners than PPO its optimizer stood beside the parameters.
    """
    return {
        f".learner{name}" if name.startswith(".optimizer") else name: array
        for name, array in arrays.items()
    }


def saved_states(folder: Path, stage: str) -> list[list[Path]]:
    """The files of each whole saved state of a stage, newest first."""
    found: dict[tuple[int, int], list[Path]] = {}
    for path in sorted(folder.glob(f"{stage}-*.safetensors")):
        match = _STATE_FILE.fullmatch(path.name.removeprefix(f"{stage}-"))
        if match:
            key = int(match["update"]), int(match["processes"] or 1)
            found.setdefault(key, []).append(path)
    whole = {key: paths for key, paths in found.items() if len(paths) == key[1]}
    return [whole[key] for key in sorted(whole, reverse=True)]


def _key_of(paths: list[Path], stage: str) -> tuple[int, int]:
    """(update, parts) of a saved state."""
    return _update_of(paths[0], stage), len(paths)


def _update_of(path: Path, stage: str) -> int:
    match = _STATE_FILE.fullmatch(path.name.removeprefix(f"{stage}-"))
    return int(match["update"]) if match else sys.maxsize
