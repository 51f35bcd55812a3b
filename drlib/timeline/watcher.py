"""Watches the public name and its clients until the other region serves them, or for a fixed time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from drlib.core import aws_calls, samples
from drlib.core.errors import DeadlineExceeded
from drlib.core.samples import Stamp
from drlib.deployed import latch
from drlib.faults import scenario
from drlib.faults.scenario import Scenario
from drlib.payments.ledger import OBEYS_TTL, Attempt
from drlib.payments.probing import Prober
from drlib.show.charts.chart import LiveFigure
from drlib.show.output import say
from drlib.timeline import stored
from drlib.timeline.observations import SHOWN_BEFORE_SECONDS, Watch
from drlib.timeline.poller import Poller
from drlib.timeline.prediction import STREAK
from drlib.timeline.recovery import first_error, streak

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.faults.restore import Fault
    from drlib.target.base import Target

TIMEOUT_SECONDS = 600.0
RETURN_TIMEOUT_SECONDS = 900.0  # no fault has a deadline here, so a longer wait is safe
BEFORE_THE_DEADLINE_SECONDS = 30.0  # the watch ends this long before the fault's deadline restores it
LINGER_SECONDS = 60.0  # after the RTO, for the clients of other cohorts
POLLS_PER_ATTEMPT = 12


def watch(
    here: Target,
    deployment: Deployment,
    prober: Prober,
    fault: Fault | None = None,
    *,
    since: float | None = None,
    timeout_seconds: float | None = None,
    ask_route53: bool = True,
    at_takeover: Callable[[], object] | None = None,
) -> Watch:
    """Watch a failover until the standby has served ten payments in a row of clients that obey the TTL.

    The watch then continues until the other cohorts have followed, for a minute at most. A scenario can set a
    minimum time; if the traffic must stay, the watch lasts exactly that time.

    If this runbook has watched the same failover in this run already, it verifies the result and returns the
    earlier watch: a recovery is measured once.

    Args:
        here: where the runbook acts.
        deployment: the deployed stack.
        prober: the running clients.
        fault: the injected fault; the RTO is measured from it.
        since: without a fault, when the move began; by default, the first failed payment of the ledger.
        timeout_seconds: when to give up (modelled); by default, just before the fault's deadline.
        ask_route53: also poll the checkers. This calls a control plane, which an incident can affect.
        at_takeover: called once, right after the ten payments.

    Raises:
        DeadlineExceeded: the clients did not move in time; the message names the missing stage.
    """
    begun = fault.at if fault else since
    if begun is None:
        begun = first_error(prober.ledger.attempts(), since=prober.started_at) or prober.started_at
    now = here.clock.now()
    until = now + (TIMEOUT_SECONDS if timeout_seconds is None else timeout_seconds)
    if fault and timeout_seconds is None:
        until = min(until, fault.deadline - BEFORE_THE_DEADLINE_SECONDS)
    earlier = None if fault or since else _earlier(here, deployment, prober)
    observer = _Observer(
        here,
        deployment,
        prober,
        zero=begun,
        to_region=deployment.standby_region,
        ask_route53=ask_route53,
        planned=scenario.load(fault.scenario) if fault else None,
        keep=earlier is None,
    )
    seen = observer.run(until=until, linger=LINGER_SECONDS, at_takeover=at_takeover)
    if earlier:
        say("watch: done earlier, verified. What was measured then stays.")
    return earlier or seen


def watch_return(
    here: Target,
    deployment: Deployment,
    prober: Prober,
    *,
    since: float | None = None,
    timeout_seconds: float = RETURN_TIMEOUT_SECONDS,
    ask_route53: bool = True,
) -> Watch:
    """Watch a failback until the primary has served ten payments in a row of clients that obey the TTL.

    `since` is when the failback began, by default now. Raises DeadlineExceeded.
    """
    now = here.clock.now()
    observer = _Observer(
        here,
        deployment,
        prober,
        zero=now if since is None else since,
        to_region=deployment.primary_region,
        ask_route53=ask_route53,
    )
    # An open connection stays with the standby, so the watch does not wait for other cohorts.
    return observer.run(until=now + here.clock.patient(timeout_seconds), linger=0.0)


def _earlier(here: Target, deployment: Deployment, prober: Prober) -> Watch | None:
    """Return the earlier watch of this runbook if the clients moved in it and the same latch is still set."""
    file = stored.file_of(prober.folder, prober.runbook)
    if not file.exists():
        return None
    seen = stored.recall(samples.read(file), prober.ledger.attempts())
    with aws_calls.purpose("observe"):
        now = latch.read(here, deployment)
    same_latch = now.is_set and (now.set_at or 0.0) <= seen.ended_at
    return seen if same_latch and seen.streak else None


class _Observer:
    """Waits for ten successes in a row and shows a live figure, while the poller polls Route 53."""

    def __init__(
        self,
        here: Target,
        deployment: Deployment,
        prober: Prober,
        *,
        zero: float,
        to_region: str,
        ask_route53: bool,
        planned: Scenario | None = None,
        keep: bool = True,
    ) -> None:
        self.here, self.deployment, self.prober, self.keep = here, deployment, prober, keep
        self.zero, self.to_region = zero, to_region
        self.ask_route53 = ask_route53
        self.planned = planned
        alarm = planned.expect.alarm if planned else ""
        self.poller = Poller(here, deployment, since=zero, ask_route53=ask_route53, alarm=alarm)
        self.live = LiveFigure("failover, live", here.clock, lambda: self.seen().payments().figure)

    def run(self, *, until: float, linger: float, at_takeover: Callable[[], object] | None = None) -> Watch:
        """Watch until the ten successes, and up to `linger` seconds longer; see `watch`."""
        clock, planned = self.here.clock, self.planned
        at_least = self.zero + (planned.watch_seconds if planned else 0.0)
        self.poller.start()
        try:
            while (planned is None or planned.moves) and self._streak() is None:
                if clock.now() > until:
                    raise self._too_late()
                self._look()
            found = self._streak()
            if found and at_takeover:
                at_takeover()
            linger_until = min(until, found[1].finished_at + linger) if found else at_least
            while clock.now() < at_least or (clock.now() < linger_until and not self._all_moved()):
                self._look()
        finally:
            self.poller.stop()
            seen = self._finish()
        self.live.finish()
        return seen

    def _look(self) -> None:
        self.prober.require_running()
        self.live.update()
        self.here.clock.sleep(self.here.settings.attempt_interval_seconds / POLLS_PER_ATTEMPT)

    def _finish(self) -> Watch:
        """Return the finished watch; write its samples into the run's folder if `keep`."""
        seen = self.seen()
        if not self.keep:
            return seen
        stored.keep(
            seen,
            self.poller,
            self.prober.folder,
            runbook=self.prober.runbook,
            name=self.deployment.public_name,
            stamp=Stamp(self.here.origin, self.here.clock),
        )
        return seen

    def seen(self) -> Watch:
        """Return the watch up to now."""
        attempts, pending = self.prober.ledger.picture(since=self.zero - SHOWN_BEFORE_SECONDS)
        return Watch(
            zero=self.zero,
            ended_at=self.here.clock.now(),
            to_region=self.to_region,
            primary_region=self.deployment.primary_region,
            standby_region=self.deployment.standby_region,
            threshold=self.deployment.check_failure_threshold,
            scenario=self.planned.name if self.planned else "",
            origin=self.here.origin,
            streak=self._streak(),
            events={
                "client_error": first_error(attempts, since=self.zero),
                "check_failing": self.poller.health.first_failure_at,
                "unhealthy": self.poller.health.unhealthy_at,
                "dns_answer": self.poller.answered_at(self.to_region),
            },
            attempts=attempts,
            observations=list(self.poller.health.observations),
            misses=len(self.poller.missed),
            pending=pending,
            answers=self.poller.changes(),
            alarm_at=self.poller.alarm_at,
        )

    def _streak(self) -> tuple[Attempt, Attempt] | None:
        return streak(self.prober.ledger.decided(OBEYS_TTL, since=self.zero), region=self.to_region)

    def _all_moved(self) -> bool:
        """Whether the last attempt of every client that can follow was served by the new region."""
        last = {(row.cohort, row.client): row for row in self.prober.ledger.attempts(since=self.zero)}
        clients = {(client.cohort, client.number) for client in self.prober.clients if client.follows}
        return clients <= last.keys() and all(
            last[client].outcome == "ok" and last[client].region == self.to_region for client in clients
        )

    def _too_late(self) -> DeadlineExceeded:
        seen = self.seen().events
        if self.to_region == self.deployment.primary_region or not self.ask_route53:
            # In a failback no check fails first; without `ask_route53` the checkers are unknown.
            seen = {"dns_answer": seen["dns_answer"]}
        missing_words = {
            "client_error": "no client saw an error",
            "check_failing": "no checker failed",
            "unhealthy": "the health check did not turn unhealthy",
            "dns_answer": f"the public name never led to {self.to_region}",
        }
        missing = [words for name, words in missing_words.items() if seen.get(name, 0.0) is None]
        return DeadlineExceeded(
            f"The clients were not served by {self.to_region} in time; "
            f"{missing[-1] if missing else f'the name led there, and {self._last_answers()}'}.",
            remedy="`drlib restore` ends a fault at once.",
            entry="stages",
            region=self.to_region,
        )

    def _last_answers(self) -> str:
        """Return the last answers to clients that obey the TTL in words, the most frequent first."""
        last = self.prober.ledger.decided(OBEYS_TTL, since=self.zero)[-STREAK:]
        answers = Counter(
            f"{row.outcome} ({', '.join(filter(None, [row.region, str(row.status or ''), row.error]))})"
            for row in last
        )
        return f"of the last {len(last)} payments were " + ", ".join(
            f"{count} {words}" for words, count in answers.most_common()
        )
