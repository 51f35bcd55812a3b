"""An incident, seen from the standby's side: what the decision to fail over is made from.

Nothing in the primary is asked. What Route 53's checkers say comes from us-east-1, and may be missing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from drlib import holdings, latch, planes, probes, show
from drlib.errors import DrError

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.target import Target

UNKNOWN = "not known"
T = TypeVar("T")


@dataclass(frozen=True)
class Situation:
    """What is seen. Texts are for people; `None` means that it could not be seen.

    Attributes:
        leads_to: region that the public name leads to.
        primary_checkers: of the primary's checkers, how many pass, and how many there are.
        standby_checkers: the same of the standby.
        latched: whether the latch is set.
        newest_age_seconds: modelled age of the newest payment of the primary that the standby holds. While
            the primary serves, it is about the replication lag; in an outage, what is newer may be missing.
    """

    primary_region: str
    standby_region: str
    leads_to: str | None
    primary_checkers: tuple[int, int] | None
    standby_checkers: tuple[int, int] | None
    latched: bool | None
    newest_age_seconds: float | None

    @property
    def moved(self) -> bool:
        """Whether the public name leads to the standby already."""
        return self.leads_to == self.standby_region

    @property
    def advice(self) -> str:
        """What the facts speak for. The decision is a person's."""
        if self.moved and self.latched:
            return "Route 53 has moved the traffic, and the latch keeps it there: verify, and tell people."
        if self.moved:
            return "Route 53 has moved the traffic, and nothing keeps it there: set the latch."
        if self.standby_checkers is not None and self.standby_checkers[0] == 0:
            return "Do not fail over: the standby is not healthy, and Route 53 would go on with the primary."
        if self.primary_checkers is not None and self.primary_checkers[0] == self.primary_checkers[1]:
            return "Route 53 finds the primary healthy: fail over only if its clients say otherwise."
        return "The primary fails: Route 53 is about to move the traffic; setting the latch moves it now."

    def table(self) -> show.Table:
        age = self.newest_age_seconds
        rows = [
            ("the public name leads to", self.leads_to or UNKNOWN),
            ("checkers that find the primary healthy", _share(self.primary_checkers)),
            ("checkers that find the standby healthy", _share(self.standby_checkers)),
            ("the latch", UNKNOWN if self.latched is None else "set" if self.latched else "released"),
            ("newest payment of the primary in the standby", UNKNOWN if age is None else f"{age:.1f} s old"),
            ("what that speaks for", self.advice),
        ]
        return show.Table(("from the standby's side", "seen"), rows, varying=("seen",))

    def __str__(self) -> str:
        return str(self.table())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.table()._repr_mimebundle_()


def assess(here: Target, deployment: Deployment) -> Situation:
    """Look at what can be seen without the primary, and say what it speaks for. Changes nothing."""
    with planes.purpose("observe"):
        return Situation(
            primary_region=deployment.primary_region,
            standby_region=deployment.standby_region,
            leads_to=_seen(lambda: probes.public_answer(here, deployment)),
            primary_checkers=_seen(lambda: _passing(here, deployment.checks["primary_endpoint"])),
            standby_checkers=_seen(lambda: _passing(here, deployment.checks["standby_endpoint"])),
            latched=_seen(lambda: latch.read(here, deployment).is_set),
            newest_age_seconds=_seen(lambda: _newest_age(here, deployment)),
        )


def _seen(ask: Callable[[], T]) -> T | None:
    try:
        return ask()
    except (DrError, BotoCoreError, ClientError):
        return None


def _passing(here: Target, check_id: str) -> tuple[int, int]:
    reports = probes.checkers(here, check_id)
    return sum(report.ok for report in reports), len(reports)


def _newest_age(here: Target, deployment: Deployment) -> float | None:
    held = holdings.scan(here, deployment.table, deployment.standby_region)
    instants = [
        payment.accepted_at
        for payment in held.payments.values()
        if payment.region == deployment.primary_region
    ]
    return held.at - max(instants) if instants else None


def _share(counts: tuple[int, int] | None) -> str:
    return UNKNOWN if counts is None else f"{counts[0]} of {counts[1]}"
