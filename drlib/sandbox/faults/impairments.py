"""The kinds of impairments: faults of an API, a route between regions, a control plane or health checkers.

An impairment has a name, a kind and a deadline. The parts of the sandbox read `Impairments`: the edge for its
API, the delivery queue for its routes, the AWS endpoint for control planes, the health checkers for their
access.

| kind | takes | effect |
|---|---|---|
| api | region, paths, share, status or latency_seconds | this share of requests fails, or all are slow |
| cut | source, target, services | deliveries of these services from source to target wait |
| control-plane | region | its control planes refuse; those of the global services are in us-east-1 |
| checkers | region, checkers | these checkers do not reach the region's edge |
| cold | region | the first payment under a public name gets a cold start |
| flapping | region, mode, down_seconds, up_seconds, times | the region fails and heals repeatedly |

Seconds are modelled. Paths are prefixes without the stage's name; services are `dynamodb`, `s3` and `sns`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

GLOBAL_REGION = "us-east-1"
"""The region of the global services' control planes."""
DOWN_MODES = ("refuse", "reset", "hang", "503")
STATUSES = (500, 502, 503, 504)
CARRIED = ("dynamodb", "s3", "sns")
Kind = TypeVar("Kind", bound="Impairment")


class InvalidImpairment(ValueError):
    """An impairment's values are invalid; the message names the field."""


@dataclass(frozen=True)
class Impairment:
    """The base of all kinds."""

    kind: ClassVar[str]

    def require(self) -> None:
        """Check the values. Raises InvalidImpairment."""

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that it needs."""
        return (str(getattr(self, "region")),)  # noqa: B009 - each kind but `cut` has the field

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Api(Impairment):
    """A share of an API's requests fails with `status`, or all of them are slow."""

    kind = "api"
    region: str
    paths: tuple[str, ...] = ("/",)
    share: float = 1.0
    status: int = 0
    latency_seconds: float = 0.0

    def require(self) -> None:
        if not 0 < self.share <= 1:
            raise InvalidImpairment(f"share must be above 0 and at most 1, not {self.share:g}")
        if self.status not in (0, *STATUSES):
            raise InvalidImpairment(
                f"status must be one of {', '.join(map(str, STATUSES))}, not {self.status}"
            )
        if self.latency_seconds < 0 or not (self.status or self.latency_seconds):
            raise InvalidImpairment("an api impairment needs a status, or a latency_seconds above 0")

    def concerns(self, region: str, path: str) -> bool:
        """Return whether it applies to a request for `path` in `region`."""
        return region == self.region and any(_below(path, prefix) for prefix in self.paths)


@dataclass(frozen=True)
class Cut(Impairment):
    """Deliveries of the services from one region to the other wait."""

    kind = "cut"
    source: str
    target: str
    services: tuple[str, ...] = CARRIED

    @property
    def regions(self) -> tuple[str, ...]:
        return (self.source, self.target)

    def require(self) -> None:
        if unknown := sorted(set(self.services) - set(CARRIED)):
            raise InvalidImpairment(f"services must be among {', '.join(CARRIED)}, not {', '.join(unknown)}")
        if self.source == self.target:
            raise InvalidImpairment("source and target must be two regions")


@dataclass(frozen=True)
class ControlPlane(Impairment):
    """The region's control planes refuse every request; data planes work."""

    kind = "control-plane"
    region: str


@dataclass(frozen=True)
class Checkers(Impairment):
    """Health checkers in these regions (default: all) do not reach the region's edge."""

    kind = "checkers"
    region: str
    checkers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cold(Impairment):
    """The first payment under a public name in the region gets a cold start."""

    kind = "cold"
    region: str


@dataclass(frozen=True)
class Flapping(Impairment):
    """The region fails for `down_seconds` and is healthy for `up_seconds`, `times` times."""

    kind = "flapping"
    region: str
    down_seconds: float
    up_seconds: float
    times: int
    mode: str = "refuse"

    def require(self) -> None:
        if self.mode not in DOWN_MODES:
            raise InvalidImpairment(f"mode must be one of {', '.join(DOWN_MODES)}, not {self.mode!r}")
        if self.down_seconds <= 0 or self.up_seconds <= 0 or not 1 <= self.times <= 100:
            raise InvalidImpairment("down_seconds and up_seconds must be above 0, and times 1 to 100")


