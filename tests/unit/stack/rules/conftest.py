"""The real plan of the real program, and copies of it with one thing changed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from drlib import parameters, target
from drlib.parameters import Settings
from drlib.stack import stack
from drlib.stack.plan import Plan, PlannedResource
from drlib.stack.rules import catalogue
from tests.conftest import PACE

Change = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Judged:
    """A plan that can be changed, and what the rules say of it."""

    plan: Plan
    settings: Settings

    def red(self) -> dict[str, str]:
        """Return the failed rules and what they found."""
        return {row.id: row.detail for row in catalogue.check(self.plan, self.settings).failed}

    def with_settings(self, **changes: Any) -> Judged:
        return replace(self, settings=self.settings.model_copy(update=changes))

    def changed(self, name: str, change: Change) -> Judged:
        """Change the inputs of the resource called `name`."""

        def edit(one: PlannedResource) -> PlannedResource:
            inputs = copy.deepcopy(dict(one.inputs))
            change(inputs)
            return replace(one, inputs=inputs)

        return self._each(name, edit)

    def unrelated(self, name: str, *inputs: str) -> Judged:
        """Cut what the resource's inputs come from."""

        def edit(one: PlannedResource) -> PlannedResource:
            kept = {key: urns for key, urns in one.references.items() if key not in inputs}
            bare = {key: value for key, value in one.inputs.items() if key not in inputs}
            return replace(one, references=kept, inputs=bare, after=())

        return self._each(name, edit)

    def related(self, name: str, key: str, other: str) -> Judged:
        """Let an input come from another resource than it does."""
        urn = next(one.urn for one in self.plan.resources if one.name == other)
        return self._each(name, lambda one: replace(one, references={**one.references, key: (urn,)}))

    def without(self, *names: str) -> Judged:
        self._known(*names)
        kept = tuple(one for one in self.plan.resources if one.name not in names)
        return replace(self, plan=replace(self.plan, resources=kept))

    def twice(self, name: str) -> Judged:
        """Add the resource again, under another logical name."""
        (found,) = self._known(name)
        again = replace(found, name=f"{name}-again", urn=f"{found.urn}-again")
        return replace(self, plan=replace(self.plan, resources=(*self.plan.resources, again)))

    def _each(self, name: str, edit: Callable[[PlannedResource], PlannedResource]) -> Judged:
        self._known(name)
        edited = tuple(edit(one) if one.name == name else one for one in self.plan.resources)
        return replace(self, plan=replace(self.plan, resources=edited))

    def _known(self, *names: str) -> list[PlannedResource]:
        found = [one for one in self.plan.resources if one.name in names]
        assert len(found) == len(names), names
        return found


@pytest.fixture(scope="session")
def judged(sandbox: Any) -> Judged:
    names = {"suffix": "rules", "domain_name": "rules.test", "approval": "rules@sandbox"}
    chosen = parameters.make({**names, **PACE})
    here = target.open_target(chosen)
    return Judged(stack.plan(here), chosen)
