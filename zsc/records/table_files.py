"""Files of games that people played, as the field publishes them, read as a table of steps.

Tables come as CSV or as pickled pandas frames; trajectories of Overcooked-AI come as JSON (lists
over episodes), those of its demo as a pickled dictionary. Any of them may be compressed. A pickle
can run any code when it is read, so only the few names that a plain table is made of are looked up
here and everything else is refused.
"""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import pandas as pd
from pandas.compat.pickle_compat import Unpickler

from zsc.errors import UserError
from zsc.files import encoding_of
from zsc.machine import memory

#: What a table of steps needs.
COLUMNS = ("state", "joint_action", "layout")
#: Other names of the five kitchens, which files without a drawing give.
_ALIASES = {
    "simple": "cramped_room",
    "random0": "forced_coordination",
    "random1": "coordination_ring",
    "random3": "counter_circuit",
    "counter_circuit_o_1order": "counter_circuit",
    "unident_s": "asymmetric_advantages",
}
#: All that a pickled table of numbers and texts needs, by pandas from 1.0 on and numpy.
_PLAIN = {
    "builtins": {"slice"},
    "numpy": {"ndarray", "dtype"},
    "numpy.core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.multiarray": {"_reconstruct", "scalar"},
    "numpy._core.numeric": {"_frombuffer"},
    "numpy.core.numeric": {"_frombuffer"},
    "pandas": {"DataFrame", "Index", "RangeIndex", "StringDtype"},
    "pandas.arrays": {"StringArray"},
    "pandas._libs.arrays": {"__pyx_unpickle_NDArrayBacked"},
    "pandas.core.arrays.string_": {"StringArray", "StringDtype"},
    "pandas.core.frame": {"DataFrame"},
    "pandas.core.internals.managers": {"BlockManager"},
    "pandas.core.internals.blocks": {"new_block"},
    "pandas._libs.internals": {"_unpickle_block"},
    "pandas.core.indexes.base": {"_new_Index", "Index"},
    "pandas.core.indexes.range": {"RangeIndex"},
    "pandas.core.indexes.numeric": {"Int64Index", "UInt64Index", "Float64Index"},
}
#: How compressed files begin, and what opens them.
_PACKED: dict[bytes, Callable[[IO[bytes]], Any]] = {
    b"\x1f\x8b": lambda file: gzip.GzipFile(fileobj=file),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"PK\x03\x04": lambda file: _only_member(file),
}
_PACKED_NAMES = (".gz", ".bz2", ".xz", ".zip", ".zst")
_TEXTS = (".csv", ".tsv", ".txt")


class _TableReader(Unpickler):
    """Reads pickled tables of numbers and texts, and looks up nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name if a plain table needs it. Raises UserError."""
        if name not in _PLAIN.get(module, ()):
            raise UserError(
                f"the file wants to run {module}.{name}, which no table needs: nothing was run; "
                "if you trust it, open it yourself and save it as CSV"
            )
        return super().find_class(module, name)


