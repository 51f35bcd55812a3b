"""The origin of a run: `live` only if every part of its folder says so.

The parameters (as the target), run.json, the first line of the journal, the fault and every sample state the
origin. If one part says `simulated`, the run is simulated. A run whose parts disagree gets no report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from drlib.core import samples
from drlib.core.errors import VerdictRed
from drlib.core.samples import LIVE, SIMULATED, Stamp
from drlib.parameters import ORIGINS
from drlib.payments.ledger import FILE as LEDGER
from drlib.runs import journal

LOOPBACK = "127."  # a real API never answers from such an address


class Claim(NamedTuple):
    """The origin that one part of a run states."""

    place: str
    origin: str


def of(folder: Path) -> str:
    """Return `live` if every part of the run says so, else `simulated`."""
    return LIVE if {claim.origin for claim in claims(folder)} == {LIVE} else SIMULATED


def disagreement(folder: Path) -> str:
    """Return a sentence if the parts of a run disagree on its origin, or ""."""
    by_origin: dict[str, list[str]] = {}
    for claim in claims(folder):
        by_origin.setdefault(claim.origin, []).append(claim.place)
    if len(by_origin) < 2:
        return ""
    stated = "; ".join(f"{origin}: {', '.join(places)}" for origin, places in sorted(by_origin.items()))
    return f"The run contradicts itself on its origin ({stated}), and counts as simulated."


def require(folder: Path) -> None:
    """Raise VerdictRed if the parts of a run disagree on its origin."""
    if wrong := disagreement(folder):
        raise VerdictRed(wrong, remedy="Do not rely on this evidence.", resource=folder.name)


def claims(folder: Path) -> Iterator[Claim]:
    """Yield the origin that each part of the folder states."""
    facts = _json(folder / "run.json")
    clock = facts.get("clock", {})
    yield Claim("parameters.json", ORIGINS[_json(folder / "parameters.json")["target"]])
    yield Claim("run.json", str(facts.get("origin", SIMULATED)))
    if clock.get("scale", 1.0) != 1.0:
        yield Claim("the run's clock, which is not wall time", SIMULATED)
    for line in journal.lines(folder)[:1]:
        yield Claim("the journal's first line", str(line["detail"].get("origin", SIMULATED)))
    yield from _saved(folder)
    for file in (folder / LEDGER, *samples.files(folder)):
        if file.exists():
            yield from _samples(file, file.relative_to(folder).as_posix())


def _saved(folder: Path) -> Iterator[Claim]:
    fault, recovery = (_json(folder / f"saved/{name}.json") for name in ("fault", "recovery"))
    if fault:
        yield Claim("saved/fault.json", ORIGINS.get(fault.get("target", ""), SIMULATED))
    if "origin" in recovery:
        yield Claim("saved/recovery.json", str(recovery["origin"]))


def _samples(file: Path, name: str) -> Iterator[Claim]:
    """Yield the origins in one file of samples: of each sample, and of the whole file."""
    import pyarrow.parquet

    stored = pyarrow.parquet.ParquetFile(file)
    wanted = [column for column in ("origin", "address") if column in stored.schema_arrow.names]
    table = stored.read(columns=wanted, use_threads=False)
    origins = table["origin"].unique().to_pylist() if "origin" in wanted else [SIMULATED]
    for origin in origins or [SIMULATED]:
        if table.num_rows or "origin" not in wanted:
            yield Claim(name, str(origin))
    yield Claim(name, _stamp(stored.schema_arrow.metadata).origin)
    addresses = table["address"].unique().to_pylist() if "address" in wanted else []
    if any(str(address).startswith(LOOPBACK) for address in addresses):
        yield Claim(f"the addresses in {name}, which are loopback addresses", SIMULATED)


def _stamp(metadata: Mapping[bytes, bytes] | None) -> Stamp:
    content = json.loads((metadata or {}).get(samples.KEY, b"{}")).get("stamp", {})
    return Stamp(str(content.get("origin", SIMULATED)))


def _json(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return found
