"""Run folders: what was asked for, how it went, what came out, and where to go on from.

manifest.json   method, settings, seed, environment, versions, git revision
metrics.jsonl   one line per update, every member in its own column
pool/           the trained agents (written when training is over)
state/          training state to resume from, the last two that were saved
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax

from zsc.errors import UserError
from zsc.store import git_revision, library_versions, load_tree, read_json, save_tree, write_json
from zsc.types import PyTree


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path, settings: dict[str, Any]) -> None:
        self.path, self.settings = path, settings

    @classmethod
    def create(cls, path: str | Path, settings: dict[str, Any]) -> RunFolder:
        """A new run. Raises UserError if anything is there already."""
        folder = Path(path)
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(
                f"{folder} already exists: choose another --out, or go on with it by --resume"
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"{folder} cannot be made: {error.strerror}; choose another --out"
            ) from None
        notes = {
            "libraries": library_versions(),
            "git": git_revision(),
            "command": shlex.join(sys.argv),
        }
        write_json(folder / "manifest.json", {"format": "zsc-run", **settings, **notes})
        return cls(folder, settings)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run, to go on with."""
        manifest = read_json(Path(path) / "manifest.json")
        if manifest.get("format") != "zsc-run":
            raise UserError(f"{path} is not the folder of a run: give one that zsc train made")
        return cls(Path(path), manifest)

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

    def saver(self, stage: str) -> Callable[[PyTree], None]:
        """A function that saves a training state; the last two of a stage are kept."""

        def save(state: PyTree) -> None:
            update = int(state.update)
            name = f"{stage}-{update:08d}.safetensors"
            save_tree(self.path / "state" / name, state, {"update": update})
            for old in self._saved(stage)[2:]:
                old.unlink(missing_ok=True)

        return save

    def latest(self, stage: str, like: PyTree) -> PyTree | None:
        """The newest state of a stage that reads without fault, placed on devices as `like`.

        None if nothing was saved; raises UserError if nothing that was saved can be read.
        """
        saved = self._saved(stage)
        for path in saved:
            try:
                found = load_tree(path, like)[0]
                return jax.tree.map(lambda x, y: jax.device_put(x, y.sharding), found, like)
            except UserError as error:
                print(f"warning: {error}; going back to the state before it")
        if saved:
            raise UserError(f"no state in {self.path / 'state'} can be read: start the run anew")
        return None

    def _saved(self, stage: str) -> list[Path]:
        return sorted((self.path / "state").glob(f"{stage}-*.safetensors"), reverse=True)
