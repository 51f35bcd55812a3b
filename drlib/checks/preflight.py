"""Is this machine, this account, this configuration ready? Nothing is changed, nothing is deployed yet."""

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
    """Check the same of what runs now, and start nothing: without a sandbox, the machine and its tools alone.

    The answers say that none runs, or that it has died; neither is raised.
    """
    with contextlib.suppress(SandboxError):  # the answer below says so
        if here := target.attach(chosen):
            return preflight(here)
    return checklist.make(
        "Preflight",
        [*_of_machine(), Probe("target-answers", "target answers", lambda: _nobody(chosen))],
    )


def teardown_ready(here: Target) -> Checks:
    """Check that the target answers and is whole: what a broken region holds cannot be removed."""
    questions = [
        Probe("target-answers", "target answers", lambda: _target(here)),
        Probe("no-fault-in-force", "no fault is in force", lambda: no_fault(here), "Run `drlib restore`."),
    ]
    with aws_calls.purpose("preflight"):
        return checklist.make("Teardown", questions)


def no_fault(here: Target) -> str:
    """Require that nothing is broken on purpose, neither by a file of ours nor by what the target says."""
    regions = {fault.region for fault in restore.pending(here)} | set(here.faults())
    if regions:
        raise Failed(f"{', '.join(sorted(regions))} is still broken")
    return "none"


def _of_machine() -> list[Probe]:
    """Return the questions that need no target."""
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
    """Compare what is installed with the versions that are proven together."""
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
            wrong.append(f"{name} is {found}, and {pins[name]} is proven")
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


def _nobody(chosen: Settings) -> str:
    if target.attach(chosen) is None:
        raise Skip("no sandbox is running, and none is started here")
    return "yes"  # it came up meanwhile


def _target(here: Target) -> str:
    """Ask who we are: the smallest question that needs the target, and credentials that it accepts."""
    region = here.settings.standby_region
    here.client("sts", region).get_caller_identity()
    gone = here.gone_deployment()
    if gone:
        return f"yes ({here.origin}). {gone}"
    return f"yes ({here.origin})"


def _clock(here: Target) -> str:
    """Compare this machine's clock with the target's: stages and losses are differences between the two.

    An answer's Date header has whole seconds, and may be a round trip old.
    """
    answer = here.client("sts", here.settings.standby_region).get_caller_identity()
    told = parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).timestamp()
    off = Clock().now() - told
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
