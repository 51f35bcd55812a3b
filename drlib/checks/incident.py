"""An incident as seen from the standby: the situation, the decision, and the message to publish.

    situation = incident.assess(here, deployment, prober)
    decision = incident.decide(situation)        green: fail over; red: do not, with the reason
    incident.message(situation)                  a text for the incident channel

No AWS call goes to the primary. Its endpoint gets requests as from a client. The checkers' status comes from
a control plane in us-east-1: it is requested as well, with a short limit, and can be missing.
"""

from __future__ import annotations

import contextlib
import html
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from drlib.checks.steady_state import standby_ready
from drlib.core import aws_calls
from drlib.core.clock import Clock
from drlib.core.errors import DrError
from drlib.deployed import latch, probes
from drlib.payments import tables
from drlib.payments.ledger import OBEYS_TTL
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.show.output import Line, Table
from drlib.show.shown import Shown

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.payments.probing import Prober
    from drlib.runs.run import Run
    from drlib.target.base import Target
    from drlib.timeline.observations import Watch

UNKNOWN = "not known"
ANSWER_WALL_SECONDS = 4.0  # an answer that takes longer counts as missing
ENOUGH_ATTEMPTS = 10
LOOK_SECONDS = 30.0
FAILING_SHARE = 0.5  # of the clients' payments, or of the checkers
PERIOD_SECONDS = 60.0  # of the latch's alarm
WALL = Clock()


@dataclass(frozen=True)
class Situation(Shown):
    """The known facts about an incident. `None` means that a fact is not known.

    Attributes:
        leads_to: region that the public name leads to.
        primary_answers: whether the primary's API answers requests from here, and reads its table.
        primary_checkers: how many of the primary's checkers pass, and how many there are.
        latched: whether the latch is set.
        clients: how many payments from here to the public name failed, and how many ended.
        newest_age_seconds: modelled age of the newest payment of the primary in the standby's table. While
            the primary serves, it is about the replication lag; in an outage, newer payments can be missing.
        readiness: the checks that the standby can take over.
        ttl_seconds: how long clients keep the old address.
    """

    primary_region: str
    standby_region: str
    leads_to: str | None
    primary_answers: bool
    primary_checkers: tuple[int, int] | None
    latched: bool | None
    clients: tuple[int, int] | None
    newest_age_seconds: float | None
    readiness: Checks
    ttl_seconds: int

    @property
    def speaks_for_it(self) -> list[str]:
        """The reasons for a failover; empty if there is none."""
        found = []
        if self.leads_to == self.standby_region or self.latched:
            found.append("the traffic has moved already, and the latch keeps it there")
        if self.clients and self.clients[0] >= FAILING_SHARE * self.clients[1]:
            found.append(f"{self.clients[0]} of {self.clients[1]} payments failed")
        checkers = self.primary_checkers
        agree = checkers is None or checkers[0] <= FAILING_SHARE * checkers[1]
        if not self.primary_answers and agree:
            found.append("the primary does not answer, and no checker contradicts")
        return found

    @property
    def recommended(self) -> bool:
        """Whether to fail over: the standby can take over, and there is a reason."""
        return not self.readiness.failed and bool(self.speaks_for_it)

    @property
    def longest_seconds(self) -> float:
        """The longest time from the flip until all clients that obey the TTL have moved; modelled."""
        return PERIOD_SECONDS + self.ttl_seconds

    def table(self) -> Table:
        age = self.newest_age_seconds
        failed = f"{len(self.readiness.failed)} of {len(self.readiness.rows)} questions are red"
        rows = [
            ("the public name leads to", self.leads_to or UNKNOWN),
            ("the primary answers from here", "yes" if self.primary_answers else "no"),
            ("checkers that find the primary healthy", _share(self.primary_checkers)),
            ("payments from here that failed", _share(self.clients)),
            ("the latch", UNKNOWN if self.latched is None else "set" if self.latched else "released"),
            ("newest payment of the primary in the standby", UNKNOWN if age is None else f"{age:.0f} s old"),
            ("the standby can take over", failed if self.readiness.failed else "yes"),
            ("what speaks for a failover", "; ".join(self.speaks_for_it) or "nothing"),
        ]
        return Table(("from the standby's side", "seen"), rows, varying=("seen",))

    @property
    def advice(self) -> str:
        return f"recommendation: {'fail over' if self.recommended else 'do not fail over'}"

    def __str__(self) -> str:
        return f"{self.table()}\n{self.advice}"

    def html(self) -> str:
        return f"{self.table().html()}<b>{self.advice}</b>"


@dataclass(frozen=True)
class Message:
    """A text to copy. Its plain form leaves out the numbers, which differ between runs."""

    text: str
    plain: str

    def __str__(self) -> str:
        return self.plain

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.plain, "text/html": f"<pre>{html.escape(self.text)}</pre>"}


