"""The parameters of all runbooks: names, types, defaults, rules and their error messages.

A notebook's `parameters` cell assigns them, and `from_cell(globals())` reads them; `load(file)` reads the
same names from YAML. An error is one sentence with the parameter, the rule and the value. Types are strict:
the text "true" is not a boolean, and a number without quotes is not a text.
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
    """The type, the default and the help text of a parameter."""

    type: type
    default: Any
    help: str


# The first parameter of each group in the parameters cell -> the group's heading. The cell has the order of
# the fields of Settings.
GROUPS = {
    "scenario": "what you type now",
    "target": "the stack",
    "rto_target_seconds": "the drill",
    "time_scale": "the sandbox",
}


def _field(default: Any, text: str, *, ge: float | None = None, le: float | None = None) -> Any:
    return Field(default, description=text, ge=ge, le=le)


class Settings(BaseModel):
    """The validated parameters of a run. Immutable; displayed as a short table."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    scenario: limits.Scenario = _field("region-outage", "what happens in the drill, see drlib scenarios")
    outage_mode: Literal["refuse", "reset", "hang", "503"] = _field(
        "refuse", "how the region fails, refuse, reset, hang or 503"
    )
    approval: str = _field("drill@sandbox", "suffix@target, typed by the person who approves")
    confirm: limits.Confirmation = _field(
        "", "suffix/primary_region, needed on aws beside an approval of the plan"
    )
    mode: limits.Mode = _field("apply", "apply, or plan to show everything and change nothing")
    force_reason: str = _field("", "why to go past a red gate, kept as evidence, empty to stop")
    delete_data: str = _field("", "names of tables and buckets that a deployment may replace or delete")

    target: Literal["sandbox", "aws"] = _field("sandbox", "where to act, sandbox or aws")
    primary_region: limits.Region = _field("us-east-2", "region that serves in peace")
    standby_region: limits.Region = _field("us-west-2", "region that takes over")
    suffix: limits.Suffix = _field("drill", "tells this stack's names from another's")
    domain_name: limits.Domain = _field("pay.drill.test", "the API is served at api. before this name")
    hosted_zone_id: limits.Zone = _field("", "existing public zone on aws, empty to create one")
    lambda_in_vpc: bool = _field(True, "functions in private subnets with endpoints")
    check_interval_seconds: limits.CheckInterval = _field(10, "between two checks of one checker, 10 or 30")
    # Route 53, HealthCheckConfig.FailureThreshold
    check_failure_threshold: int = _field(
        3, "failed checks in a row that mean unhealthy, 1 to 10", ge=1, le=10
    )
    state_backend: limits.Backend = _field("", "Pulumi state on aws, such as s3://bucket")
    jwt_issuer: limits.HttpsUrl = _field("", "issuer of the tokens that the payments API accepts")
    jwt_audience: str = _field("", "audience of those tokens")
    alert_email: limits.Address = _field("", "address that alarms write to, empty for none")

    rto_target_seconds: int = _field(180, "longest recovery time that passes", ge=1, le=86_400)
    rpo_target_seconds: int = _field(60, "longest loss of acknowledged payments that passes", ge=0, le=86_400)
    ttl_clients: int = _field(6, "probing clients that obey the DNS TTL", ge=1, le=50)
    keepalive_clients: limits.Clients = _field(1, "probing clients that keep their connection")
    pinned_clients: limits.Clients = _field(
        1, "probing clients that resolve the name once and keep the address"
    )
    cached_clients: limits.Clients = _field(1, "probing clients behind a resolver that keeps answers longer")
    resolver_floor_seconds: float = _field(
        90.0, "how long that resolver keeps any answer, at least", ge=0, le=3600
    )
    attempt_interval_seconds: float = _field(10.0, "between two payments of one client", ge=1, le=60)

    # at 60, a TTL of 60 s is one wall second
    time_scale: float = _field(10.0, "how much faster the sandbox's clock runs, 1 to 60", ge=1, le=60)
    seed: int = _field(1, "start of the sandbox's random numbers", ge=0, le=2**31 - 1)
    replication_lag_seconds: float = _field(1.0, "usual replication lag in the sandbox", ge=0, le=300)

    @model_validator(mode="after")
    def _check_conflicts(self) -> Settings:
        if found := list(limits.conflicts(self)):
            raise ValueError(" ".join(found))
        return self

    @property
    def origin(self) -> str:
        """The origin of the measurements: `simulated` or `live`."""
        return ORIGINS[self.target]

    @property
    def public_name(self) -> str:
        """The host name of the API for clients, in whichever region it is served."""
        return f"{limits.PUBLIC_PREFIX}{self.domain_name}"

    @property
    def approval_phrase(self) -> str:
        """The value of `approval` that allows a step."""
        return f"{self.suffix}@{self.target}"

    @property
    def confirmation(self) -> str:
        """The value of `confirm` that a plan's approval requires."""
        return f"{self.suffix}/{self.primary_region}"

    @property
    def plans(self) -> bool:
        """Whether the runbook only plans: it shows everything and changes nothing."""
        return self.mode == PLAN

    def values(self) -> dict[str, Any]:
        """Return all parameters as a plain dictionary, in the order of the parameters cell."""
        return self.model_dump()

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of the short table."""
        failures = self.check_failure_threshold
        rows = [
            ("target", self.target),
            ("regions", f"{self.primary_region} (primary), {self.standby_region} (standby)"),
            ("public name", self.public_name),
            ("stack suffix", self.suffix),
            ("checks", f"every {self.check_interval_seconds} s, {failures} failures in a row"),
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
        left = 'style="text-align:left"'
        rows = [(html.escape(name), html.escape(value)) for name, value in self.rows()]
        cells = "".join(f"<tr><th {left}>{name}</th><td {left}>{value}</td></tr>" for name, value in rows)
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
    """Return the folder of `.drlib/` and `runs/`: `DRLIB_HOME`, or else the checkout."""
    folder = os.environ.get("DRLIB_HOME")
    return Path(folder).expanduser().resolve() if folder else Path(__file__).resolve().parent.parent


def make(values: Mapping[str, Any]) -> Settings:
    """Return validated settings, with defaults for the parameters that `values` omits.

    Raises:
        BadParameters: one sentence for each unknown name, wrong type or broken rule.
    """
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        raise BadParameters(" ".join(dict.fromkeys(map(_sentence, error.errors())))) from None


def from_cell(namespace: Mapping[str, Any]) -> Settings:
    """Read the settings from a notebook's variables: `from_cell(globals())`. Other names are ignored.

    From this call on, the notebook's outputs are masked. The notebook must not import anything under a
    parameter's name, hence `from drlib.target import open_target`.
    """
    redaction.watch_kernel()
    return make({name: namespace[name] for name in PARAMETERS if name in namespace})


def load(file: str | Path) -> Settings:
    """Read settings from a YAML file of `name: value` lines. Raises `BadParameters`, as `make` does."""
    return make(read(file))


def read(file: str | Path) -> dict[str, Any]:
    """Return the mapping of names in a YAML file. The values are not validated."""
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
    """Convert the texts of `-p NAME VALUE` to the types of the parameters.

    Args:
        pairs: names and texts.
        more: the notebook's own parameters, with their types.
    """
    types = {name: parameter.type for name, parameter in PARAMETERS.items()} | dict(more or {})
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in types:
            raise BadParameters(unknown(name, types))
        values[name] = _parse(name, text, types[name])
    return values


def unknown(name: str, known: Iterable[str] = PARAMETERS) -> str:
    """Return the message for an unknown parameter, with the nearest known name."""
    near = difflib.get_close_matches(name, list(known), n=1)
    hint = f"did you mean {near[0]}?" if near else "`drlib params` lists the names that exist."
    return f"{name} is not a parameter: {hint}"


def ill_typed(name: str, kind: type, value: object) -> str:
    """Return the message for a value of the wrong type."""
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
    """Return the message for an error of pydantic: the parameter, the rule and the value."""
    rule = str(error["ctx"]["error"]) if error["type"] == "value_error" else ""
    if not error["loc"]:
        return rule  # a conflict between parameters
    name, value = str(error["loc"][0]), error["input"]
    if rule:
        return f"{name} {rule}"
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
