"""Run a command, then insist that it left nothing: no process, no temporary file, no changed file.

    python tests/no_leftovers.py COMMAND...

The command gets a temporary folder of its own. The exit code is the command's, or 1 if it passed and left
something.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
OURS = ("drlib", "ministack", "pulumi", "go-build", "go-link")
# pytest keeps the folders of failed tests on purpose, and Jupyter its empty runtime folder
EXPECTED = ("pytest-of-", "jupyter-runtime")


def processes(temporary: Path) -> dict[tuple[int, float], str]:
    """Return the processes of this checkout, by id and start: its Python, or at work in it or `temporary`."""
    here = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    places = (str(ROOT), str(temporary), str(Path(sys.prefix)))
    found = {}
    for process in psutil.process_iter():
        if process.pid in here:
            continue
        try:
            words = process.cmdline()
            cwd = process.cwd()
            if cwd.startswith(places) or any(word.startswith(places) for word in words[:2]):
                found[process.pid, process.create_time()] = " ".join(words)[:160]
        except psutil.Error:
            continue  # ended meanwhile, or another user's
    return found


def temporary_entries() -> set[str]:
    """Return the names in the shared temporary folder that could only be ours."""
    shared = Path(tempfile.gettempdir())
    return {entry.name for entry in shared.iterdir() if entry.name.lstrip(".").lower().startswith(OURS)}


def files() -> dict[str, str]:
    """Return the state of the checkout as git sees it: changed and new files, each with a digest."""
    git = ["git", "-C", str(ROOT), "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"]
    answer = subprocess.run(git, capture_output=True, text=True, check=False)
    if answer.returncode:
        sys.stdout.write("no_leftovers: not a git checkout; changed files are not looked for\n")
        return {}
    state = {}
    for line in filter(None, answer.stdout.split("\0")):
        file = ROOT / line[3:]
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "absent"
        state[line[3:]] = f"{line[:2]} {digest}"
    return state


def survey(temporary: Path) -> dict[str, object]:
    """Return all that must be the same before and after, by a name to print."""
    state: dict[str, object] = {f"file {name}": digest for name, digest in files().items()}
    state |= {f"temporary entry {name}": "" for name in temporary_entries()}
    state |= {f"process {pid} ({words})": begun for (pid, begun), words in processes(temporary).items()}
    return state


def main(command: list[str]) -> int:
    """Run the command in a temporary folder of its own; return the exit code."""
    temporary = Path(tempfile.mkdtemp(prefix="suite-"))
    try:
        before = survey(temporary)
        runtime = temporary / "jupyter-runtime"
        env = {**os.environ, "TMPDIR": str(temporary), "JUPYTER_RUNTIME_DIR": str(runtime)}
        code = subprocess.run(command, env=env, check=False).returncode
        after = survey(temporary)
        left = {name for name, what in after.items() if before.get(name) != what}
        left |= {f"{name} (gone)" for name in before if name.startswith("file ") and name not in after}
        left |= {
            f"temporary entry {entry.name}"
            for entry in temporary.iterdir()
            if not entry.name.startswith(EXPECTED)
        }
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    for name in sorted(left):
        sys.stdout.write(f"left behind: {name}\n")
    return code or (1 if left else 0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