def assess(
    here: Target, deployment: Deployment, prober: Prober | None = None, *, since: float | None = None
) -> Situation:
    """Collect the facts that are known without the primary. It changes nothing, except that it sends one test
    payment to the standby's own host name.

    The clients' payments count from the instant `since`, by default the start of the prober.
    """
    primary, standby = deployment.primary_region, deployment.standby_region
    seen = _ask_all(
        {
            "leads_to": lambda: probes.public_answer(here, deployment),
            "answers": lambda: probes.deep_health(here, deployment, primary),
            "checkers": lambda: _passing(here, deployment.checks["primary_endpoint"]),
            "latched": lambda: latch.read(here, deployment).is_set,
            "age": lambda: _newest_age(here, deployment),
        }
    )
    return Situation(
        primary_region=primary,
        standby_region=standby,
        leads_to=seen.get("leads_to"),
        primary_answers="answers" in seen,
        primary_checkers=seen.get("checkers"),
        latched=seen.get("latched"),
        clients=_clients(prober, since) if prober and not here.settings.plans else None,
        newest_age_seconds=seen.get("age"),
        readiness=standby_ready(here, deployment),
        ttl_seconds=deployment.ttl_seconds,
    )


def decide(situation: Situation) -> Checks:
    """Return the decision: if it is green, a failover is recommended. A red row says why not."""

    def reason() -> str:
        if not situation.speaks_for_it:
            raise Failed("the primary serves its clients")
        return "; ".join(situation.speaks_for_it)

    why = Probe(
        "something-speaks-for-a-failover", "something speaks for a failover", reason, "Watch, and look again."
    )
    (found,) = checklist.make("", [why]).rows
    return Checks("Decision to fail over", (*situation.readiness.rows, found))


def message(situation: Situation, watch: Watch | None = None) -> Message:
    """Return the text to publish: before the flip the expected effect, after it (`watch`) the result."""
    primary, standby, age = situation.primary_region, situation.standby_region, situation.newest_age_seconds
    loss = "not known" if age is None else f"payments of up to the last {age:.0f} s may be missing at first"
    if not situation.recommended:
        lines = [f"Payments stay in {primary}: {situation.advice}.", "We watch, and look again in 5 minutes."]
    elif watch is None or watch.seconds is None:
        lines = [
            f"Payments are being moved from {primary} to {standby}.",
            f"Expected time: at most {situation.longest_seconds:.0f} s, for clients that obey the TTL.",
            f"Expected loss: {loss}; they come back with the region.",
            "Next: we confirm here once ten payments in a row were served.",
        ]
    else:
        lines = [
            f"Payments are served by {standby} again, after {watch.seconds:.0f} s measured from here.",
            f"Expected loss: {loss}; they come back with the region, and each is accounted for then.",
            f"They stay there. Next: {primary} is repaired, then 40-failback returns the traffic.",
        ]
    text = "\n".join(lines)
    return Message(text, _without_figures(text))


def moved(run: Run, situation: Situation, watch: Watch) -> Line:
    """Return a line on the move, and save it with the run: its reasons and its duration.

    If this run has saved the same move already, the first record remains, with the reasons at that time.
    """
    name = f"move.{run.runbook}"
    if not run.has(name) or run.load(name)["seconds"] != _seconds(watch):
        run.save(name, _moved(situation, watch))
    words = f"Moved from {situation.primary_region} to {situation.standby_region}"
    return Line(words, detail=f"in {_seconds(watch):g} s")


def _moved(situation: Situation, watch: Watch) -> dict[str, Any]:
    return {
        "kind": "incident",
        "source": situation.primary_region,
        "destination": situation.standby_region,
        "seconds": _seconds(watch),
        "reasons": situation.speaks_for_it,
    }


def _seconds(watch: Watch) -> float:
    return round(watch.seconds or 0.0, 3)


def _without_figures(text: str) -> str:
    """Replace the numbers, except those inside names of regions."""
    return re.sub(r"(?<![\w-])\d+(?![\w-])", "…", text)


def _ask_all(asks: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Call all functions in parallel; return the results. Calls that fail or take too long are left out."""
    found: dict[str, Any] = {}

    def answer(name: str, ask: Callable[[], Any]) -> None:
        with aws_calls.purpose("observe"), contextlib.suppress(DrError, BotoCoreError, ClientError):
            found[name] = ask()

    threads = [threading.Thread(target=answer, args=asked, daemon=True) for asked in asks.items()]
    for thread in threads:
        thread.start()
    give_up_at = WALL.now() + ANSWER_WALL_SECONDS
    for thread in threads:
        thread.join(max(0.0, give_up_at - WALL.now()))
    return dict(found)


def _passing(here: Target, check_id: str) -> tuple[int, int]:
    reports = probes.checkers(here, check_id)
    return sum(report.ok for report in reports), len(reports)


def _clients(prober: Prober, since: float | None) -> tuple[int, int]:
    """Count failed and ended payments of clients that obey the TTL, once enough have ended."""
    begin = prober.started_at if since is None else since

    def rows() -> list[str]:
        return [row.outcome for row in prober.ledger.attempts(OBEYS_TTL, since=begin)]

    prober.clock.wait_until(lambda: len(rows()) >= ENOUGH_ATTEMPTS, timeout=LOOK_SECONDS)
    ended = rows()
    return sum(outcome != "ok" for outcome in ended), len(ended)


def _newest_age(here: Target, deployment: Deployment) -> float | None:
    held = tables.scan(here, deployment.table, deployment.standby_region)
    instants = [
        payment.accepted_at
        for payment in held.payments.values()
        if payment.region == deployment.primary_region
    ]
    return held.at - max(instants) if instants else None


def _share(counts: tuple[int, int] | None) -> str:
    return UNKNOWN if counts is None else f"{counts[0]} of {counts[1]}"
