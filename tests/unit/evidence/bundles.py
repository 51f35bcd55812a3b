"""A small run that is complete: every sample is there, and every figure follows from them."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from drlib import parameters
from drlib.core.clock import Clock
from drlib.core.samples import Stamp
from drlib.deployed.probes import CheckerReport
from drlib.evidence import evidence
from drlib.faults import scenario
from drlib.faults.hypothesis import Sightings
from drlib.faults.restore import Fault
from drlib.payments import reconcile
from drlib.payments.ledger import Attempt, Ledger, Outcome
from drlib.payments.stored_tables import Basis
from drlib.payments.tables import Holdings, Payment, Settlement, Stores
from drlib.runner import parameters_cell
from drlib.runs import folders
from drlib.runs.run import Run
from drlib.timeline import recovery, stored
from drlib.timeline.effects import from_samples
from drlib.timeline.observations import Watch
from drlib.timeline.poller import EndpointHealth
from drlib.timeline.prediction import Prediction, predict
from drlib.timeline.recovery import first_error, streak
from tests.fakes import ChecksTable, Nowhere

PRIMARY, STANDBY = "us-east-2", "us-west-2"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
ADDRESSES = {"simulated": "127.0.0.11", "live": "192.0.2.11"}


def attempts(zero: float, *, origin: str, count: int = 60, key: str = "run") -> list[Attempt]:
    """One payment each 2 s, from 20 s before the fault on; for 60 s after it none succeeds.

    The third payment is stranded, and one is indeterminate.
    """
    rows = []
    for seq in range(1, count + 1):
        at = zero - 20.0 + 2.0 * seq
        outcome: Outcome = "fail" if 0 < at - zero < 60.0 else "ok"
        outcome = "indeterminate" if seq == 12 else outcome
        region = "" if outcome != "ok" else PRIMARY if at <= zero else STANDBY
        rows.append(
            Attempt(
                seq=seq,
                cohort="obeys-ttl",
                client=seq % 6,
                idempotency_key=f"{key}-{seq:06d}",
                payment_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seq}")) if outcome == "ok" else "",
                amount_minor=100 + seq,
                started_at=at - 0.25,
                finished_at=at,
                outcome=outcome,
                status=201 if outcome == "ok" else 0,
                error="" if outcome == "ok" else "connection refused",
                region=region,
                address=ADDRESSES[origin],
            )
        )
    return rows


def looked(zero: float) -> Any:
    """A sentry that saw eight checkers fail from the fault on, and the name turn half a minute later."""
    health = EndpointHealth(threshold=3, since=zero)
    for look in range(9):
        at = zero - 15.0 + 10.0 * look
        health.take([CheckerReport(f"checker-{n}", at + n < zero, "told", at + n) for n in range(8)])
    answers = [(zero - 10.0, PRIMARY, "192.0.2.11"), (zero + 31.5, STANDBY, "192.0.2.12")]
    return SimpleNamespace(health=health, answers=answers, missed=[(zero + 1.0, "checker", "StepFailed")])


def watched(rows: list[Attempt], sentry: Any, zero: float, origin: str) -> Watch:
    obeying = [row for row in rows if row.finished_at >= zero]
    return Watch(
        zero=zero,
        ended_at=rows[-1].finished_at + 1.0,
        to_region=STANDBY,
        primary_region=PRIMARY,
        standby_region=STANDBY,
        threshold=3,
        scenario="region-outage",
        origin=origin,
        streak=streak(obeying, region=STANDBY),
        events={
            "client_error": first_error(rows, since=zero),
            "check_failing": sentry.health.first_failure_at,
            "unhealthy": sentry.health.unhealthy_at,
            "dns_answer": sentry.answers[-1][0],
        },
        attempts=[row for row in rows if row.finished_at >= zero - 30.0],
        observations=list(sentry.health.observations),
        misses=1,
    )


def held(region: str, at: float, rows: Iterable[Attempt]) -> Holdings:
    """A table that holds and has settled these payments."""
    there = [row for row in rows if row.outcome == "ok"]
    payments = {
        row.payment_id: Payment(
            row.payment_id, row.idempotency_key, row.amount_minor, row.region, row.finished_at - 0.1
        )
        for row in there
    }
    settled = {
        row.payment_id: (Settlement(row.payment_id, row.region, row.finished_at + 1.0),) for row in there
    }
    return Holdings(region, at, payments, settled)


def basis_of(rows: list[Attempt], zero: float, stamp: Stamp) -> Basis:
    known = [row for row in rows if row.finished_at <= zero + 70.0 and row.seq != 9]
    ids = frozenset(row.payment_id for row in rows if row.outcome == "ok")
    return Basis(
        stamp,
        zero,
        held(STANDBY, zero + 70.0, known),
        [held(PRIMARY, zero + 500.0, rows), held(STANDBY, zero + 501.0, rows)],
        [Stores(PRIMARY, {"work": 0}, ids), Stores(STANDBY, {"work": 0}, ids)],
    )


def complete(here: Nowhere, values: dict[str, Any] | None = None, *, count: int = 60) -> Run:
    """Return a finished run: evidence, report, an executed notebook, a log, and the seal."""
    run = drilled(here, values, count=count)
    evidence.report(run)
    evidence.close(run)
    return run


def drilled(here: Nowhere, values: dict[str, Any] | None = None, *, count: int = 60) -> Run:
    """Return a run of which everything is measured, and which is still open."""
    chosen = parameters.make(values or {})
    run = folders.open_run(chosen, here, runbook="30-drill-failover")
    stamp = Stamp(chosen.origin, here.clock)
    zero = 1_800_000_000.125
    notebook = parameters_cell.FOLDER / "70-report.ipynb"
    run.note("runbook", "intent", detail={"notebook": "30-drill-failover.ipynb"})
    (run.folder / "kernels.log").write_text("a warning\n")
    fault = Fault(
        fault_id="f",
        scenario="region-outage",
        region=PRIMARY,
        what="the region is down",
        at=zero,
        deadline=zero + 900,
        target=chosen.target,
        instance_id=here.instance_id,
        run_id=run.run_id,
        state="restored",
        restored_at=zero + 80,
    )
    run.save("fault", fault)
    run.note("restore", mutating=True, resource=PRIMARY)
    rows = attempts(zero, origin=chosen.origin, count=count, key=run.run_id)
    Ledger(rows, stamp=stamp).save(run.folder)
    sentry = looked(zero)
    seen = watched(rows, sentry, zero, chosen.origin)
    stored.keep(seen, sentry, run.folder, runbook=run.runbook, name="api.pay.drill.test", stamp=stamp)
    prediction = predict(chosen)
    basis = basis_of(rows, zero, stamp)
    run.save("takeover", basis.takeover)
    run.save("scenario", scenario.load("region-outage"))
    run.save("sightings", _sightings(seen, prediction))
    gates = ChecksTable(no_fault_in_force="passed", the_primary_is_healthy="passed")
    run.save("gates.40-failback", {"rows": gates.as_dicts()})
    evidence.update(
        run,
        here,
        checks=[ChecksTable(everything_is_well="passed"), gates],
        recovery=recovery.measure(seen, prediction),
        prediction=prediction,
        losses=_counted(rows, basis),
        figures={"waterfall": PNG},
    )
    (run.folder / "30-drill-failover.ipynb").write_bytes(notebook.read_bytes()[:4000])
    run.attach(run.folder / "30-drill-failover.ipynb")
    run.note("runbook")
    evidence.refresh(run)
    return run


def _sightings(seen: Watch, prediction: Prediction) -> Sightings:
    sampled = from_samples(seen)
    return Sightings(
        primary=PRIMARY,
        answers=((-10.0, PRIMARY), (31.5, STANDBY)),
        moved_seconds=sampled["moved_seconds"],
        moved_by="route53",
        detected={**sampled["detected"], "operator": None},
        both_served=sampled["both_served"],
        cold_seconds=None,
        refused=(),
        latest_seconds=prediction.latest_seconds,
    )


def _counted(rows: list[Attempt], basis: Basis) -> Any:
    from dataclasses import replace

    return replace(reconcile.again(rows, basis), basis=basis)


def live(home: Path) -> tuple[Nowhere, dict[str, Any]]:
    """Return a target that is an account, as far as a run knows, and the parameters for it."""
    here = Nowhere(home / ".drlib" / "aws", instance_id="aws")
    here.name, here.origin, here.clock = "aws", "live", Clock()
    return here, {"target": "aws", "domain_name": "pay.acme.io", "state_backend": "s3://x"}
