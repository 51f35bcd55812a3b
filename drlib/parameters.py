"""Parameters of the runbooks: one set for all of them, with types, defaults, rules and plain errors.

A notebook's `parameters` cell assigns them and `from_cell(globals())` reads them back; `load(file)` reads
the same names from YAML. Each broken rule is one sentence that names the field, the rule and what is allowed.
Types are held strictly: the text "true" is no boolean, and a number without quotes is no text.
"""

from __future__ import annotations

import difflib
import html
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from drlib.core import limits, redaction
from drlib.core.errors import BadParameters
from drlib.core.samples import LIVE, SIMULATED

PLAN = "plan"
ORIGINS = {"sandbox": SIMULATED, "aws": LIVE}


class Parameter(NamedTuple):
    """What a person must know to set one parameter."""

    type: type
    default: Any
    help: str


# The groups of the parameters cell, each with the parameter that it begins with. The order of all is that of
# the fields of Settings.
GROUPS = {
    "scenario": "what you type now",
    "target": "the stack",
    "rto_target_seconds": "the drill",
    "time_scale": "the sandbox",
}


class Settings(BaseModel):
    """The checked parameters of a run. Immutable; prints as a short table."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    scenario: limits.Scenario = Field(
        "region-outage", description="what happens in the drill, see drlib scenarios"
    )
    outage_mode: Literal["refuse", "reset", "hang", "503"] = Field(
        "refuse", description="how the region fails, refuse, reset, hang or 503"
    )
    approval: str = Field("drill@sandbox", description="suffix@target, typed by the person who approves")
    confirm: limits.Confirmation = Field(
        "", description="suffix/primary_region, needed on aws beside an approval of the plan"
    )
    mode: limits.Mode = Field("apply", description="apply, or plan to show everything and change nothing")
    force_reason: str = Field("", description="why to go past a red gate, kept as evidence, empty to stop")
    delete_data: str = Field(
        "", description="names of tables and buckets that a deployment may replace or delete"
    )

    target: Literal["sandbox", "aws"] = Field("sandbox", description="where to act, sandbox or aws")
    primary_region: limits.Region = Field("us-east-2", description="region that serves in peace")
    standby_region: limits.Region = Field("us-west-2", description="region that takes over")
    suffix: limits.Suffix = Field("drill", description="tells this stack's names from another's")
    domain_name: limits.Domain = Field(
        "pay.drill.test", description="the API is served at api. before this name"
    )
    hosted_zone_id: limits.Zone = Field("", description="existing public zone on aws, empty to create one")
    lambda_in_vpc: bool = Field(True, description="functions in private subnets with endpoints")
    check_interval_seconds: limits.CheckInterval = Field(
        10, description="between two checks of one checker, 10 or 30"
    )
    # Route 53, HealthCheckConfig.FailureThreshold
    check_failure_threshold: int = Field(
        3, ge=1, le=10, description="failed checks in a row that mean unhealthy, 1 to 10"
    )
    state_backend: limits.Backend = Field("", description="Pulumi state on aws, such as s3://bucket")
    jwt_issuer: limits.HttpsUrl = Field("", description="issuer of the tokens that the payments API accepts")
    jwt_audience: str = Field("", description="audience of those tokens")
    alert_email: limits.Address = Field("", description="address that alarms write to, empty for none")

    rto_target_seconds: int = Field(180, ge=1, le=86_400, description="longest recovery time that passes")
    rpo_target_seconds: int = Field(
        60, ge=0, le=86_400, description="longest loss of acknowledged payments that passes"
    )
    ttl_clients: int = Field(6, ge=1, le=50, description="probing clients that obey the DNS TTL")
    keepalive_clients: limits.Clients = Field(1, description="probing clients that keep their connection")
    pinned_clients: limits.Clients = Field(
        1, description="probing clients that resolve the name once and keep the address"
    )
    cached_clients: limits.Clients = Field(
        1, description="probing clients behind a resolver that keeps answers longer"
    )
    # an hour is far beyond any TTL of a failover
    resolver_floor_seconds: float = Field(
        90.0, ge=0, le=3600, description="how long that resolver keeps any answer, at least"
    )
    attempt_interval_seconds: float = Field(
        10.0, ge=1, le=60, description="between two payments of one client"
    )

    # at 60, a TTL of 60 s is still one whole second on the wire
    time_scale: float = Field(
        10.0, ge=1, le=60, description="how much faster the sandbox's clock runs, 1 to 60"
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="start of the sandbox's random numbers")
    replication_lag_seconds: float = Field(
        1.0, ge=0, le=300, description="usual replication lag in the sandbox"
    )

    @model_validator(mode="after")
    def _go_together(self) -> Settings:
        if broken := list(limits.conflicts(self)):
            raise ValueError(" ".join(broken))
        return self

    @property
    def origin(self) -> str:
        """Where what is measured comes from: `simulated` or `live`."""
        return ORIGINS[self.target]

    @property
    def public_name(self) -> str:
        """Name under which clients reach the API, whichever region serves."""
        return f"{limits.PUBLIC_PREFIX}{self.domain_name}"

    @property
    def approval_phrase(self) -> str:
        """What `approval` must be for an act to be allowed."""
        return f"{self.suffix}@{self.target}"

    @property
    def confirmation(self) -> str:
        """What `confirm` must be where a plan has to be approved."""
        return f"{self.suffix}/{self.primary_region}"

    @property
    def plans(self) -> bool:
        """Whether everything is shown, and nothing changed."""
        return self.mode == PLAN

    def values(self) -> dict[str, Any]:
        """Return all parameters as a plain dictionary, in the order of the parameters cell."""
        return self.model_dump()

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of the short table."""
        rows = [
            ("target", self.target),
            ("regions", f"{self.primary_region} (primary), {self.standby_region} (standby)"),
            ("public name", self.public_name),
            ("stack suffix", self.suffix),
            (
                "checks",
                f"every {self.check_interval_seconds} s, {self.check_failure_threshold} failures in a row",
            ),
            ("targets", f"RTO {self.rto_target_seconds} s, RPO {self.rpo_target_seconds} s"),
            ("scenario", f"{self.scenario} ({self.outage_mode})"),
            ("approval", self.approval or "none yet"),
        ]
        if self.plans:
            rows.append(("mode", "plan: everything is shown, and nothing is changed"))
        if self.target == "sandbox":
            rows.append(("time", f"modelled, {self.time_scale:g} times faster than the wall"))
        return rows

    def __str__(self) -> str:
        width = max(len(name) for name, _ in self.rows())
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self.rows())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        cells = "".join(
            f'<tr><th style="text-align:left">{html.escape(name)}</th>'
            f'<td style="text-align:left">{html.escape(value)}</td></tr>'
            for name, value in self.rows()
        )
        return {"text/plain": str(self), "text/html": f"<table>{cells}</table>"}