def read_table(path: str | Path) -> pd.DataFrame:
    """The table in a file, one row per step of a game.

    Raises UserError for a file that is no such table, or a pickle that asks for more than one.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"{path} is not a file: give the CSV, pickle or JSON of recorded games")
    try:
        table = _table_in(unpacked(path), path)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    except Exception as error:  # a broken pickle can fail in any way
        why = " ".join(str(error).split())
        raise UserError(f"{path} cannot be read as a table: {why}") from None
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise UserError(f"{path} has no column {missing[0]!r}: give a table of recorded steps")
    return table


def unpacked(path: Path) -> bytes:
    """What is in a file, without its compression, whatever it is called.

    Raises UserError if it would not fit into memory.
    """
    with path.open("rb") as file:
        begin = file.read(8)
        file.seek(0)
        opened = next((make for mark, make in _PACKED.items() if begin.startswith(mark)), None)
        if opened is None:
            if begin.startswith(b"\x28\xb5\x2f\xfd"):
                raise UserError("it is compressed by zstd: unpack it first (zstd -d)")
            return file.read()
        most = memory.room()
        try:
            with opened(file) as inner:
                data = inner.read() if most is None else inner.read(most // 4)
        except (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError):
            raise UserError("its compression is broken or cut short: get it anew") from None
    if most is not None and len(data) == most // 4:
        raise UserError(f"unpacked it is larger than {memory.in_words(most // 4)}: cut it in parts")
    return data


def _only_member(file: IO[bytes]) -> IO[bytes]:
    """The one file of a zip archive."""
    archive = zipfile.ZipFile(file)
    # what a Mac puts beside is nobody's table
    names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith("__MACOSX")]
    if len(names) != 1:
        raise UserError(f"the archive has {len(names)} files: give one of them")
    return archive.open(names[0])


def _table_in(data: bytes, path: Path) -> pd.DataFrame:
    """The table in the content of a file. Raises UserError for anything else."""
    names = [suffix.lower() for suffix in path.suffixes]
    kind = next((name for name in reversed(names) if name not in _PACKED_NAMES), "")
    if kind in _TEXTS:
        return _of_text(data)
    if kind == ".json":
        return of_trajectories(json.loads(data.decode(encoding_of(data))))
    found = _TableReader(io.BytesIO(data)).load()
    if isinstance(found, Mapping) and isinstance(found.get("trajectory"), list):
        found = pd.DataFrame(found["trajectory"])  # as Overcooked-AI's demo keeps a game
    if isinstance(found, Mapping) and "ep_states" in found:
        return of_trajectories(found)
    if not isinstance(found, pd.DataFrame):
        raise UserError(f"it holds a {type(found).__name__}, not a table of steps")
    return found


def _of_text(data: bytes) -> pd.DataFrame:
    """A table with any of the usual separators, by its first line."""
    encoding = encoding_of(data)
    head = data[:100_000].decode(encoding, "replace").split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    return pd.read_csv(io.BytesIO(data), sep=separator, encoding=encoding)


def of_trajectories(told: Any) -> pd.DataFrame:
    """Trajectories as Overcooked-AI writes them, as a table: "ep_states" and "ep_actions" are lists
    over episodes, "mdp_params" says in which kitchen. Raises UserError for anything else."""
    if not isinstance(told, Mapping) or not {"ep_states", "ep_actions"} <= told.keys():
        raise UserError('it has no "ep_states" and "ep_actions": give recorded trajectories')
    states, actions = told["ep_states"], told["ep_actions"]
    if isinstance(states, Sequence) and states and isinstance(states[0], Mapping):
        states, actions = [states], [actions]  # a single episode
    if not isinstance(states, list) or not isinstance(actions, list) or not states:
        raise UserError("its ep_states are no lists of episodes: give recorded trajectories")
    rows: list[dict[str, Any]] = []
    for number, (before, done) in enumerate(zip(states, actions, strict=True)):
        name, layout = _kitchen(told.get("mdp_params"), number)
        if len(before) not in (len(done), len(done) + 1):  # some keep the last state too
            raise UserError(
                f"episode {number} has {len(before)} states and {len(done)} actions: one of each "
                "is needed for every step"
            )
        rows += [
            {
                "state": state,
                "joint_action": joint,
                "layout": layout,
                "layout_name": name,
                "trial_id": f"episode {number}",
                "cur_gameloop": time,
            }
            for time, (state, joint) in enumerate(zip(before, done, strict=False))
        ]
    return pd.DataFrame(rows, columns=[*COLUMNS, "layout_name", "trial_id", "cur_gameloop"])


def _kitchen(params: Any, number: int) -> tuple[str, str]:
    """Name and drawing of an episode's kitchen; the drawing is "" if only the name is told."""
    if isinstance(params, Sequence) and not isinstance(params, str):
        params = params[min(number, len(params) - 1)] if params else None
    if not isinstance(params, Mapping) or not {"terrain", "layout_name"} & params.keys():
        raise UserError('its "mdp_params" do not say in which kitchen: add "terrain"')
    name, terrain = str(params.get("layout_name", "no name")), params.get("terrain")
    if terrain is None:
        return _ALIASES.get(name, name), ""
    return name, json.dumps(["".join(row) for row in terrain])
