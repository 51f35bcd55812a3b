"""What can be impaired while every region stands: an API's answers, a route between regions, a control plane.

An impairment has a name, a kind, and a deadline, as a region's failure has. Each kind says what it takes, and
the parts of the sandbox ask `Impairments` about it: the edge about its API, the courier about its routes, the
gate about control planes, the checkers whether they get through.

| kind | takes | effect |
|---|---|---|
| api | region, paths, share, status or latency_seconds | that share of requests fails, or is slow |
| cut | source, target, services | nothing of these services crosses from source to target |
| control-plane | region | its control planes refuse; us-east-1 has those of the global services |
| checkers | region, checkers | these checkers do not reach the region's edge |
| cold | region | the first payment under a public name finds no process of a function there |
| flapping | region, mode, down_seconds, up_seconds, times | the region fails and heals, again and again |

Seconds are modelled. Paths are prefixes, without a stage's name; services are `dynamodb`, `s3` and `sns`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

GLOBAL_REGION = "us-east-1"
"""The region whose control planes are those of the global services."""
DOWN_MODES = ("refuse", "reset", "hang", "503")
STATUSES = (500, 502, 503, 504)
CARRIED = ("dynamodb", "s3", "sns")
Kind = TypeVar("Kind", bound="Impairment")


class Wrong(ValueError):
    """An impairment that cannot be made; the text is a sentence that names the field."""


@dataclass(frozen=True)
class Impairment:
    """What all kinds have in common."""

    kind: ClassVar[str]

    def require(self) -> None:
        """Raise Wrong where a value is not what the kind can do."""

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions that must exist for it."""
        return (str(getattr(self, "region")),)  # noqa: B009 - each kind but `cut` has the field

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Api(Impairment):
    """A share of an API's requests fails with `status`, or every one of them is late."""

    kind = "api"
    region: str
    paths: tuple[str, ...] = ("/",)
    share: float = 1.0
    status: int = 0
    latency_seconds: float = 0.0

    def require(self) -> None:
        if not 0 < self.share <= 1:
            raise Wrong(f"share must be above 0 and at most 1, not {self.share:g}")
        if self.status not in (0, *STATUSES):
            raise Wrong(f"status must be one of {', '.join(map(str, STATUSES))}, not {self.status}")
        if self.latency_seconds < 0 or not (self.status or self.latency_seconds):
            raise Wrong("an api impairment needs a status, or a latency_seconds above 0")

    def concerns(self, region: str, path: str) -> bool:
        """Say whether it is about a request for `path` in `region`."""
        return region == self.region and any(_below(path, prefix) for prefix in self.paths)


@dataclass(frozen=True)
class Cut(Impairment):
    """Nothing of the services crosses from one region to the other; what is sent waits."""

    kind = "cut"
    source: str
    target: str
    services: tuple[str, ...] = CARRIED

    @property
    def regions(self) -> tuple[str, ...]:
        return (self.source, self.target)

    def require(self) -> None:
        if unknown := sorted(set(self.services) - set(CARRIED)):
            raise Wrong(f"services must be among {', '.join(CARRIED)}, not {', '.join(unknown)}")
        if self.source == self.target:
            raise Wrong("source and target must be two regions")


@dataclass(frozen=True)
class ControlPlane(Impairment):
    """The region's control planes refuse everything; data planes go on."""

    kind = "control-plane"
    region: str


@dataclass(frozen=True)
class Checkers(Impairment):
    """Health checkers of these regions, all if none is named, do not reach the region's edge."""

    kind = "checkers"
    region: str
    checkers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cold(Impairment):
    """The first payment under a public name finds no process of a function in the region."""

    kind = "cold"
    region: str


@dataclass(frozen=True)
class Flapping(Impairment):
    """The region fails for `down_seconds`, is whole for `up_seconds`, and so on, `times` times."""

    kind = "flapping"
    region: str
    down_seconds: float
    up_seconds: float
    times: int
    mode: str = "refuse"

    def require(self) -> None:
        if self.mode not in DOWN_MODES:
            raise Wrong(f"mode must be one of {', '.join(DOWN_MODES)}, not {self.mode!r}")
        if self.down_seconds <= 0 or self.up_seconds <= 0 or not 1 <= self.times <= 100:
            raise Wrong("down_seconds and up_seconds must be above 0, and times 1 to 100")