PARAMETERS = {
    name: Parameter(type(field.default), field.default, field.description or "")
    for name, field in Settings.model_fields.items()
}
KINDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def group_of(name: str) -> str:
    """Return the heading of the group that a parameter is in."""
    names = list(PARAMETERS)
    first = [begins for begins in GROUPS if names.index(begins) <= names.index(name)]
    return GROUPS[first[-1]]


def home() -> Path:
    """Return the folder that holds `.drlib/` and `runs/`: `DRLIB_HOME`, or else the checkout."""
    named = os.environ.get("DRLIB_HOME")
    return Path(named).expanduser().resolve() if named else Path(__file__).resolve().parent.parent


def make(values: Mapping[str, Any]) -> Settings:
    """Return checked settings; what `values` leaves out has its default.

    Raises:
        BadParameters: one sentence for each unknown name, wrong type or broken rule.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        raise BadParameters(" ".join(dict.fromkeys(map(_sentence, error.errors())))) from None


def from_cell(namespace: Mapping[str, Any]) -> Settings:
    """Read the settings back from a notebook: `from_cell(globals())`. Other names are left alone.

    From then on, what the notebook shows is masked.

    Import nothing under a parameter's name there: `from drlib.target import open_target`.
    """
    redaction.watch_kernel()
    return make({name: namespace[name] for name in PARAMETERS if name in namespace})


def load(file: str | Path) -> Settings:
    """Read settings from a YAML file of `name: value` lines. Raises `BadParameters`, as `make` does."""
    return make(read(file))


def read(file: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML file, unchecked but for being a mapping of names."""
    import yaml

    path = Path(file)
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadParameters(f"The parameter file {path} does not exist.", remedy="See params/.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadParameters(f"The parameter file {path} cannot be read: {type(error).__name__}.") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise BadParameters(f"The parameter file {path} is not valid YAML{where}.") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise BadParameters(f"The parameter file {path} must hold lines of the form `name: value`.")
    return values


def parse_overrides(
    pairs: Iterable[tuple[str, str]], *, more: Mapping[str, type] | None = None
) -> dict[str, Any]:
    """Turn `-p NAME VALUE` texts into values of each parameter's own type.

    Args:
        pairs: names and texts.
        more: further names that are allowed here (a notebook's own parameters), with their types.
    """
    types = {name: parameter.type for name, parameter in PARAMETERS.items()} | dict(more or {})
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in types:
            raise BadParameters(unknown(name, types))
        values[name] = _parse(name, text, types[name])
    return values


def unknown(name: str, known: Iterable[str] = PARAMETERS) -> str:
    """Say that a name is no parameter, and which one may have been meant."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "`drlib params` lists the names that exist."
    return f"{name} is not a parameter: {hint}"


def ill_typed(name: str, kind: type, value: object) -> str:
    """Say that a value has the wrong type, and how it was written."""
    if isinstance(value, ModuleType):
        return f"{name} must be {KINDS[kind]}, and an import has taken its name in this notebook."
    unquoted = kind is str and isinstance(value, int | float)
    hint = f'; in YAML, put it in quotes: "{value}"' if unquoted else ""
    return f"{name} must be {KINDS[kind]}, and is {value!r}{hint}."


def _parse(name: str, text: str, kind: type) -> Any:
    if kind is str:
        return text
    if kind is bool and text in ("true", "false"):
        return text == "true"
    if kind is int and re.fullmatch(r"[+-]?[0-9]+", text):
        return int(text)
    if kind is float and re.fullmatch(r"[+-]?[0-9]+(\.[0-9]*)?", text):
        return float(text)
    raise BadParameters(ill_typed(name, kind, text))


def _sentence(error: Any) -> str:
    """Say what pydantic found: the name of the parameter, what it must be, and what it is."""
    told = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    if not error["loc"]:
        return told  # of parameters that do not go together
    name, value = str(error["loc"][0]), error["input"]
    if told:
        return f"{name} {told}"
    if error["type"] == "extra_forbidden":
        return unknown(name)
    kind, field = PARAMETERS[name].type, Settings.model_fields[name]
    if error["type"] == "literal_error" and type(value) is kind:
        allowed = ", ".join(map(str, get_args(field.annotation)))
        return f"{name} must be one of {allowed}, and is {value!r}."
    if error["type"] in ("greater_than_equal", "less_than_equal"):
        low, high = (next(getattr(m, end) for m in field.metadata if hasattr(m, end)) for end in ("ge", "le"))
        return f"{name} must be from {low:g} to {high:.10g}, and is {value:g}."
    return ill_typed(name, kind, value)
