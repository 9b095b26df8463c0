"""Arrays and JSON on disk: safetensors and JSON, written beside and renamed.

A kill leaves the old file or the new one, never half. Every file's hash stands in a manifest or in
the file's own header, and loading never runs code: there is no pickle. A right hash does not make
the content right: readers check it by `zsc/schema.py`.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import json
import os
import secrets
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors import numpy as safetensors

from zsc.checks import plain
from zsc.errors import UserError
from zsc.schema import MisfitError, as_type
from zsc.types import PyTree

T = TypeVar("T")
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
_DEEPEST = 100  # lists in lists of a JSON file
#: What safetensors calls the types that numpy alone does not know.
_SMALL_FLOATS = {
    "BF16": jnp.bfloat16,
    "F8_E4M3": jnp.float8_e4m3fn,
    "F8_E5M2": jnp.float8_e5m2,
}


def save_arrays(
    path: str | Path, arrays: dict[str, np.ndarray], notes: dict[str, Any], *, new: bool = False
) -> Path:
    """Write named arrays as one safetensors file, with notes and their hash in its header.

    new: raise UserError if the file is there already.
    """
    target = Path(path)
    # safetensors writes memory as it lies: another order than C's would come back scrambled
    arrays = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    header = {
        "format": f"zsc-arrays {ARRAYS_FORMAT}",
        "notes": as_json(notes),
        "sha256": _content_hash(arrays, as_json(notes)),
    }
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{target.parent} cannot be made: {error.strerror}") from None
    write_atomically(target, safetensors.save(arrays, metadata=header), new=new)
    return target


def load_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `save_arrays` wrote. Raises UserError if it is missing, altered or cut short."""
    path = Path(path)
    data = read_bytes(path)
    arrays = decode_arrays(data, path)
    try:
        size = int.from_bytes(data[:8], "little")
        header = as_type(dict[str, str], decode_json(data[8 : 8 + size])["__metadata__"])
        notes = as_type(dict[str, Any], decode_json(header["notes"].encode()))
        digest = header["sha256"]
    except (KeyError, ValueError):
        raise damaged(path) from None
    if _content_hash(arrays, header["notes"]) != digest:
        raise damaged(path)
    return arrays, notes


def decode_arrays(data: bytes, path: Path) -> Arrays:
    """The arrays of a safetensors file's bytes. Raises UserError for what is none; path: whose."""
    try:
        return {
            name: np.frombuffer(told["data"], _dtype(told["dtype"])).reshape(told["shape"])
            for name, told in deserialize(data)
        }
    except (SafetensorError, TypeError, ValueError) as error:
        raise damaged(path, str(error)) from None


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
        spread = fitted(dict[str, int], notes.get("rows", {}), path)
        rows |= spread
        for name, array in arrays.items():
            base, _, start = name.rpartition("@")
            if base in spread and start.isdecimal():
                pieces.setdefault(base, {})[int(start)] = array
            else:
                whole[name] = array
    for name, found in pieces.items():
        parts = [found[start] for start in sorted(found)]
        if sum(len(part) if part.ndim else 0 for part in parts) != rows[name]:
            raise UserError(f"a part of {paths[0]} is missing: copy the whole folder")
        if len({(part.shape[1:], part.dtype) for part in parts}) > 1:
            raise damaged(paths[0], f"the parts of {name} do not belong together")
        whole[name] = np.concatenate(parts)
    return unflat_arrays(like, whole if older is None else older(whole), paths[0])


