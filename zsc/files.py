"""Arrays and JSON on disk: safetensors and JSON, written beside and renamed.

A kill leaves the old file or the new one, never half. Every file's hash stands in a manifest or in
the file's own header, and loading never runs code: there is no pickle.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from zsc.errors import UserError
from zsc.types import PyTree

Arrays: TypeAlias = dict[str, np.ndarray]

ARRAYS_FORMAT = 1
#: Byte order marks, the longer ones first: that of UTF-16 is how one of UTF-32 begins.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LIBRARIES = ("zsc-toolkit", "jax", "jaxlib", "flax", "optax", "distrax", "numpy")


def save_arrays(path: str | Path, arrays: dict[str, np.ndarray], notes: dict[str, Any]) -> Path:
    """Write named arrays as one safetensors file, with notes and their hash in its header."""
    target = Path(path)
    # safetensors writes memory as it lies: another order than C's would come back scrambled
    arrays = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    header = {
        "format": f"zsc-arrays {ARRAYS_FORMAT}",
        "notes": json.dumps(notes),
        "sha256": _content_hash(arrays, json.dumps(notes)),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{target.parent} cannot be made: {error.strerror}") from None
    write_atomically(target, safetensors.save(arrays, metadata=header))
    return target


def load_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_arrays` wrote. Raises UserError if it is missing, altered or cut short."""
    path = Path(path)
    try:
        data = path.read_bytes()
        arrays = safetensors.load(data)
        size = int.from_bytes(data[:8], "little")
        header = json.loads(data[8 : 8 + size])["__metadata__"]
        notes = json.loads(header["notes"])
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise UserError(f"{path} is not there: check the path") from None
    except (SafetensorError, KeyError, ValueError):
        raise damaged(path) from None
    if _content_hash(arrays, header["notes"]) != header.get("sha256"):
        raise damaged(path)
    return arrays, notes


def save_tree(path: str | Path, tree: PyTree, notes: dict[str, Any]) -> Path:
    """Write any pytree of arrays, random keys included."""
    return save_arrays(path, flat_arrays(tree), notes)


def load_tree(path: str | Path, like: PyTree) -> tuple[PyTree, dict[str, Any]]:
    """Read a pytree shaped as `like` (arrays or shapes) and its notes.

    Raises UserError if the file was altered, cut short, or is of another structure.
    """
    arrays, notes = load_arrays(path)
    return unflat_arrays(like, arrays, Path(path)), notes


class Part(NamedTuple):
    """What one process holds of a pytree whose arrays are spread over several."""

    arrays: dict[str, np.ndarray]  # "NAME" whole, or "NAME@START" from row START on
    rows: dict[str, int]  # how many rows a spread array has in all


def own_part(tree: PyTree) -> Part:
    """The part of a pytree that this process writes: its own rows, and what nobody else writes.

    Copies everything to the host, so the devices may go on. Arrays are spread along their first
    axis, as members are; what every process has is the first one's to write.
    """
    arrays: dict[str, np.ndarray] = {}
    rows: dict[str, int] = {}
    for name, leaf in _names(tree):
        data = jax.random.key_data(leaf) if _is_key(leaf) else leaf
        if not isinstance(data, jax.Array) or data.is_fully_addressable:
            arrays[name] = np.array(data, order="C")
        elif data.is_fully_replicated:
            if jax.process_index() == 0:
                arrays[name] = np.array(data, order="C")
        else:
            rows[name] = data.shape[0]
            for shard in data.addressable_shards:
                arrays[f"{name}@{shard.index[0].start or 0}"] = np.array(shard.data, order="C")
    return Part(arrays, rows)


def load_parts(
    paths: Sequence[Path], like: PyTree, *, older: Callable[[Arrays], Arrays] | None = None
) -> PyTree:
    """The pytree of which several processes wrote a part each, however many there are now.

    older: what makes the arrays of an earlier version those of today, by their names.
    Raises UserError if a part was altered, cut short, is missing, or is of another structure.
    """
    whole: dict[str, np.ndarray] = {}
    pieces: dict[str, dict[int, np.ndarray]] = {}
    rows: dict[str, int] = {}
    for path in paths:
        arrays, notes = load_arrays(path)
        rows |= notes.get("rows", {})
        for name, array in arrays.items():
            base, _, start = name.rpartition("@")
            if base in notes.get("rows", {}):
                pieces.setdefault(base, {})[int(start)] = array
            else:
                whole[name] = array
    for name, found in pieces.items():
        whole[name] = np.concatenate([found[start] for start in sorted(found)])
        if len(whole[name]) != rows[name]:
            raise UserError(f"a part of {paths[0]} is missing: copy the whole folder")
    return unflat_arrays(like, whole if older is None else older(whole), paths[0])


def write_atomically(path: Path, data: bytes) -> None:
    """Write beside and rename, through to the disk."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """A JSON file, readable, written beside and renamed."""
    write_atomically(path, (json.dumps(value, indent=1) + "\n").encode())


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file. Raises UserError if it is missing, broken or no object."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} is not there: check the path") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise damaged(path) from None
    if not isinstance(value, dict):
        raise damaged(path)
    return value


def read_text(path: Path, *, errors: str = "strict") -> str:
    """The text of a file, UTF-8 if no byte order mark says otherwise; the mark is dropped.

    Raises OSError, and UnicodeDecodeError for another encoding unless `errors` says how to go on.
    """
    data = path.read_bytes()
    return data.decode(encoding_of(data), errors)


def encoding_of(data: bytes) -> str:
    """The encoding that a byte order mark at the beginning says, which it drops; else UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    return "utf-8"


def library_versions() -> dict[str, str]:
    """Versions of the libraries that decide what comes out."""
    found = {}
    for name in _LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def git_revision() -> str | None:
    """The commit of the working folder, if it is a git checkout."""
    try:
        command = ["git", "rev-parse", "HEAD"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def damaged(path: Path) -> UserError:
    """The error for a file that is not what was written."""
    return UserError(f"{path} was altered or cut short: restore it from a copy or make it again")


def _names(tree: PyTree) -> Iterator[tuple[str, Any]]:
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        yield jax.tree_util.keystr(path) or ".", leaf


def _is_key(leaf: Any) -> bool:
    return bool(jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def flat_arrays(tree: PyTree) -> dict[str, np.ndarray]:
    """The leaves of a pytree by their paths, random keys as their data."""
    return {
        name: np.array(jax.random.key_data(leaf) if _is_key(leaf) else leaf, order="C")
        for name, leaf in _names(tree)
    }


def unflat_arrays(like: PyTree, arrays: dict[str, np.ndarray], path: Path) -> PyTree:
    """The inverse of `flat_arrays`. Raises UserError if the arrays are of another structure."""
    names = [name for name, _ in _names(like)]
    if set(names) != set(arrays):
        odd = sorted(set(names) ^ set(arrays))[0]
        raise UserError(
            f"{path} is of another structure (array {odd!r}): use the version that wrote it"
        )
    leaves = []
    for name, leaf in _names(like):
        array = jnp.asarray(arrays[name])
        leaves.append(jax.random.wrap_key_data(array) if _is_key(leaf) else array)
        if (leaves[-1].shape, leaves[-1].dtype) != (leaf.shape, leaf.dtype):
            raise UserError(
                f"{path} is of another structure ({name} is {array.dtype}{list(array.shape)}, not "
                f"{leaf.dtype}{list(leaf.shape)}): use the settings and version that wrote it"
            )
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _content_hash(arrays: dict[str, np.ndarray], notes: str) -> str:
    digest = hashlib.sha256(notes.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
