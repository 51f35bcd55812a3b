"""The base class of the provider's types.

A type gives its Pulumi name, its inputs and the inputs that force a replacement, and implements `create`,
`read`, `update` and `delete`. `lifecycle` does the rest: previews, differences, drift, errors. An input is
supported if botocore's shape of `shape` has a member with its name, or if `names` contains it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

from drlib.core.clock import Clock
from drlib.sandbox.provider import shapes
from drlib.sandbox.provider.clients import Clients
from drlib.sandbox.provider.values import Properties


class Refused(Exception):
    """The provider refuses the operation; the message is one line for the engine's user."""


@dataclass(frozen=True)
class Call:
    """The AWS clients and the region for one request of the engine."""

    clients: Clients
    region: str

    def client(self, service: str, region: str = "") -> Any:
        """Return the boto3 client of `service` in this call's region, or in another."""
        return self.clients.get(service, region or self.region)

    def wait(self, done: Callable[[], bool], what: str, *, timeout_seconds: float = 300.0) -> None:
        """Call `done` every 50 ms until it returns True.

        Raises:
            Refused: it did not within `timeout_seconds`.
        """
        if not Clock().wait_until(done, timeout=timeout_seconds, poll=0.05):
            raise Refused(f"{what} did not happen within {timeout_seconds:.0f} s ({self.region})")


@dataclass(frozen=True)
class Reading:
    """A resource as AWS returns it.

    Args:
        raw: AWS's response, which is compared with the inputs.
        computed: outputs that the program cannot set, in Pulumi's names; objects are merged into the inputs'.
    """

    raw: Mapping[str, Any] = field(default_factory=dict)
    computed: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Made:
    """A created resource: its id and, if the create call returned all values, its reading."""

    id: str
    reading: Reading | None = None


@dataclass(frozen=True)
class Change:
    """An update in place.

    Args:
        id: of the resource.
        state: its old outputs.
        olds: its old inputs.
        news: its new inputs.
        changed: the inputs to apply.
        is_repair: no input differs; the update completes a partial creation, so `changed` has all inputs.
    """

    id: str
    state: Mapping[str, Any]
    olds: Mapping[str, Any]
    news: Mapping[str, Any]
    changed: frozenset[str]
    is_repair: bool = False

    def touches(self, *names: str) -> bool:
        """Return whether any of these inputs must be applied."""
        return not self.changed.isdisjoint(names)

    @property
    def tags_to_set(self) -> dict[str, str]:
        """All tags that the resource must have."""
        return dict(self.news.get("tags") or {})

    @property
    def tags_to_remove(self) -> list[str]:
        """Keys of the tags to remove."""
        return sorted(set(self.olds.get("tags") or {}) - set(self.news.get("tags") or {}))


