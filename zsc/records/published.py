"""Published games of people where they lie: inside the archive of a package, in two halves."""

from __future__ import annotations

import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from zsc.errors import UserError

#: What the two halves of the human-human games of 2019 are called (Carroll et al. 2019): clones of
#: the first are learned with, those of the second stand for people whom nobody has met.
HALVES_2019 = ("clean_train_trials.pickle", "clean_test_trials.pickle")
_PACKED = (".tar.gz", ".tgz", ".tar", ".zip", ".whl")


@contextmanager
def halves_in(archive: Path) -> Iterator[tuple[Path, Path]]:
    """Both halves of the games of 2019, unpacked from an archive or found in a folder.

    They are gone afterwards. Raises UserError if they are not in it.
    """
    if archive.is_dir():
        found = [next(iter(sorted(archive.rglob(name))), None) for name in HALVES_2019]
        yield _both(archive, found)
        return
    with tempfile.TemporaryDirectory() as folder:
        unpack = _from_zip if zipfile.is_zipfile(archive) else _from_tar
        try:
            unpacked = [unpack(archive, name, Path(folder) / name) for name in HALVES_2019]
        except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
            raise UserError(f"{archive} cannot be unpacked ({error}): get it anew") from None
        yield _both(archive, unpacked)


def is_archive(path: Path) -> bool:
    """True for what may hold both halves."""
    return path.is_dir() or path.name.lower().endswith(_PACKED)


def _both(archive: Path, found: list[Path | None]) -> tuple[Path, Path]:
    for path, name in zip(found, HALVES_2019, strict=True):
        if path is None:
            raise UserError(
                f"{archive} has no {name}: give the archive of overcooked_ai 1.1.0 "
                "(pip download --no-deps --no-binary :all: overcooked_ai==1.1.0)"
            )
    first, second = found
    assert first is not None
    assert second is not None
    return first, second


def _from_tar(archive: Path, name: str, target: Path) -> Path | None:
    with tarfile.open(archive) as opened:
        member = _named(opened.getnames(), name)
        file = None if member is None else opened.extractfile(member)
        return None if file is None else _written(target, file.read)


def _from_zip(archive: Path, name: str, target: Path) -> Path | None:
    with zipfile.ZipFile(archive) as opened:
        member = _named(opened.namelist(), name)
        return None if member is None else _written(target, lambda: opened.read(member))


def _named(members: list[str], name: str) -> str | None:
    """The member of that name, in whatever folder."""
    return next((member for member in members if PurePosixPath(member).name == name), None)


def _written(target: Path, read: Callable[[], bytes]) -> Path:
    """What is read, in a file whose name no archive chose."""
    target.write_bytes(read())
    return target
