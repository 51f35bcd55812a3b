"""Checks that this machine, this account and this configuration are ready. They change nothing."""

from __future__ import annotations

import contextlib
import platform
import re
import shutil
import sys
from email.utils import parsedate_to_datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from drlib import parameters, target
from drlib.core import aws_calls
from drlib.core.clock import Clock
from drlib.core.errors import DrError, SandboxError
from drlib.faults import inject, restore
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe, Skip
from drlib.stack import pulumi_cli, stack
from drlib.timeline.prediction import predict

if TYPE_CHECKING:
    from drlib.parameters import Settings
    from drlib.target.base import Target

PYTHON_MINIMUM = (3, 11)
DISK_MINIMUM_BYTES = 1_000_000_000
PACKAGES = ("boto3", "botocore", "ministack", "papermill", "pulumi", "pulumi_aws", "pydantic", "pandas")
CONSTRAINTS = Path(__file__).resolve().parents[2] / "constraints.txt"
SETUP = "Run `make setup`."
CLOCK_SECONDS = 5.0  # wall


def preflight(here: Target) -> Checks:
    """Check the machine, the tools, the target and the predicted RTO.

    What a plan needs is loaded meanwhile, in a thread: the next cells plan.
    """
    stack.warm_up()
    questions = [
        *_of_machine(),
        Probe("target-answers", "target answers", lambda: _target(here)),
        Probe("clock", "clock", lambda: _clock(here)),
        Probe("scenario", "scenario", lambda: _scenario(here), "`drlib scenarios` lists them."),
        Probe("predicted-rto", "predicted RTO", lambda: _prediction(here)),
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
    ]
    with aws_calls.purpose("preflight"):
        return checklist.make("Preflight", questions)


def look(chosen: Settings) -> Checks:
    """Run the preflight without starting a sandbox. If none runs, check only the machine and its tools.

    A missing or dead sandbox is a result of the checks, not an error.
    """
    with contextlib.suppress(SandboxError):  # the check `target-answers` reports it
        if here := target.attach(chosen):
            return preflight(here)
    return checklist.make(
        "Preflight",
        [*_of_machine(), Probe("target-answers", "target answers", lambda: _no_sandbox(chosen))],
    )


def teardown_ready(here: Target) -> Checks:
    """Check that the target answers and has no fault: resources in a broken region cannot be removed."""
    questions = [
        Probe("target-answers", "target answers", lambda: _target(here)),
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
    ]
    with aws_calls.purpose("preflight"):
        return checklist.make("Teardown", questions)


def no_fault(here: Target) -> str:
    """Require that no fault is in force, neither in a fault file of a run nor according to the target."""
    regions = {fault.region for fault in restore.pending(here)} | set(here.faults())
    if regions:
        raise Failed(f"{', '.join(sorted(regions))} is still broken")
    return "none"


def _of_machine() -> list[Probe]:
    """Return the checks that need no target."""
    return [
        Probe("python", "python", _python, "Install Python 3.11 or newer, then run `make setup`."),
        Probe("packages", "packages", _packages, SETUP),
        Probe("pulumi-command-line-tool", "pulumi command line tool", _pulumi, SETUP),
        Probe("free-disk", "free disk", _disk, f"Free {DISK_MINIMUM_BYTES / 1e9:g} GB where runs/ is."),
    ]


def _python() -> str:
    if sys.version_info[:2] < PYTHON_MINIMUM:
        raise Failed(f"Python {platform.python_version()} is too old")
    return platform.python_version()


def _packages() -> str:
    """Compare the installed versions with the tested ones."""
    if not CONSTRAINTS.exists():
        raise Skip("no constraints.txt beside this package")
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE))
    wrong = []
    for name in PACKAGES:
        try:
            found = metadata.version(name)
        except metadata.PackageNotFoundError:
            found = "nothing"
        if name in pins and found != pins[name]:
            wrong.append(f"{name} is {found}, tested is {pins[name]}")
    if wrong:
        raise Failed("; ".join(wrong))
    return f"{len(PACKAGES)} as pinned"


def _pulumi() -> str:
    return pulumi_cli.pulumi_root().name


def _disk() -> str:
    free = shutil.disk_usage(parameters.home()).free
    if free < DISK_MINIMUM_BYTES:
        raise Failed(f"{free / 1e9:.1f} GB are free")
    return f"{free / 1e9:.0f} GB"


def _no_sandbox(chosen: Settings) -> str:
    if target.attach(chosen) is None:
        raise Skip("no sandbox is running, and this runbook starts none")
    return "yes"  # it has started meanwhile


def _target(here: Target) -> str:
    """Call GetCallerIdentity: the smallest call that needs the target and valid credentials."""
    region = here.settings.standby_region
    here.client("sts", region).get_caller_identity()
    gone = here.gone_deployment()
    if gone:
        return f"yes ({here.origin}). {gone}"
    return f"yes ({here.origin})"


def _clock(here: Target) -> str:
    """Compare this machine's clock with the target's: stages and losses are differences between the two.

    The Date header of an answer has whole seconds, and its age is up to one round trip.
    """
    answer = here.client("sts", here.settings.standby_region).get_caller_identity()
    target_now = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
    off = Clock().now() - target_now
    if abs(off) > CLOCK_SECONDS:
        raise Failed(f"this machine is {abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} the target")
    return f"within {CLOCK_SECONDS:g} s"


def _scenario(here: Target) -> str:
    return inject.plan(here).title


def _prediction(here: Target) -> str:
    prediction = predict(here.settings)
    try:
        prediction.require()
    except DrError as error:
        raise Failed(error.message, remedy=error.remedy) from error
    return f"{prediction.predicted_seconds:.0f} s, target {prediction.target_seconds:g} s"
