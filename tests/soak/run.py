"""One seeded drill through the library, on a stack that is deployed once: a scenario, its failback, and the
judgement of its hypothesis; then the same counts from the sandbox's own record. The seed decides the amounts
of the payments, and at which point of the checks' and the clients' cycles the fault comes."""

from __future__ import annotations

import random
import time
from dataclasses import asdict, dataclass
from typing import Any

from drlib import parameters
from drlib.checks import steady_state
from drlib.deployed.deployment import Deployment
from drlib.faults import hypothesis
from drlib.payments import probing, reconcile, waits
from drlib.payments.announce import announce
from drlib.payments.losses import LossCounts
from drlib.runs import folders
from drlib.runs.approval import approve
from drlib.runs.run import Run
from drlib.switch import failback, failback_gates, past_move
from drlib.target import open_target
from drlib.target.base import Target
from drlib.timeline import watcher
from drlib.timeline.recovery import measure
from tests.red.rehearsal import rehearse
from tests.soak import truth

READY_SECONDS = 1200.0
SCAN_WALL_SECONDS = 0.5  # to read what the standby holds at takeover
SUFFIX = "soak"
DEFAULTS = parameters.make({})


@dataclass(frozen=True)
class Outcome:
    """What one run showed. Durations are modelled seconds, `wall_seconds` apart.

    `waited_seconds` is how long half of the payments took before the fault, which is the machine's share in
    the rest; `interval_seconds` is what lay between two payments of a client, None in lines older than it.
    """

    scenario: str
    mode: str
    seed: int
    time_scale: float
    differences: tuple[str, ...]
    reasons: tuple[str, ...]
    counts: dict[str, int]
    measured_seconds: float | None
    predicted_seconds: float | None
    cohorts: dict[str, float | None]
    wall_seconds: float
    error: str = ""
    broken: tuple[str, ...] = ()
    waited_seconds: float | None = None
    interval_seconds: float | None = None

    @property
    def exact(self) -> bool:
        return not self.error and not self.differences

    @property
    def holds(self) -> bool:
        """Whether the scenario's hypothesis holds, clause by clause."""
        return not self.error and not self.broken

    @property
    def within(self) -> bool:
        """Whether the RTO lies within 10 % or 3 modelled seconds of the prediction, where there is one."""
        if self.measured_seconds is None or self.predicted_seconds is None:
            return False
        off = abs(self.measured_seconds - self.predicted_seconds)
        return off <= max(3.0, 0.1 * self.predicted_seconds)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def settings(
    *, scenario: str, mode: str, seed: int, time_scale: float, interval_seconds: float
) -> parameters.Settings:
    """Return the parameters of a run: the default drill's, with another seed and pace."""
    return parameters.make(
        {
            "suffix": SUFFIX,
            "domain_name": f"{SUFFIX}.test",
            "approval": f"{SUFFIX}@sandbox",
            "scenario": scenario,
            "outage_mode": mode,
            "seed": seed,
            "time_scale": time_scale,
            "attempt_interval_seconds": interval_seconds,
        }
    )


def drill(chosen: parameters.Settings, deployment: Deployment) -> Outcome:
    """Drill once, and return what it showed. Whatever breaks, the fault is restored."""
    here = open_target(chosen, start=False)
    begun = time.monotonic()
    since = max((event["seq"] for event in here.events()), default=0)
    run = folders.open_run(chosen, here, runbook="soak")
    approval = approve(chosen, "the soak")
    here.clock.wait_until(
        lambda: not steady_state.drill_ready(here, deployment).failed, timeout=READY_SECONDS, poll=30
    )
    steady_state.drill_ready(here, deployment).require()
    peace = random.Random(chosen.seed).uniform(0, 60)  # the fault comes at another point of every cycle
    found = rehearse(here, deployment, run, approval, peace_seconds=peace)
    announce(here, deployment, run, approval)
    failback_gates.gates(here, deployment, run).require()
    # Behind the gates: where nothing took over, what the standby holds by now stands in for its takeover, and
    # the last payments are on their way to it just before.
    story = past_move.recall(here, deployment, run)
    with probing.start(here, deployment, run) as prober:
        released = failback.release(here, deployment, run, approval)
        watcher.watch_return(here, deployment, prober, since=released.set_at)
    losses = reconcile.count(here, deployment, prober.ledger, story.takeover, found.fault)
    failback.arm(here, deployment, run, approval)
    recovery = measure(found.watch, found.prediction).as_dict()
    counts = {name: len(getattr(losses, name)) for name in truth.NAMES}
    judged = hypothesis.judge(found.planned, found.seen, _rpo(losses))
    calm = [row for row in found.watch.attempts if row.finished_at < found.fault.at]
    waited = waits.of(calm, scale=chosen.time_scale)
    return Outcome(
        scenario=chosen.scenario,
        mode=chosen.outage_mode,
        seed=chosen.seed,
        time_scale=chosen.time_scale,
        differences=tuple(compare(here, deployment, run, losses, takeover_at=story.takeover.at, since=since)),
        reasons=tuple(losses.reasons),
        counts=counts,
        measured_seconds=recovery["measured_seconds"],
        predicted_seconds=found.prediction.as_dict()["predicted_seconds"],
        cohorts={name: one["max_seconds"] for name, one in recovery.get("cohorts", {}).items()},
        wall_seconds=time.monotonic() - begun,
        broken=tuple(f"{one.name}: expected {one.expected}, seen {one.seen}" for one in judged.broken),
        waited_seconds=waited and round(waited.median_seconds, 3),
        interval_seconds=chosen.attempt_interval_seconds,
    )


def _rpo(losses: LossCounts) -> dict[str, Any]:
    """Return the counts as evidence.json has them."""
    ids = {name: list(getattr(losses, name)) for name in (*truth.NAMES, "unexplained_duplicates")}
    return {**{name: len(found) for name, found in ids.items()}, "payment_ids": ids}


def compare(
    here: Target, deployment: Deployment, run: Run, losses: Any, *, takeover_at: float, since: int
) -> list[str]:
    """Return sentences on everything in which the counts and the sandbox's own record differ."""
    primary, standby = deployment.primary_region, deployment.standby_region
    events, attempts = here.events(since=since), truth.rows(run.folder)
    found = truth.counts(
        attempts,
        truth.tables(here, deployment.table, (primary, standby)),
        events,
        primary=primary,
        standby=standby,
        takeover_at=takeover_at,
        to_modelled=here.clock.from_wall,
    )
    scan_seconds = SCAN_WALL_SECONDS * here.clock.scale
    arriving = {
        payment
        for payment, at in truth.arrivals(events, standby).items()
        if takeover_at - scan_seconds <= at <= takeover_at
    }
    return [
        *truth.differences(losses, found, arriving=arriving),
        *truth.answers_that_do_not_fit(attempts, events),
    ]
