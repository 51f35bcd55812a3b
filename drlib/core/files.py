"""Files that are there whole or not at all, whatever ends the process, the power or the space.

What cannot be written is one plain sentence: which file, why, and what to do.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from drlib.core.errors import StepFailed

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
CLOSED = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextlib.contextmanager
def plain(path: Path) -> Iterator[None]:
    """Turn an error of the file system inside the block into a sentence about `path`."""
    try:
        yield
    except OSError as error:
        raise refused(path, error) from error


def refused(path: Path, error: OSError) -> StepFailed:
    """Return the error that says why `path`, or the file that the error names, could not be written."""
    file = Path(str(error.filename)) if error.filename else path
    remedy = "Look at the file system that it is on, and run the same command again."
    if error.errno in FULL:
        remedy = "Free some space there, and run the same command again: what was written before is whole."
    elif error.errno in CLOSED:
        remedy = "Make it writable, or let DRLIB_HOME name another folder, and run the same command again."
    why = error.strerror or type(error).__name__
    return StepFailed(f"{file.name} cannot be written: {why}.", remedy=remedy, resource=file.name)


def append(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Add to a file's end, and wait until the disk has it. What does not fit whole is taken back.

    Without `sync` it is not waited for: it outlives the process, and not a loss of power.

    Raises OSError.
    """
    new = not path.exists()
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        size = os.fstat(handle).st_size
        try:
            _all(handle, data)
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
    """Write a file whole or not at all, and wait until the disk has it.

    Raises:
        StepFailed: it cannot be written. The file is as it was.
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
    """Write what a file is to hold beside it, and return the draft: `replace` puts it in its place.

    Raises OSError; no draft is left then.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = draft_of(path)
    data = text.encode() if isinstance(text, str) else text
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            _all(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise
    return draft


def draft_of(path: Path) -> Path:
    """Return the name of a file's draft."""
    return path.with_name(f".{path.name}.tmp")


def _all(handle: int, data: bytes) -> None:
    """Write all of it: a disk that is nearly full takes a part first, and then refuses."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]


def _sync(folder: Path) -> None:
    """Wait until the disk has a folder's list of names. Not every file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
