"""Functions' archives, unpacked once: what makes a cold start quick.

The emulator unpacks a function's archive for every process that it starts, and Python compiles what it
imports from there each time. Here an archive is unpacked the first time it is seen, and a process gets links
to that: what one process has compiled, the next one finds.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
import zipfile
from pathlib import Path
from typing import Any

from drlib.sandbox.ministack import emulator, internals


class ArchiveCache:
    """A folder of unpacked archives, by the digest of their content. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, archive: Path) -> Path:
        """Return the folder with the content of a zip file.

        Raises:
            zipfile.BadZipFile: it is none.
        """
        found = self._folder / hashlib.sha256(archive.read_bytes()).hexdigest()
        with self._lock:
            if not found.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                draft = Path(tempfile.mkdtemp(dir=self._folder))
                try:
                    with zipfile.ZipFile(archive) as file:
                        file.extractall(draft)
                    # Linked like all else, it keeps the bytecode of modules that are in no package.
                    (draft / "__pycache__").mkdir(exist_ok=True)
                    draft.rename(found)
                except BaseException:
                    shutil.rmtree(draft, ignore_errors=True)
                    raise
        return found


class CachedZipfile:
    """Stands in for the module `zipfile` where functions' processes are made."""

    def __init__(self, archives: ArchiveCache) -> None:
        class ZipFile(zipfile.ZipFile):
            def extractall(self, path: Any = None, members: Any = None, pwd: Any = None) -> None:
                if members is not None or self.filename is None:
                    super().extractall(path, members, pwd)
                    return
                for entry in archives.unpacked(Path(self.filename)).iterdir():
                    Path(path or os.curdir, entry.name).symlink_to(entry)

        self.ZipFile = ZipFile

    def __getattr__(self, name: str) -> Any:
        return getattr(zipfile, name)


def install(folder: Path) -> None:
    """Make the emulator take functions' code from `folder`, where it is unpacked once.

    Raises:
        SandboxError: the emulator makes functions' processes in another way.
    """
    runtime = emulator.module("core.lambda_runtime")
    internals.function(runtime.Worker, "_spawn", "self")
    emulator.value(runtime, "zipfile", type(zipfile))
    emulator.replace(runtime, "zipfile", CachedZipfile(ArchiveCache(folder)))
