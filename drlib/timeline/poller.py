"""The sentry: looks at the primary's health check and at the public name, again and again, in its own thread.

It works out what Route 53 makes of its checkers from their reports alone, since the status of a calculated
check cannot be asked for: each checker changes its mind after `threshold` equal results in a row, and the
endpoint is healthy while more than 18 % of the checkers find it so.
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
    """What one checker thinks, from the reports seen of it."""

    healthy: bool = True
    last_at: float = 0.0
    failures: int = 0
    successes: int = 0

    def take(self, report: CheckerReport, *, threshold: int) -> bool:
        """Take a report; return whether it is a new one."""
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


class Judgement:
    """The endpoint's health over time, worked out from reports as they are seen.

    `reports` are all results as they were seen, each with the number of the look that brought it, and
    `observations` what they amount to; `first_failure_at` and `unhealthy_at` the instants of the checks that
    were the first to fail and the one that tipped the balance (None before that).
    """

    def __init__(self, *, threshold: int, since: float) -> None:
        self.observations: list[Observation] = []
        self.reports: list[tuple[int, CheckerReport]] = []
        self.looks = 0
        self.first_failure_at: float | None = None
        self.unhealthy_at: float | None = None
        self.healthy = True
        self._threshold = threshold
        self._since = since
        self._checkers: dict[str, Checker] = {}

    def take(self, reports: list[CheckerReport]) -> None:
        """Take the last report of every checker, old ones among them."""
        self.looks += 1
        for report in reports:
            self._checkers.setdefault(report.checker, Checker())
        for report in sorted(reports, key=lambda row: row.at):
            checker = self._checkers[report.checker]
            if not checker.take(report, threshold=self._threshold):
                continue
            self.reports.append((self.looks, report))
            self.observations.append(Observation(report.checker, report.at, checker.failures))
            if not report.ok and self.first_failure_at is None and report.at >= self._since:
                self.first_failure_at = report.at
            self._judge(report.at)

    def _judge(self, at: float) -> None:
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


class Sentry:
    """Looks until it is stopped. What it has seen is in `health`, `answers` and `misses`.

    Without `ask_route53` it looks at the public name alone, and calls no control plane.

    With `alarm` it asks whether an alarm of that role rings: `alarm_at` is since when, None if none does.

    `answers` holds (instant, region, address) for each answer about the public name. A look that fails
    (Route 53's API is a control plane, and may be gone) is kept in `missed`, as (instant, what was looked
    at, error), and is no reason to stop.
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
        self.health = Judgement(threshold=deployment.check_failure_threshold, since=since)
        self.answers: list[tuple[float, str, str]] = []
        self.missed: list[tuple[float, str, str]] = []
        self.alarm_at: float | None = None
        self._alarm = alarm
        self._since = since
        self._here = here
        self._deployment = deployment
        self._stop = threading.Event()
        self._broken: BaseException | None = None
        self._threads = [
            threading.Thread(target=self._repeat, args=(look,), name="sentry", daemon=True)
            for look in self._looks(ask_route53=ask_route53)
        ]

    def start(self) -> Sentry:
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._broken is not None:
            raise self._broken

    def answered_at(self, region: str) -> float | None:
        """Return when the public name first led to a region, while it was looked at."""
        return next((at for at, name, _ in self.answers if name == region), None)

    def changes(self) -> tuple[tuple[float, str], ...]:
        """Return what the public name led to, and from when on."""
        return changed((at, region) for at, region, _ in self.answers)

    def _looks(self, *, ask_route53: bool) -> list[Callable[[], None]]:
        looks = [self._look_at_dns]
        looks += [self._look_at_checks] if ask_route53 else []
        return looks + ([self._look_at_alarms] if self._alarm else [])

    def _repeat(self, look: Callable[[], None]) -> None:
        pause = self._here.clock.wall_seconds(self._here.observe_interval_seconds)
        with aws_calls.purpose("observe"):
            while True:
                try:
                    look()
                except (DrError, BotoCoreError, ClientError) as error:
                    what = CHECKER if look == self._look_at_checks else ANSWER
                    self.missed.append((self._here.clock.now(), what, type(error).__name__))
                except Exception as error:  # noqa: BLE001 - kept, and raised by `stop`
                    self._broken = error
                    return
                if self._stop.wait(pause):
                    return

    def _look_at_checks(self) -> None:
        self.health.take(probes.checkers(self._here, self._deployment.checks["primary_endpoint"]))

    def _look_at_alarms(self) -> None:
        if self.alarm_at is None:
            self.alarm_at = probes.rang(self._here, self._deployment, self._alarm, since=self._since)

    def _look_at_dns(self) -> None:
        answer = self._here.resolve(self._deployment.public_name)
        region = probes.region_of(self._here, self._deployment, answer.addresses)
        self.answers.append((answer.at, region, answer.address))