class Resource(ABC):
    """A type of resource; a subclass has its description and its AWS calls."""

    type: ClassVar[str]
    service: ClassVar[str]
    regional: ClassVar[bool] = True
    tagged: ClassVar[bool] = False
    # The operation, and the member of its input, whose shape takes the inputs.
    shape: ClassVar[str] = ""
    within: ClassVar[str] = ""
    # Inputs beside the shape's, as dotted paths; a path without listed children takes anything below it.
    names: ClassVar[str] = ""
    required: ClassVar[tuple[str, ...]] = ()
    replaces: ClassVar[tuple[str, ...]] = ()
    renames: ClassVar[Mapping[str, str]] = {}
    maps: ClassVar[tuple[str, ...]] = ()
    # Inputs that no read returns, and inputs that are accepted and do nothing in the sandbox's AWS.
    write_only: ClassVar[tuple[str, ...]] = ()
    no_effect: ClassVar[tuple[str, ...]] = ()
    # What AWS has where the program sets nothing: else it is drift, and an input taken away restores it.
    defaults: ClassVar[Mapping[str, Any]] = {}
    # The input that names it (deleted before it is replaced under the same name), or "" with a natural key.
    name: ClassVar[str] = ""
    natural_key: ClassVar[bool] = False
    # Computed keys inside input objects: unknown at preview.
    nested: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def create(self, call: Call, inputs: Properties) -> Made | str:
        """Create the resource and return its id. Further calls belong in `finish`."""

    def finish(self, call: Call, id: str, inputs: Properties) -> None:  # noqa: B027 - few types have more to do
        """Complete a creation. If it fails, the resource exists in part; an update completes it."""

    @abstractmethod
    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        """Return the resource from AWS. If it does not exist, return None or raise AWS's "not found"."""

    def update(self, call: Call, change: Change) -> None:
        """Apply `change`. Idempotent."""
        if not change.is_repair:
            raise Refused(
                f"the sandbox cannot change {', '.join(sorted(change.changed))} of {self.type} in place"
            )

    @abstractmethod
    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        """Delete the resource. Can raise AWS's "not found", which means success."""

    @cached_property
    def explicit(self) -> frozenset[str]:
        """Dotted paths of the supported inputs that are not in the shape."""
        extra = ("region",) if self.regional else ()
        tags = ("tags",) if self.tagged else ()
        return frozenset((*self.names.split(), *self.no_effect, *extra, *tags))

    @cached_property
    def expected(self) -> Mapping[str, Any]:
        """`defaults`, with no tags where the type has tags."""
        return {"tags": {}, **self.defaults} if self.tagged else self.defaults

    @cached_property
    def all_maps(self) -> tuple[str, ...]:
        """`maps` and the tags."""
        return (*self.maps, "tags")

    def input_shape(self, call: Call, operation: str, within: str = "") -> Any:
        """Return botocore's shape of what `operation` takes."""
        shape = call.client(self.service).meta.service_model.operation_model(operation).input_shape
        for member in filter(None, within.split(".")):
            shape = shape.members[member]
            while shape.type_name == "list":
                shape = shape.member
        return shape

    def request(
        self,
        call: Call,
        inputs: Mapping[str, Any],
        *,
        operation: str = "",
        within: str = "",
        skip: Iterable[str] = (),
    ) -> Properties:
        """Build the request of `operation`, the type's own `shape` if none is named, from `inputs`."""
        shape = self.input_shape(call, operation or self.shape, within or ("" if operation else self.within))
        tops = {path.split(".")[0] for path in self.explicit}
        return shapes.request(shape, inputs, self.renames, skip=tops.union(skip))[0]

    def unsupported(self, call: Call, inputs: Mapping[str, Any]) -> list[str]:
        """Return the dotted paths of unsupported inputs."""
        tops = {path.split(".")[0] for path in self.explicit}
        found: list[str] = []
        for key in tops.intersection(inputs):
            self._walk(key, inputs[key], found)
        rest = {key: value for key, value in inputs.items() if key not in tops}
        if self.shape:
            found += shapes.request(self.input_shape(call, self.shape, self.within), rest, self.renames)[1]
        else:
            found += rest
        return sorted(found)

    def _walk(self, path: str, value: Any, found: list[str]) -> None:
        if path in self.explicit and not any(other.startswith(f"{path}.") for other in self.explicit):
            return
        if not any(other == path or other.startswith(f"{path}.") for other in self.explicit):
            found.append(path)
            return
        for item in value if isinstance(value, list) else [value]:
            for key, below in item.items() if isinstance(item, Mapping) else ():
                self._walk(f"{path}.{key}", below, found)

    def desired(self, change: Change) -> Properties:
        """Return the new inputs, with AWS's default for each input that the program no longer sets.

        Raises:
            Refused: an input has no default, so AWS would keep its old value.
        """
        dropped = change.changed.difference(change.news, self.expected, self.write_only, self.no_effect)
        if dropped:
            names = ", ".join(sorted(dropped))
            raise Refused(f"the sandbox cannot take {names} away from {self.type}: set it instead")
        restored = {
            key: self.expected[key]
            for key in change.changed
            if key not in change.news and key in self.expected
        }
        return {**restored, **change.news}


def tags_from(
    pairs: Iterable[Mapping[str, str]] | None, key: str = "Key", value: str = "Value"
) -> dict[str, str]:
    """Convert AWS's list of tags to a map, without the tags that AWS sets."""
    return {pair[key]: pair[value] for pair in pairs or () if not pair[key].startswith("aws:")}


def tag_list(tags: Mapping[str, Any] | None) -> list[dict[str, str]]:
    """Turn a map of tags into AWS's list."""
    return [{"Key": key, "Value": str(value)} for key, value in (tags or {}).items()]
