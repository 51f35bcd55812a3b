"""Polls the primary's health check and the public name in background threads.

Route 53's API does not return the status of a calculated check. So the poller computes it from the checkers'
reports: each checker changes its status after `threshold` equal results in a row, and the endpoint is healthy
while more than 18 % of the checkers find it healthy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from drlib.core import aws_calls
from drlib.core.errors import DrError
from drlib.deployed import probes
from drlib.deployed.probes import HEALTHY_SHARE, CheckerReport
from drlib.show.charts.health import Observation

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.target.base import Target


CHECKER, ANSWER = "checker", "answer"


@dataclass
class Checker:
    """The status of one checker, computed from its reports."""

    healthy: bool = True
    last_at: float = 0.0
    failures: int = 0
    successes: int = 0

    def take(self, report: CheckerReport, *, threshold: int) -> bool:
        """Count a report; return whether it is a new one."""
        if report.at <= self.last_at:
            return False
        self.last_at = report.at
        self.failures = 0 if report.ok else self.failures + 1
        self.successes = self.successes + 1 if report.ok else 0
        if self.failures >= threshold:
            self.healthy = False
        elif self.successes >= threshold:
            self.healthy = True
        return True


class EndpointHealth:
    """The endpoint's health over time, computed from the checkers' reports.

    Attributes:
        reports: all results, each with the number of the poll that returned it.
        observations: the same with each checker's failures in a row.
        first_failure_at: instant of the first failed check; None before that.
        unhealthy_at: instant of the check that made the endpoint unhealthy; None before that.
    """

    def __init__(self, *, threshold: int, since: float) -> None:
        self.observations: list[Observation] = []
        self.reports: list[tuple[int, CheckerReport]] = []
        self.polls = 0
        self.first_failure_at: float | None = None
        self.unhealthy_at: float | None = None
        self.healthy = True
        self._threshold = threshold
        self._since = since
        self._checkers: dict[str, Checker] = {}

    def take(self, reports: list[CheckerReport]) -> None:
        """Count the last report of every checker; reports that are known already are skipped."""
        self.polls += 1
        for report in reports:
            self._checkers.setdefault(report.checker, Checker())
        for report in sorted(reports, key=lambda row: row.at):
            checker = self._checkers[report.checker]
            if not checker.take(report, threshold=self._threshold):
                continue
            self.reports.append((self.polls, report))
            self.observations.append(Observation(report.checker, report.at, checker.failures))
            if not report.ok and self.first_failure_at is None and report.at >= self._since:
                self.first_failure_at = report.at
            self._update(report.at)

    def _update(self, at: float) -> None:
        share = sum(checker.healthy for checker in self._checkers.values()) / len(self._checkers)
        healthy = share > HEALTHY_SHARE
        if self.healthy and not healthy and self.unhealthy_at is None and at >= self._since:
            self.unhealthy_at = at
        self.healthy = healthy


def changed(answers: Iterable[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Return the answers that differ from the one before."""
    found: list[tuple[float, str]] = []
    for at, region in answers:
        if not found or found[-1][1] != region:
            found.append((at, region))
    return tuple(found)


class Poller:
    """Polls until it is stopped.

    Without `ask_route53` it polls only the public name, and calls no control plane. With `alarm` it also
    polls whether an alarm of that role rings.

    Attributes:
        health: the endpoint's health.
        answers: (instant, region, address) for each answer about the public name.
        missed: (instant, CHECKER or ANSWER, error) for each failed poll. Polling goes on after a failure,
            because Route 53's API is a control plane and can be down.
        alarm_at: since when the alarm rings; None if it does not.
    """

    def __init__(
        self,
        here: Target,
        deployment: Deployment,
        *,
        since: float,
        ask_route53: bool = True,
        alarm: str = "",
    ) -> None:
        self.health = EndpointHealth(threshold=deployment.check_failure_threshold, since=since)
        self.answers: list[tuple[float, str, str]] = []
        self.missed: list[tuple[float, str, str]] = []
        self.alarm_at: float | None = None
        self._alarm = alarm
        self._since = since
        self._here = here
        self._deployment = deployment
        self._stop = threading.Event()
        self._error: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._repeat, args=(poll,), name="poller", daemon=True)
            for poll in self._polls(ask_route53=ask_route53)
        ]

    def start(self) -> Poller:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._error is not None:
            raise self._error

    def answered_at(self, region: str) -> float | None:
        """Return when the public name first led to a region, since polling began."""
        return next((at for at, name, _ in self.answers if name == region), None)

    def changes(self) -> tuple[tuple[float, str], ...]:
        """Return each region that the public name led to, with the instant of its first answer."""
        return changed((at, region) for at, region, _ in self.answers)

    def _polls(self, *, ask_route53: bool) -> list[Callable[[], None]]:
        polls = [self._poll_dns]
        polls += [self._poll_checks] if ask_route53 else []
        return polls + ([self._poll_alarms] if self._alarm else [])

    def _repeat(self, poll: Callable[[], None]) -> None:
        pause = self._here.clock.wall_seconds(self._here.observe_interval_seconds)
        with aws_calls.purpose("observe"):
            while True:
                try:
                    poll()
                except (DrError, BotoCoreError, ClientError) as error:
                    what = CHECKER if poll == self._poll_checks else ANSWER
                    self.missed.append((self._here.clock.now(), what, type(error).__name__))
                except Exception as error:  # noqa: BLE001 - `stop` raises it
                    self._error = error
                    return
                if self._stop.wait(pause):
                    return

    def _poll_checks(self) -> None:
        self.health.take(probes.checkers(self._here, self._deployment.checks["primary_endpoint"]))

    def _poll_alarms(self) -> None:
        if self.alarm_at is None:
            self.alarm_at = probes.rang(self._here, self._deployment, self._alarm, since=self._since)

    def _poll_dns(self) -> None:
        answer = self._here.resolve(self._deployment.public_name)
        region = probes.region_of(self._here, self._deployment, answer.addresses)
        self.answers.append((answer.at, region, answer.address))
