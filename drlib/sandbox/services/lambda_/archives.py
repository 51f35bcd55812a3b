"""Cache of unpacked function archives, which makes cold starts faster.

The emulator unpacks a function's archive for every process that it starts, and Python compiles the imported
modules each time. Here an archive is unpacked once, and each process gets links to the unpacked files. So the
processes share the compiled modules.
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
    """A folder of unpacked archives, named by the digest of their content. Thread-safe."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()

    def unpacked(self, archive: Path) -> Path:
        """Return the folder with the content of a zip file.

        Raises:
            zipfile.BadZipFile: the file is not a zip archive.
        """
        found = self._folder / hashlib.sha256(archive.read_bytes()).hexdigest()
        with self._lock:
            if not found.exists():
                self._folder.mkdir(parents=True, exist_ok=True)
                draft = Path(tempfile.mkdtemp(dir=self._folder))
                try:
                    with zipfile.ZipFile(archive) as file:
                        file.extractall(draft)
                    # A shared folder for the bytecode of the modules outside packages.
                    (draft / "__pycache__").mkdir(exist_ok=True)
                    draft.rename(found)
                except BaseException:
                    shutil.rmtree(draft, ignore_errors=True)
                    raise
        return found


class CachedZipfile:
    """Replaces the module `zipfile` in the emulator's code that starts function processes."""

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
    """Make the emulator use archives that are unpacked once, in `folder`.

    Raises:
        SandboxError: the replacement does not fit this version of the emulator.
    """
    runtime = emulator.module("core.lambda_runtime")
    internals.function(runtime.Worker, "_spawn", "self")
    emulator.value(runtime, "zipfile", type(zipfile))
    emulator.replace(runtime, "zipfile", CachedZipfile(ArchiveCache(folder)))
