"""The events of the engine: steps that are done, steps in progress, errors."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from drlib.stack.plan import STEPS, PlannedResource


@dataclass
class Steps:
    """The steps of the engine so far, done or planned.

    Attributes:
        resources: AWS resources by URN, each with its last started step.
        done: URNs of the finished resources.
        errors: resource and message of each error.
    """

    resources: dict[str, PlannedResource] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    errors: list[tuple[str, str]] = field(default_factory=list)

    def see(self, event: Any) -> None:
        """Process one event of the engine."""
        begun = event.resource_pre_event
        if begun is not None:
            self._begin(begun.metadata)
        ended = event.res_outputs_event
        if ended is not None and ended.metadata.urn in self.resources:
            self.done.add(ended.metadata.urn)
        diagnostic = event.diagnostic_event
        if diagnostic is not None and diagnostic.severity == "error":
            self.errors.append((_short(diagnostic.urn or ""), plain(diagnostic.message)))

    def _begin(self, step: Any) -> None:
        op = STEPS.get(str(getattr(step.op, "value", step.op)))
        if op is None or not step.type.startswith("aws:"):
            return
        state = step.new or step.old
        changed = tuple(sorted(step.diffs or step.detailed_diff or ()))
        before = self.resources.get(step.urn)
        if before is not None and before.op == "replace":
            op = "replace"  # a later step of the same replacement
        self.resources[step.urn] = PlannedResource(
            type=step.type,
            name=_short(step.urn),
            op=op,
            inputs=dict((state and state.inputs) or {}),
            changed=changed or (before.changed if before else ()),
            urn=step.urn,
        )

    def relate(self, goals: Mapping[str, Any]) -> None:
        """Add the sources of each resource's inputs: URN -> goal in the engine's saved plan."""
        for urn, goal in goals.items():
            if urn in self.resources:
                sources = goal.get("propertyDependencies") or {}
                self.resources[urn] = replace(
                    self.resources[urn],
                    references={name: tuple(found) for name, found in sources.items() if found},
                    after=tuple(goal.get("dependencies") or ()),
                )

    def failure(self) -> tuple[str, str]:
        """Return the first error that names a resource, or else the first error."""
        named = [found for found in self.errors if found[0]]
        return (named or self.errors or [("", "")])[0]


def _short(urn: str) -> str:
    return urn.rsplit("::", 1)[-1]


def plain(text: str) -> str:
    """Return the engine's message without colours, prefixes, line breaks and a program's traceback."""
    text = text.partition("Traceback (most recent call last)")[0] or text
    text = re.sub(r"<\{%[a-z ]+%\}>|\x1b\[[0-9;]*m", "", text)
    lines = [re.sub(r"^\s*(error|\*)\s*:?\s*", "", line).strip() for line in text.splitlines()]
    return " ".join(line for line in lines if line)
