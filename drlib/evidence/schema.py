"""The schema of evidence.json, version 1.0, for programs that read it.

    python -m drlib.evidence.schema      # generates drlib/evidence/evidence.schema.json

The first number of `schema_version` changes when a field is renamed, removed or gets another meaning; the
second, when a field is added. Readers ignore unknown fields.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = Path(__file__).with_name("evidence.schema.json")
VERSION = "1.0"
SHA256 = r"^[0-9a-f]{64}$"
Seconds = float | None


class Part(BaseModel):
    """A part of the evidence. More fields may come with a later version."""

    model_config = ConfigDict(extra="allow", strict=True)


class Clock(Part):
    """The clock of every instant and duration of the run."""

    kind: Literal["modelled", "wall"]
    scale: float = Field(description="modelled seconds in one wall second")
    anchor: float = Field(description="wall instant at which both agreed, in seconds since the epoch")


class Rto(Part):
    """The recovery time: durations in seconds of the run's clock."""

    measured_seconds: Seconds
    predicted_seconds: Seconds
    target_seconds: float
    stable_seconds: Seconds
    stages: dict[str, float] = Field(description="in the order of events; they add up to the measured time")
    predicted_stages: dict[str, float]
    cohorts: dict[str, dict[str, Any]]


class Rpo(Part):
    """The loss: seconds, and counts of payments, each with the ids behind it."""

    seconds: Seconds
    target_seconds: float
    acknowledged: int | None
    indeterminate: int | None
    lost: int | None
    stranded: int | None
    duplicated: int | None
    late: int | None
    recovered: int | None
    unexpected: int | None
    rejected: int | None
    payment_ids: dict[str, list[str]]


class Call(Part):
    """One kind of AWS call, and how often it was made."""

    service: str
    operation: str
    region: str
    plane: Literal["control", "data"]
    access: Literal["read", "write"]
    purpose: str
    count: int


class Planes(Part):
    """The AWS calls of the run."""

    calls: list[Call]
    control_plane_calls_in_failover: int


class Check(Part):
    """A question that a runbook asked, and its answer."""

    runbook: str
    id: str = Field(description="of the question: it stays when the name is worded anew")
    name: str
    status: Literal["passed", "failed", "skipped"]
    detail: str
    hint: str


class Forced(Part):
    """Red gates that were passed on purpose."""

    runbook: str
    gates: list[str]
    reason: str


class Move(Part):
    """A move of the active role other than a drill's."""

    runbook: str
    kind: str


class Restore(Part):
    """The end of the fault: when, who ended it, and the gates that found the region well afterwards."""

    region: str
    injected_at: float
    restored_at: Seconds
    state: str
    by: str
    shown_by: list[Check]


class Stored(Part):
    """A file of the run, and its SHA-256."""

    file: str
    sha256: str = Field(pattern=SHA256)


class Evidence(Part):
    """evidence.json: everything that a run measured."""

    model_config = ConfigDict(title="Evidence of a disaster-recovery run", extra="allow", strict=True)

    schema_version: Literal["1.0"]
    run_id: str
    verdict: Literal["passed", "failed", "aborted", "pending-approval"]
    reasons: list[str] = Field(description="why the verdict is not `passed`; empty if it is")
    target: Literal["sandbox", "aws"]
    origin: Literal["simulated", "live"]
    time_scale: float
    clock: Clock
    identity: dict[str, str] = Field(description="masked account and caller, or the sandbox's instance")
    scenario: str
    hypothesis: dict[str, Any] = Field(description="what was expected, and what was seen of it")
    rto: Rto
    rpo: Rpo
    planes: Planes
    checks: list[Check]
    gates: list[Check]
    forced: list[Forced]
    moves: list[Move]
    restore: Restore | None
    figures: list[Stored]
    samples: list[Stored]
    parameters: dict[str, str | int | float | bool]
    versions: dict[str, str]
    parameters_sha256: str = Field(pattern=SHA256)
    git_commit: str
    git_dirty: bool | None = Field(description="whether files differed from the commit")
    chain_head: str = Field(pattern=SHA256, description="hash of the journal's last line at that time")


def text() -> str:
    """Return the JSON Schema."""
    made = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Evidence.model_json_schema()}
    return json.dumps(made, indent=1) + "\n"


def problem(evidence: Any) -> str:
    """Return a sentence on the first field that does not fit the schema, or ""."""
    try:
        Evidence.model_validate(evidence)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"The evidence does not fit its schema: {where}: {first['msg']}."
    return ""


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
