"""A day at work: all runbooks in their order, against one fresh sandbox that is gone afterwards.

python -m tests.notebooks.day check    compare each cell with its stored output (nbval)
python -m tests.notebooks.day store    run them, and store their outputs in the normal form
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.notebooks import normalise, stage

CELL_SECONDS = 120


@contextmanager
def fresh_sandbox() -> Iterator[None]:
    """Give the runbooks a home of their own; stop its sandbox and remove it at the end, come what may."""
    home = Path(tempfile.mkdtemp(prefix="drlib-day-"))
    os.environ["DRLIB_HOME"] = str(home)
    os.environ.update(stage.environment())
    try:
        yield
    finally:
        stage.drlib("sandbox", "down")
        shutil.rmtree(home)


def check() -> int:
    """Run nbval over the runbooks; it stops at the first difference. Return pytest's exit code."""
    options = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", str(CELL_SECONDS), "-x", "-q"]
    command = [sys.executable, "-m", "pytest", *options, "-p", "no:cacheprovider", *map(str, files())]
    return subprocess.run(command, cwd=stage.ROOT, check=False).returncode


def store() -> int:
    """Run each runbook and store it; one that fails is left as it was, and ends the day."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    for file in files():
        sys.stdout.write(f"{file.stem} ...\n")
        sys.stdout.flush()
        stage.before(file.stem)
        notebook = nbformat.read(file, as_version=4)
        client = NotebookClient(
            notebook,
            timeout=CELL_SECONDS,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(stage.NOTEBOOKS)}},
        )
        try:
            client.execute(stderr=subprocess.DEVNULL)  # the kernel's own remarks, not the cells'
        except CellExecutionError as exc:
            sys.stdout.write(f"{exc}\n{file.stem}: failed; nothing was stored for it\n")
            return 1
        stage.after(file.stem)
        file.write_text(normalise.dumps(normalise.normalise(notebook)), encoding="utf-8", newline="\n")
    return 0


def files() -> list[Path]:
    """Return the runbooks in their order."""
    return [stage.NOTEBOOKS / f"{name}.ipynb" for name in stage.RUNBOOKS]


def main(words: list[str]) -> int:
    """Check or store; return an exit code."""
    acts = {"check": check, "store": store}
    if len(words) != 1 or words[0] not in acts:
        sys.stdout.write(f"{__doc__}\n")
        return 2
    with fresh_sandbox():
        return acts[words[0]]()


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
