"""The plan of the engine, resource by resource."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from drlib.core.errors import StepFailed
from drlib.show.output import Table
from drlib.show.shown import Shown

CREATE, UPDATE, REPLACE, DELETE, SAME = "create", "update", "replace", "delete", "same"
KINDS = (CREATE, UPDATE, REPLACE, DELETE, SAME)
# A replacement is three steps for the engine, and one change in the plan.
STEPS = {
    "create": CREATE,
    "update": UPDATE,
    "replace": REPLACE,
    "delete": DELETE,
    "same": SAME,
    "create-replacement": REPLACE,
    "delete-replaced": REPLACE,
}


@dataclass(frozen=True)
class PlannedResource:
    """One AWS resource and its planned change.

    Attributes:
        type: Pulumi's type, such as `aws:sqs/queue:Queue`.
        name: logical name in the program.
        op: create, update, replace, delete or same.
        inputs: the inputs of the program; unknown values are the engine's marker.
        changed: names of the inputs that differ.
        urn: the engine's name.
        references: input -> URNs of the resources that its value comes from.
        after: URNs of the resources that it depends on explicitly.
    """

    type: str
    name: str
    op: str
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
    changed: tuple[str, ...] = ()
    urn: str = field(default="", repr=False)
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    after: tuple[str, ...] = field(default=(), repr=False)

    @property
    def service(self) -> str:
        """The AWS service, such as `sqs`."""
        return self.type.split(":")[1].split("/")[0]

    @property
    def region(self) -> str:
        """The region; empty for a global resource."""
        return str(self.inputs.get("region", ""))


@dataclass(frozen=True)
class Plan(Shown):
    """The changes that `up` would make. Prints as a table of services, and the names of changed resources.

    Attributes:
        title: title of the table.
        resources: every AWS resource of the stack.
    """

    title: str
    resources: tuple[PlannedResource, ...]

    def of(self, op: str) -> tuple[PlannedResource, ...]:
        """Return the resources with a change of kind `op`."""
        return tuple(found for found in self.resources if found.op == op)

    @property
    def creates(self) -> int:
        """How many resources would be created."""
        return len(self.of(CREATE))

    @property
    def changes(self) -> tuple[PlannedResource, ...]:
        """The resources that would change."""
        return tuple(found for found in self.resources if found.op != SAME)

    def as_plan(self) -> list[Any]:
        """Return the content of an approval: every resource, its change and its inputs."""
        rows = [
            (found.urn or found.name, found.op, sorted(found.changed), found.inputs)
            for found in self.resources
        ]
        plain: list[Any] = json.loads(json.dumps(rows, sort_keys=True, default=str))
        return plain

    def require_same(self) -> Plan:
        """Return itself. Raises StepFailed, naming the resources, if one would change."""
        if self.changes:
            names = ", ".join(found.name for found in self.changes[:5])
            more = f" and {len(self.changes) - 5} more" if len(self.changes) > 5 else ""
            raise StepFailed(
                f"The deployed stack differs from the program: {names}{more}.",
                remedy="Read the plan's details(), and run 10-deploy again if the program is right.",
            )
        return self

    def table(self) -> Table:
        """Return the table of services: the number of resources for each kind of change."""
        counts: dict[str, Counter[str]] = {}
        for found in self.resources:
            counts.setdefault(found.service, Counter())[found.op] += 1
        shown = [op for op in KINDS if any(count[op] for count in counts.values())]
        rows = [(service, *(count[op] for op in shown)) for service, count in sorted(counts.items())]
        total = Counter(found.op for found in self.resources)
        rows.append(("all", *(total[op] for op in shown)))
        return Table(("service", *shown), rows, title=self.title)

    def names(self) -> Table:
        """Return what an approver must read: the name of each resource that changes.

        Created resources have one row for each service. Updated, replaced and deleted resources have one row
        each, with the inputs that differ.
        """
        rows = []
        for service in sorted({found.service for found in self.of(CREATE)}):
            created = sorted(found.name for found in self.of(CREATE) if found.service == service)
            rows.append((CREATE, service, ", ".join(created), ""))
        for op in (UPDATE, REPLACE, DELETE):
            rows += sorted((op, found.service, found.name, ", ".join(found.changed)) for found in self.of(op))
        return Table(("what", "service", "name", "inputs that differ"), rows)

    def details(self) -> Table:
        """Return the changes, one resource in each row."""
        rows = [
            (found.op, found.type.rsplit(":", 1)[1], found.name, found.region, ", ".join(found.changed))
            for found in self.changes
        ]
        return Table(("what", "type", "name", "region", "inputs"), sorted(rows), title=self.title)

    def __str__(self) -> str:
        return f"{self.table()}\n\n{self.names()}" if self.changes else str(self.table())

    def html(self) -> str:
        names = f"<p>{self.names().html()}</p>" if self.changes else ""
        return f"{self.table().html()}{names}"
