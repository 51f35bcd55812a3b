"""Atomic writes and appends: a killed process, a power loss or a full disk leaves no half-written file.

A failed write raises an error that names the file, the reason and the remedy.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from drlib.core.errors import StepFailed

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextlib.contextmanager
def plain(path: Path) -> Iterator[None]:
    """Raise StepFailed, which names the file, for an OSError inside the block."""
    try:
        yield
    except OSError as error:
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> StepFailed:
    """Return StepFailed for an OSError; it names the error's own file, or else `path`."""
    file = Path(str(error.filename)) if error.filename else path
    remedy = "Check the file system that the file is on, and run the same command again."
    if error.errno in FULL:
        remedy = "Free some space there, and run the same command again: earlier files are complete."
    elif error.errno in NOT_WRITABLE:
        remedy = "Make it writable, or set DRLIB_HOME to another folder, and run the same command again."
    why = error.strerror or type(error).__name__
    return StepFailed(f"{file.name} cannot be written: {why}.", remedy=remedy, resource=file.name)


def append(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Append data to a file and flush it to the disk. A part that was written before an error is removed.

    Without `sync` the data is not flushed: it survives the end of the process, but not a power loss.

    Raises:
        OSError: it cannot be written. The file is unchanged.
    """
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        try:
            _write_all(handle, data)
            if sync:
                os.fsync(handle)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(handle, size)
            raise
    finally:
        os.close(handle)
    if new and sync:
        _sync(path.parent)


def write(path: Path, text: str | bytes) -> None:
    """Write a file atomically and flush it to the disk.

    Raises:
        StepFailed: it cannot be written. The file is unchanged.
    """
    with plain(path):
        draft = stage(path, text)
        try:
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        _sync(path.parent)


def stage(path: Path, text: str | bytes) -> Path:
    """Write the new content of a file to a draft beside it, and return the draft. Call `replace` on it.

    Raises:
        OSError: it cannot be written. No draft is left.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.tmp")
    data = text.encode() if isinstance(text, str) else text
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _write_all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return draft


def _write_all(handle: int, data: bytes) -> None:
    """Write all of the data: on a disk that is nearly full, one `os.write` may write only a part of it."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync(folder: Path) -> None:
    """Flush a folder's list of names to the disk, where the file system supports it."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