KINDS: dict[str, type[Impairment]] = {
    one.kind: one for one in (Api, Cut, ControlPlane, Checkers, Cold, Flapping)
}


def make(order: Mapping[str, Any]) -> Impairment:
    """Make an impairment of a JSON object: `kind`, and what the kind takes. Raises Wrong."""
    kind = KINDS.get(str(order.get("kind")))
    if kind is None:
        raise Wrong(f"kind must be one of {', '.join(KINDS)}, not {order.get('kind')!r}")
    known = {field.name: field for field in fields(kind)}
    given = {name: value for name, value in order.items() if name != "kind"}
    if unknown := sorted(given.keys() - known.keys()):
        raise Wrong(f"unknown: {', '.join(unknown)}")
    for name, field in known.items():
        if name in given:
            given[name] = _typed(name, str(field.type), given[name])
        elif field.default is MISSING:
            raise Wrong(f"{name} is missing")
    made = kind(**given)
    made.require()
    return made


class Impairments:
    """What is impaired now, by name.

    Asked from many threads; changed by drlib.sandbox.faults.injection alone.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._in_force: dict[str, Impairment] = {}
        self._asked: Counter[str] = Counter()

    def begin(self, name: str, impairment: Impairment) -> None:
        """Put an impairment into force; one of the same name ends."""
        with self._lock:
            self._in_force = {**self._in_force, name: impairment}
            self._asked.pop(name, None)

    def end(self, name: str) -> Impairment | None:
        """End an impairment and return it; None if there is none of that name."""
        with self._lock:
            found = self._in_force.get(name)
            self._in_force = {key: one for key, one in self._in_force.items() if key != name}
            return found

    def failing(self, region: str, path: str) -> int:
        """Return the status with which a request fails, 0 if it is served. Counts the request.

        The failing ones are spread evenly: of a share of 5 %, each twentieth request.
        """
        found = 0
        for name, one in self._of(Api):
            if not one.status or not one.concerns(region, path):
                continue
            with self._lock:
                before, self._asked[name] = self._asked[name], self._asked[name] + 1
            if int((before + 1) * one.share) > int(before * one.share):
                found = found or one.status
        return found

    def latency_seconds(self, region: str, path: str) -> float:
        """Return by how many modelled seconds a request is late."""
        return max(
            (one.latency_seconds for _, one in self._of(Api) if one.concerns(region, path)), default=0.0
        )

    def is_cut(self, service: str, source: str, target: str) -> bool:
        """Say whether what a service sends from one region does not reach the other."""
        return any(
            (one.source, one.target) == (source, target) and service in one.services
            for _, one in self._of(Cut)
        )

    def refuses_control(self, region: str) -> bool:
        """Say whether a region's control planes refuse."""
        return any(one.region == region for _, one in self._of(ControlPlane))

    def is_hidden(self, region: str, checker: str) -> bool:
        """Say whether the checker of one region does not reach the edge of another."""
        return any(
            one.region == region and (not one.checkers or checker in one.checkers)
            for _, one in self._of(Checkers)
        )

    def meets_cold(self, region: str) -> bool:
        """Say, the first time it is asked, whether functions of a region are to be found cold."""
        for name, one in self._of(Cold):
            if one.region == region:
                with self._lock:
                    self._asked[name] += 1
                    return self._asked[name] == 1
        return False

    def _of(self, kind: type[Kind]) -> Iterator[tuple[str, Kind]]:
        for name, one in self._in_force.items():
            if isinstance(one, kind):
                yield name, one


def _below(path: str, prefix: str) -> bool:
    return prefix == "/" or path == prefix or path.startswith(f"{prefix}/")


def _typed(name: str, kind: str, value: object) -> Any:
    """Return a JSON value as what a field takes. Raises Wrong."""
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
    raise Wrong(f"{name} must be {words[kind]}, not {value!r}")
