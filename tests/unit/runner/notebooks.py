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
        "from drlib.core.errors import NotApproved",
        "raise NotApproved('deploy is not approved.', remedy='Set approval.')",
        "print('never')",
    ],
    "plans": [
        "from drlib import parameters\n"
        "from drlib.runs import approval\n"
        "approval.approve(parameters.make({'mode': 'plan'}), 'deploy')",
        "print('never')",
    ],
    "fails-preflight": ["from drlib.core.errors import PreflightFailed\nraise PreflightFailed('No Pulumi.')"],
    "fails-unexpectedly": ["{}['x']"],
    "is-red": ["from drlib.core.errors import VerdictRed\nraise VerdictRed('The verdict is failed.')"],
    "kernel-dies": ["import os\nos._exit(1)"],
    "waits": ["from drlib.core.clock import Clock\nopen(marker, 'w').close()\nClock().sleep(600)"],
    "joins": [
        "from drlib import parameters\nfrom drlib.runs import folders",
        "run = folders.join(parameters.make({}), '20-joins')",
        "with run.step('look'):\n    run.save('seen', {'sum': 3})",
    ],
    "acts-once": [
        "from drlib import parameters\n"
        "from drlib.core.errors import PreflightFailed\n"
        "from drlib.runs import folders",
        "run = folders.join(parameters.make({}), '30-acts-once')",
        "if run.done('act'):\n    raise PreflightFailed('It leads to the standby.')",
        "with run.step('act', mutating=True):\n    pass",
    ],
    "shows": [
        "from drlib.show.output import Live, Progress, Verdict",
        "with Progress('Deploy', total=2) as progress:\n    progress.update(count=2)",
        "from matplotlib.figure import Figure\n"
        "live = Live('Recovery: figure')\n"
        "for height in (1, 2):\n"
        "    figure = Figure(figsize=(2, height))\n"
        "    figure.subplots().plot([1, 2])\n"
        "    live.figure(figure)",
        "Verdict('RTO', True, says='within target', detail='12 s')",
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