KINDS: dict[str, type[Impairment]] = {
    one.kind: one for one in (Api, Cut, ControlPlane, Checkers, Cold, Flapping)
}


def make(order: Mapping[str, Any]) -> Impairment:
    """Create an impairment from a JSON object: `kind` and the kind's fields. Raises InvalidImpairment."""
    kind = KINDS.get(str(order.get("kind")))
    if kind is None:
        raise InvalidImpairment(f"kind must be one of {', '.join(KINDS)}, not {order.get('kind')!r}")
    known = {field.name: field for field in fields(kind)}
    given = {name: value for name, value in order.items() if name != "kind"}
    if unknown := sorted(given.keys() - known.keys()):
        raise InvalidImpairment(f"unknown: {', '.join(unknown)}")
    for name, field in known.items():
        if name in given:
            given[name] = _typed(name, str(field.type), given[name])
        elif field.default is MISSING:
            raise InvalidImpairment(f"{name} is missing")
    made = kind(**given)
    made.require()
    return made


class Impairments:
    """The impairments in force, by name.

    Many threads read it; only drlib.sandbox.faults.injection changes it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_force: dict[str, Impairment] = {}
        self._asked: Counter[str] = Counter()

    def begin(self, name: str, impairment: Impairment) -> None:
        """Start an impairment; it replaces one with the same name."""
        with self._lock:
            self._in_force = {**self._in_force, name: impairment}
            self._asked.pop(name, None)

    def end(self, name: str) -> Impairment | None:
        """End an impairment and return it; None if there is none with that name."""
        with self._lock:
            found = self._in_force.get(name)
            self._in_force = {key: one for key, one in self._in_force.items() if key != name}
            return found

    def failing(self, region: str, path: str) -> int:
        """Return the error status of a request, 0 if it succeeds. Counts the request.

        Failures are evenly spread: with a share of 5 %, each twentieth request fails.
        """
        found = 0
        for name, one in self._of_kind(Api):
            if not one.status or not one.concerns(region, path):
                continue
            with self._lock:
                before, self._asked[name] = self._asked[name], self._asked[name] + 1
            if int((before + 1) * one.share) > int(before * one.share):
                found = found or one.status
        return found

    def latency_seconds(self, region: str, path: str) -> float:
        """Return the delay of a request, in modelled seconds."""
        return max(
            (one.latency_seconds for _, one in self._of_kind(Api) if one.concerns(region, path)), default=0.0
        )

    def is_cut(self, service: str, source: str, target: str) -> bool:
        """Return whether a service's deliveries from `source` to `target` must wait."""
        return any(
            (one.source, one.target) == (source, target) and service in one.services
            for _, one in self._of_kind(Cut)
        )

    def refuses_control(self, region: str) -> bool:
        """Return whether a region's control planes refuse requests."""
        return any(one.region == region for _, one in self._of_kind(ControlPlane))

    def is_hidden(self, region: str, checker: str) -> bool:
        """Return whether the health checker in region `checker` does not reach the edge of `region`."""
        return any(
            one.region == region and (not one.checkers or checker in one.checkers)
            for _, one in self._of_kind(Checkers)
        )

    def takes_cold_start(self, region: str) -> bool:
        """Return True once for each `cold` impairment of a region: this request gets a cold start."""
        for name, one in self._of_kind(Cold):
            if one.region == region:
                with self._lock:
                    self._asked[name] += 1
                    return self._asked[name] == 1
        return False

    def _of_kind(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        for name, one in self._in_force.items():
            if isinstance(one, kind):
                yield name, one


def _below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _typed(name: str, kind: str, value: object) -> Any:
    """Convert a JSON value to the type of a field. Raises InvalidImpairment."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match kind:
        case "str" if isinstance(value, str) and value:
            return value
        case "float" if isinstance(value, int | float) and number:
            return float(value)
        case "int" if number and isinstance(value, int):
            return value
        case "tuple[str, ...]" if isinstance(value, list) and all(isinstance(one, str) for one in value):
            return tuple(value)
    words = {"str": "a text", "float": "a number", "int": "a whole number", "tuple[str, ...]": "texts"}
    raise InvalidImpairment(f"{name} must be {words[kind]}, not {value!r}")
