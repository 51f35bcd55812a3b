"""The view of a plan that the rules read: resources by type, and the sources of their inputs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drlib.stack.plan import DELETE, REPLACE, PlannedResource

if TYPE_CHECKING:
    from drlib.parameters import Settings

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Marks a string in a plan that AWS has not created yet (Pulumi SDK, `runtime.rpc.UNKNOWN`)."""


class Planned:
    """The resources after the plan is executed.

    Args:
        resources: the resources of the plan; deleted ones are in `removed` only.
        settings: the target, the regions and names.
    """

    def __init__(self, resources: Iterable[PlannedResource], settings: Settings) -> None:
        known = list(resources)
        self.resources = [found for found in known if found.op != DELETE]
        self.removed = [found for found in known if found.op in (DELETE, REPLACE)]
        self.settings = settings
        self._by_urn = {found.urn: found for found in self.resources if found.urn}

    def of(self, kind: str) -> list[PlannedResource]:
        """Return the resources of a type, such as `sqs/queue:Queue`."""
        return [found for found in self.resources if found.type == f"aws:{kind}"]

    def sources(self, of: PlannedResource, name: str, kind: str = "") -> list[PlannedResource]:
        """Return the resources that an input comes from, of one type or of all."""
        urns = of.references.get(name, ())
        found = [self._by_urn[urn] for urn in urns if urn in self._by_urn]
        return [one for one in found if not kind or one.type == f"aws:{kind}"]

    def users(self, of: PlannedResource, name: str, kind: str) -> list[PlannedResource]:
        """Return the resources of a type whose input `name` comes from `of`."""
        return [one for one in self.of(kind) if of.urn in one.references.get(name, ())]

    def waits_for(self, one: PlannedResource, other: PlannedResource) -> bool:
        """Whether `one` is created after `other`, because of its inputs or of `depends_on`."""
        return other.urn in one.after or any(other.urn in urns for urns in one.references.values())

    def statements(self) -> Iterator[Statement]:
        """Yield every statement of the inline policies of all roles."""
        for policy in self.of("iam/rolePolicy:RolePolicy"):
            yield from statements(policy, "policy")

    def role_statements(self, role: PlannedResource) -> list[Statement]:
        """Return the statements of one role's policies."""
        called = role.inputs.get("name")
        return [
            found
            for policy in self.of("iam/rolePolicy:RolePolicy")
            if role in self.sources(policy, "role") or policy.inputs.get("role") == called
            for found in statements(policy, "policy")
        ]


@dataclass(frozen=True)
class Statement:
    """One statement of a policy document, with lists in position of single strings."""

    resource: PlannedResource
    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principal: Any
    condition: dict[str, Any]


def document(of: PlannedResource, name: str) -> dict[str, Any]:
    """Return an input that is a JSON document; empty if it is not one, or unknown."""
    text = of.inputs.get(name)
    try:
        found = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def statements(of: PlannedResource, name: str) -> list[Statement]:
    """Return the statements of a policy document among the inputs of a resource."""
    found = document(of, name).get("Statement", [])
    return [
        Statement(
            resource=of,
            effect=str(one.get("Effect", "")),
            actions=as_list(one.get("Action")),
            resources=as_list(one.get("Resource")),
            principal=one.get("Principal"),
            condition=one.get("Condition") or {},
        )
        for one in (found if isinstance(found, list) else [found])
    ]


def as_list(value: Any) -> tuple[Any, ...]:
    """Return a value, or a list of values, as a tuple."""
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def arn_part(arn: str, position: int) -> str:
    """Return a part of an ARN (2 service, 3 region, 4 account, 5 resource), or ""."""
    parts = arn.split(":", 5)
    return parts[position] if len(parts) > position else ""


def is_unknown(value: Any) -> bool:
    """Whether AWS has not created a value yet."""
    return bool(value == UNKNOWN)
