"""Scenarios: the faults of a drill and the expected results, written before the injection.

    planned = scenario.load("region-outage")
    planned.require_target("aws")

Each is a file `params/scenarios/NAME.yaml`: a title, a hypothesis in words, the targets it can run on, the
faults, and the expectations that the run is judged by (`drlib.faults.hypothesis`).
"""

from __future__ import annotations

import functools
import html
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drlib.core.errors import BadParameters
from drlib.show.output import Table
from drlib.show.shown import Shown

FOLDER = Path(__file__).resolve().parent.parent.parent / "params" / "scenarios"
LOOK_AGAIN_SECONDS = 120.0  # a fault must outlast its observation by this time

Role = Literal["primary", "standby"]
Witness = Literal["health-checks", "clients", "alarm", "operator"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Part(BaseModel):
    """One fault of a scenario, and its place."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RegionDown(Part):
    """A region does not answer, in the way of the parameter `outage_mode`. It may recover and fail again,
    `times` times."""

    kind: Literal["region-down"]
    where: Role
    times: int = Field(1, ge=1, le=20)
    down_seconds: float = Field(0.0, ge=0)
    up_seconds: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _both(self) -> RegionDown:
        if (self.times > 1) != (self.down_seconds > 0 and self.up_seconds > 0):
            raise ValueError("times above 1 needs down_seconds and up_seconds, and they need it")
        return self


class ApiTrouble(Part):
    """A share of the requests for some paths gets `status`; or each of them is late by `latency_seconds`."""

    kind: Literal["api-trouble"]
    where: Role
    paths: list[str] = Field(default=["/"], min_length=1)
    share: float = Field(1.0, gt=0, le=1)
    status: Literal[0, 500, 502, 503, 504] = 0
    latency_seconds: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _one(self) -> ApiTrouble:
        if bool(self.status) == bool(self.latency_seconds):
            raise ValueError("it needs either a status or latency_seconds")
        return self


class ReplicationCut(Part):
    """These services replicate nothing between the regions, in both directions."""

    kind: Literal["replication-cut"]
    services: list[Literal["dynamodb", "s3", "sns"]] = Field(default=["dynamodb", "s3", "sns"], min_length=1)


class CheckersCutOff(Part):
    """No health checker reaches the region; clients do."""

    kind: Literal["checkers-cut-off"]
    where: Role


class ControlPlaneDown(Part):
    """The control planes of a region refuse everything; us-east-1 has those of the global services."""

    kind: Literal["control-plane-down"]
    where: Literal["primary", "standby", "us-east-1"]


class ColdFunctions(Part):
    """The first payment under the public name finds no process of a function in the region."""

    kind: Literal["cold-functions"]
    where: Role


class FunctionOff(Part):
    """A function has a reserved concurrency of 0: every invocation is throttled."""

    kind: Literal["function-off"]
    where: Role
    function: Literal["payments", "settlement", "latch"]


class Poison(Part):
    """Messages in a region's work queue that no worker can settle."""

    kind: Literal["poison"]
    where: Role
    messages: int = Field(ge=1, le=10)


AnyPart = Annotated[
    RegionDown
    | ApiTrouble
    | ReplicationCut
    | CheckersCutOff
    | ControlPlaneDown
    | ColdFunctions
    | FunctionOff
    | Poison,
    Field(discriminator="kind"),
]
BY_AWS_CALLS = (FunctionOff, Poison)  # what plain calls can do: the only kinds that a real account knows


class Expectation(BaseModel):
    """What must follow. Each field is one clause of the judgement.

    Attributes:
        traffic: whether the traffic moves to the standby, once, or stays in the primary.
        moved_by: who moves it.
        detected_by: who must notice, or `nobody`.
        within: modelled seconds from the fault in which they must; `predicted` is the latest recovery that
            the prediction allows.
        alarm: which alarm must ring, by the end of its name, where an alarm detects.
        unseen_by: who must not notice, in all the time that is watched.
        both_serve: both regions must take payments for a while.
        cold_start: the first payment to the standby must have met no warm function.
        guard: `refused` if failing over must be refused.
        lost: how many acknowledged payments may be lost.
        duplicated: `none`; `explained`, by what the standby could not know; or any number, `listed`.
        stranded: `none`, or any number within the RPO target, `listed`.
        rejected: `none`, or any number, `listed`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    traffic: Literal["moves", "stays"]
    moved_by: Literal["route53", "operator"] = "route53"
    detected_by: Witness | Literal["nobody"]
    within: Seconds | Literal["predicted"] = "predicted"
    alarm: str = ""
    unseen_by: list[Witness] = []
    both_serve: bool = False
    cold_start: bool = False
    guard: Literal["", "refused"] = ""
    lost: int = Field(0, ge=0)
    duplicated: Literal["none", "explained", "listed"] = "none"
    stranded: Literal["none", "listed"] = "none"
    rejected: Literal["none", "listed"] = "none"

    @model_validator(mode="after")
    def _agree(self) -> Expectation:
        if self.traffic == "stays" and self.within == "predicted" and self.detected_by != "nobody":
            raise ValueError("within must be a number where no recovery is predicted")
        if (self.detected_by == "alarm") != bool(self.alarm):
            raise ValueError("alarm names the alarm where an alarm detects, and only there")
        if self.detected_by in self.unseen_by:
            raise ValueError("nobody can both see it and not see it")
        return self

    @property
    def witness(self) -> str:
        """Who must notice; an alarm by its name."""
        return f"{self.detected_by} {self.alarm}".strip()

    def words(self) -> list[tuple[str, str]]:
        """Return the clauses as rows for people: what about, and what is expected."""
        limit = "the prediction" if self.within == "predicted" else f"{self.within:g} s"
        moves = {"route53": "moves, by Route 53", "operator": "moves, by the operator's latch"}
        rows = [("traffic", moves[self.moved_by] if self.traffic == "moves" else "stays")]
        rows.append(
            (
                "detected",
                "nobody" if self.detected_by == "nobody" else f"{self.witness}, in {limit}",
            )
        )
        rows += [("not seen by", ", ".join(self.unseen_by))] if self.unseen_by else []
        rows += [("both regions", "serve for a while")] if self.both_serve else []
        rows += [("a cold start", "is met")] if self.cold_start else []
        rows += [("failing over", self.guard)] if self.guard else []
        rows += [("lost", f"{self.lost}"), ("duplicated", self.duplicated), ("stranded", self.stranded)]
        return [*rows, ("rejected", self.rejected)]


class Scenario(BaseModel, Shown):
    """What is broken in a drill, and what is expected to follow. All durations are modelled.

    Attributes:
        hypothesis: the expectation in sentences, for people.
        targets: where it can run.
        deadline_seconds: after so long, everything that it broke heals by itself.
        watch_seconds: for how long to look at least, from the fault on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: str
    title: str
    hypothesis: list[str] = Field(min_length=1)
    targets: list[Literal["sandbox", "aws"]] = Field(min_length=1)
    faults: list[AnyPart] = Field(min_length=1)
    expect: Expectation
    deadline_seconds: Seconds = 900.0
    watch_seconds: float = Field(0.0, ge=0)

    @model_validator(mode="after")
    def _possible(self) -> Scenario:
        if self.expect.traffic == "stays" and not self.watch_seconds:
            raise ValueError("watch_seconds must say how long to look where nothing moves")
        if self.deadline_seconds < self.watch_seconds + LOOK_AGAIN_SECONDS:
            raise ValueError(f"deadline_seconds must be {LOOK_AGAIN_SECONDS:g} s longer than watch_seconds")
        if "aws" in self.targets and not all(isinstance(part, BY_AWS_CALLS) for part in self.faults):
            raise ValueError("targets may hold aws only where plain AWS calls make every fault")
        return self

    @property
    def moves(self) -> bool:
        """Whether traffic is expected to move."""
        return self.expect.traffic == "moves"

    def require_target(self, target: str) -> Scenario:
        """Return it. Raises BadParameters when it cannot run on the target."""
        if target not in self.targets:
            raise BadParameters(
                f"scenario {self.name} can run on {' and '.join(self.targets)}, and target is {target}.",
                remedy="`drlib scenarios` lists where each can run.",
            )
        return self

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON-like data."""
        return self.model_dump(mode="json")

    def judged_by(self) -> str:
        """Return lines on where it runs, and on the clauses of its judgement."""
        clauses = "; ".join(f"{name} {words}" for name, words in self.expect.words())
        return f"  runs on {' and '.join(self.targets)}; judged by: {clauses}"

    def __str__(self) -> str:
        return "\n".join([f"{self.name}: {self.title}", *(f"  - {line}" for line in self.hypothesis)])

    def html(self) -> str:
        rows = list(enumerate(self.hypothesis, start=1))
        told = Table(("", "expected"), rows, title=f"{self.name}: {html.escape(self.title)}")
        judged = Table(("judged by", ""), self.expect.words())
        return told.html() + judged.html()


def names() -> list[str]:
    """Return the names of all scenarios, the region's outage first."""
    found = sorted(file.stem for file in FOLDER.glob("*.yaml"))
    return sorted(found, key=lambda name: name != "region-outage")


def every() -> list[Scenario]:
    """Return all scenarios."""
    return [load(name) for name in names()]


@functools.cache
def load(name: str) -> Scenario:
    """Return the scenario of this name. Raises BadParameters when there is none, or its file is wrong."""
    if name not in names():
        raise BadParameters(f"scenario must be one of {', '.join(names())}, and is {name!r}.")
    file = FOLDER / f"{name}.yaml"
    try:
        return from_dict({**yaml.safe_load(file.read_text(encoding="utf-8")), "name": name})
    except (TypeError, yaml.YAMLError):
        raise BadParameters(f"{file.name} must be a YAML mapping.") from None


def from_dict(data: dict[str, Any]) -> Scenario:
    """Make a scenario from what `as_dict` gave, or from a file. Raises BadParameters."""
    try:
        return Scenario.model_validate(data)
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg'].removeprefix('Value error, ')}"
            for one in error.errors()
        )
        raise BadParameters(f"The scenario {data.get('name', '')} is not valid: {told}.") from None
