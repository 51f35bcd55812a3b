"""The one form in which notebooks are stored: what nbval compares and papermill needs, nothing that varies.

python -m tests.notebooks.normalise [--check] [FILE...]
"""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

from tests.notebooks.stage import NOTEBOOKS

# What JupyterLab writes when the kernel starts, but for the version of Python, which `drlib.runner.lab` adds.
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "codemirror_mode": {"name": "ipython", "version": 3},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
CELL_METADATA = ("tags",)


def normalise(notebook: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of the notebook with counts 1..n, fixed metadata, and outputs in one form."""
    result = copy.deepcopy(notebook)
    result |= {"metadata": copy.deepcopy(METADATA), "nbformat": 4, "nbformat_minor": 5}
    count, taken = 0, set()
    for cell in result["cells"]:
        cell["metadata"] = {key: cell["metadata"][key] for key in CELL_METADATA if cell["metadata"].get(key)}
        cell["source"] = _text(cell["source"]).rstrip()
        cell["id"] = _identity(cell, taken)
        taken.add(cell["id"])
        if cell["cell_type"] == "code":
            count += 1
            cell["execution_count"] = count
            cell["outputs"] = _outputs(cell["outputs"], count)
    return result


def dumps(notebook: dict[str, Any]) -> str:
    """Return the text of a normalised notebook: sorted keys, one space a level, a newline at the end."""
    return nbformat.writes(nbformat.from_dict(notebook), version=nbformat.NO_CONVERT).rstrip("\n") + "\n"


def load(file: Path) -> dict[str, Any]:
    """Read a notebook as it is stored; multi-line texts are joined."""
    # nbformat.read would replace a doubled cell id by a random one
    notebook = nbformat.from_dict(json.loads(file.read_text(encoding="utf-8")))
    return nbformat.v4.rwbase.rejoin_lines(notebook)


def _outputs(outputs: list[dict[str, Any]], count: int) -> list[dict[str, Any]]:
    result: list[dict[str, Any]] = []
    for output in outputs:
        kind = output["output_type"]
        if kind == "stream":
            output["text"] = _text(output["text"])
            last = result[-1] if result else {}
            if last.get("output_type") == "stream" and last["name"] == output["name"]:
                last["text"] += output["text"]  # one print, or two: the kernel decides by its buffer
                continue
        if kind in ("display_data", "execute_result"):
            output["metadata"] = {}
            output["data"] = {mime: _data(mime, data) for mime, data in output["data"].items()}
        if kind == "execute_result":
            output["execution_count"] = count
        result.append(output)
    return result


def _data(mime: str, data: Any) -> Any:
    if mime.startswith("image/") and mime != "image/svg+xml":
        return _text(data).replace("\n", "")
    return _text(data) if mime.startswith("text/") or mime == "image/svg+xml" else data


def _identity(cell: dict[str, Any], taken: set[str]) -> str:
    """Keep a cell's id; where it has none, or a copy of another's, make one from its first words."""
    if cell.get("id") and cell["id"] not in taken:
        return str(cell["id"])
    words = re.sub(r"[^a-z0-9]+", "-", _text(cell["source"]).lower())[:40].strip("-") or "cell"
    return next(
        name for name in [words, *(f"{words}-{number}" for number in range(2, 999))] if name not in taken
    )


def _text(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def main(words: list[str]) -> int:
    """Normalise the files, or with `--check` name those that are not; return an exit code."""
    check = "--check" in words
    files = [Path(word) for word in words if word != "--check"] or sorted(NOTEBOOKS.glob("*.ipynb"))
    unlike = 0
    for file in files:
        wanted = dumps(normalise(load(file)))
        if file.read_text(encoding="utf-8") == wanted:
            continue
        unlike += 1
        if check:
            sys.stdout.write(
                f"{file.name}: not in the stored form; run python -m tests.notebooks.normalise\n"
            )
        else:
            file.write_text(wanted, encoding="utf-8", newline="\n")
    return 1 if check and unlike else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
