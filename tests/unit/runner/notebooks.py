"""Tiny runbooks, made on the fly: what they do is in their name."""

from __future__ import annotations

from pathlib import Path

import nbformat

PARAMETERS = """target: str = "sandbox"  # where to act
seed: int = 1  # start of the random numbers
time_scale: float = 20.0  # speed
decision: str = "stay"  # flip or stay"""

BODIES = {
    "passes": ["print(f'{seed + 1} {decision}')"],
    "fails-unapproved": [
        "from drlib import errors",
        "raise errors.NotApproved('deploy is not approved.', remedy='Set approval.')",
        "print('never')",
    ],
    "plans": [
        "from drlib import journal, settings\njournal.approve(settings.make({'mode': 'plan'}), 'deploy')",
        "print('never')",
    ],
    "fails-preflight": ["from drlib import errors\nraise errors.PreflightFailed('No Pulumi.')"],
    "fails-unexpectedly": ["{}['x']"],
    "is-red": ["from drlib import errors\nraise errors.VerdictRed('The verdict is failed.')"],
    "kernel-dies": ["import os\nos._exit(1)"],
    "waits": ["from drlib.clock import Clock\nopen(marker, 'w').close()\nClock().sleep(600)"],
    "joins": [
        "from drlib import journal, settings",
        "run = journal.join(settings.make({}), '20-joins')",
        "with run.step('look'):\n    run.save('seen', {'sum': 3})",
    ],
    "acts-once": [
        "from drlib import errors, journal, settings",
        "run = journal.join(settings.make({}), '30-acts-once')",
        "if run.done('act'):\n    raise errors.PreflightFailed('It leads to the standby.')",
        "with run.step('act', mutating=True):\n    pass",
    ],
    "shows": [
        "from drlib import show",
        "with show.Progress('Deploy', total=2) as progress:\n    progress.update(count=2)",
        "from matplotlib.figure import Figure\n"
        "live = show.Live('Recovery: figure')\n"
        "for height in (1, 2):\n"
        "    figure = Figure(figsize=(2, height))\n"
        "    figure.subplots().plot([1, 2])\n"
        "    live.figure(figure)",
        "show.Verdict('RTO', True, says='within target', detail='12 s')",
    ],
}


def write(folder: Path, name: str, *, body: str = "", parameters: str = PARAMETERS) -> Path:
    """Write the notebook of a behaviour (`NN-behaviour`, or just the behaviour) and return its path."""
    key = body or name.lstrip("0123456789-")
    notebook = nbformat.v4.new_notebook()
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook.metadata["language_info"] = {"name": "python"}
    cell = nbformat.v4.new_code_cell(parameters)
    cell.metadata["tags"] = ["parameters"]
    notebook.cells = [
        nbformat.v4.new_markdown_cell(f"# {name}"),
        cell,
        *map(nbformat.v4.new_code_cell, BODIES[key]),
    ]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path
