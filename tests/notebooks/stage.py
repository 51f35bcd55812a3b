"""What the runbooks need around them, to print the same anywhere: environment, order, and a game day."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = ROOT / "notebooks"

RUNBOOKS = (
    "00-preflight",
    "10-deploy",
    "20-verify",
    "30-drill-failover",
    "40-failback",
    "50-incident-failover",
    "60-switchover",
    "70-report",
    "80-teardown",
    "90-troubleshoot",
)

# Not compared: what varies from run to run is shown as html, beside a plain text that does not vary.
SKIPPED = ("text/html", "stderr")

# The incident runbook needs an incident: a colleague makes one before it, and mends it after it.
BEFORE = {"50-incident-failover": ("inject", "region-outage")}
AFTER = {"50-incident-failover": ("restore",)}


def environment() -> dict[str, str]:
    """Return the variables that make two runs print alike; kernels inherit them."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    return {
        "TZ": "UTC",
        "COLUMNS": "80",
        "PYTHONHASHSEED": "0",
        "IPYKERNEL_CELL_NAME": "<cell>",
        "PYTHONPATH": path,
    }


def drlib(*words: str) -> None:
    """Run the command line tool, as a colleague would.

    Raises:
        RuntimeError: it failed; the message is what it said.
    """
    command = [sys.executable, "-c", "from drlib.cli.main import main; main()", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode:
        raise RuntimeError(f"drlib {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")


def before(runbook: str) -> None:
    """Do what has to be done from outside before a runbook."""
    if runbook in BEFORE:
        drlib(*BEFORE[runbook])


def after(runbook: str) -> None:
    """Do what has to be done from outside after a runbook."""
    if runbook in AFTER:
        drlib(*AFTER[runbook])