def write_atomically(path: Path, data: bytes, *, new: bool = False) -> None:
    """Write beside and rename, through to the disk: whoever reads sees all of it or nothing.

    new: raise UserError if something is there already; of two who write at once one does.
    """
    # no other process has this name, on no other machine either
    temporary = path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if new:
            _move_to_new(temporary, path)
        else:
            temporary.replace(path)
    except FileExistsError:
        raise UserError(f"{path} already exists: choose another place or remove it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _move_to_new(temporary: Path, path: Path) -> None:
    """Give a file its name; FileExistsError if that is taken, which a rename would not notice."""
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without second names
        if path.exists():
            raise FileExistsError from None
        temporary.replace(path)


def write_text(path: Path, text: str, *, new: bool = False) -> None:
    """A text file in UTF-8, written beside and renamed; see `write_atomically`."""
    write_atomically(path, text.encode("utf-8", "backslashreplace"), new=new)


def write_json(path: Path, value: Any, *, new: bool = False) -> None:
    """A JSON file, readable, written beside and renamed; see `write_atomically`."""
    write_text(path, as_json(value, indent=1) + "\n", new=new)


def as_json(value: Any, *, indent: int | None = None) -> str:
    """JSON of plain values, and of numpy's numbers. Raises UserError for what is neither."""
    try:
        return json.dumps(plain(value), indent=indent)
    except TypeError as error:
        raise UserError(f"{error}: give numbers, texts, lists and dictionaries of them") from None


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises UserError if it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise UserError(f"{path} is not there: check the path") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:  # a name that no file can have
        raise UserError(f"{path} cannot be read: {error}") from None


def read_json(path: Path) -> dict[str, Any]:
    """The content of a JSON file. Raises UserError if it is missing, broken or no object."""
    try:
        return as_type(dict[str, Any], decode_json(read_bytes(path)))
    except UserError:
        raise
    except ValueError:
        raise damaged(path) from None


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file with one on each line.

    A last line without an end is being written, or was cut short by a kill: it is left out. Raises
    UserError if the file is missing, or another line is no object.
    """
    rows = []
    for number, line in enumerate(read_bytes(path).split(b"\n")[:-1], 1):
        try:
            rows.append(as_type(dict[str, Any], decode_json(line)))
        except ValueError:
            raise damaged(path, f"line {number}") from None
    return rows


def decode_json(data: bytes) -> Any:
    """The value that JSON tells. Raises ValueError for what is none, or nested too deeply."""
    try:
        value = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    level = [value]
    for _ in range(_DEEPEST):
        level = [part for one in level for part in _inside(one)]
        if not level:
            return value
    raise ValueError("it is nested too deeply")


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def fitted(kind: type[T], value: Any, path: Path) -> T:
    """What stands in a file as a type, see `as_type`. Raises UserError that says where not."""
    try:
        return as_type(kind, value)
    except MisfitError as error:
        raise damaged(path, str(error)) from None


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


def damaged(path: Path, why: str = "") -> UserError:
    """The error for a file that is not what was written."""
    reason = f" ({why})" if why else ""
    return UserError(
        f"{path} was altered or cut short{reason}: restore it from a copy or make it again"
    )


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
        array = arrays[name]
        raw = jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf
        if (array.shape, array.dtype) != (raw.shape, raw.dtype):
            raise UserError(
                f"{path} is of another structure ({name} is {array.dtype}{list(array.shape)}, not "
                f"{raw.dtype}{list(raw.shape)}): use the settings and version that wrote it"
            )
        leaves.append(
            jax.random.wrap_key_data(jnp.asarray(array)) if _is_key(leaf) else jnp.asarray(array)
        )
    return jax.tree.unflatten(jax.tree.structure(like), leaves)


def _dtype(name: str) -> Any:
    """A type by safetensors' name. Raises ValueError for one that nothing here is written in."""
    if name in _SMALL_FLOATS:
        return _SMALL_FLOATS[name]
    if name == "BOOL":
        return np.bool_
    letter, bits = name[:1].lower(), name[1:]
    if letter not in "iuf" or bits not in ("8", "16", "32", "64"):
        raise ValueError(f"arrays of {name} are not known")
    return np.dtype(f"{letter}{int(bits) // 8}")


def _content_hash(arrays: dict[str, np.ndarray], notes: str) -> str:
    digest = hashlib.sha256(notes.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()
