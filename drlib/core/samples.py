"""Raw samples in Parquet files: each row contains its origin and its clock.

The columns `origin` ("simulated" or "live") and `clock` ("modelled" or "wall") are in every row, so that no
sample can be read without them. The file's metadata contains the clock's scale, and facts about the samples.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from drlib.core.clock import Clock
from drlib.core.files import plain
from drlib.core.redaction import mask_all

FOLDER = "samples"
SIMULATED, LIVE = "simulated", "live"
MODELLED, WALL = "modelled", "wall"
KEY = b"drlib"
TYPES = {int: "int64", float: "float64", str: "string", bool: "bool_"}


@dataclass(frozen=True)
class Stamp:
    """The origin and the clock of samples. The default origin is simulated."""

    origin: str = SIMULATED
    clock: Clock = field(default_factory=Clock)

    @property
    def time(self) -> str:
        """`modelled` if the clock runs faster than the wall clock, else `wall`."""
        return WALL if self.clock.scale == 1.0 else MODELLED

    def as_dict(self) -> dict[str, Any]:
        """Return JSON-like data for a file's metadata."""
        return {"origin": self.origin, "scale": self.clock.scale, "anchor": self.clock.anchor}


@dataclass(frozen=True)
class Table:
    """A file of samples, with its metadata. A column is converted to a list on access."""

    stored: Any
    stamp: Stamp
    about: Mapping[str, Any]

    @property
    def columns(self) -> dict[str, list[Any]]:
        """All columns by name."""
        return {name: self.column(name) for name in self.stored.column_names}

    def column(self, name: str) -> list[Any]:
        """Return the values of a column."""
        values: list[Any] = self.stored[name].to_numpy(zero_copy_only=False).tolist()
        return values

    def rows(self, *names: str) -> list[tuple[Any, ...]]:
        """Return the values of some columns, row by row."""
        return list(zip(*map(self.column, names), strict=True))

    def where(self, **values: str) -> Table:
        """Return the rows in which each named column has the given value."""
        import pyarrow.compute

        found = self.stored
        for name, value in values.items():
            found = found.filter(pyarrow.compute.equal(found[name], value))
        return replace(self, stored=found)


def write(
    file: Path,
    columns: Mapping[str, Sequence[Any]],
    types: Mapping[str, type],
    *,
    stamp: Stamp,
    about: Mapping[str, Any] | None = None,
) -> Path:
    """Write a file of samples atomically; texts are masked.

    Args:
        file: the file's path.
        columns: name -> values, all of the same length.
        types: name -> int, float, str or bool; a table without rows needs them too.
        stamp: written into every row and into the metadata.
        about: JSON-like facts about the samples, for the metadata.

    Raises:
        StepFailed: it cannot be written. The file is unchanged.
    """
    import pyarrow
    import pyarrow.parquet

    count = len(next(iter(columns.values())))
    clean = {name: _masked(values) if types[name] is str else values for name, values in columns.items()}
    stamped = {**clean, "origin": [stamp.origin] * count, "clock": [stamp.time] * count}
    kinds = {**types, "origin": str, "clock": str}
    schema = pyarrow.schema([(name, getattr(pyarrow, TYPES[kinds[name]])()) for name in stamped])
    facts = json.dumps({"stamp": stamp.as_dict(), "about": mask_all(about or {})}, sort_keys=True)
    table = pyarrow.table(dict(stamped), schema=schema.with_metadata({KEY: facts.encode()}))
    unfinished = file.with_name(f".{file.name}.part")
    with plain(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            pyarrow.parquet.write_table(table, unfinished)
            return unfinished.replace(file)
        except OSError:
            unfinished.unlink(missing_ok=True)
            raise


def read(file: Path) -> Table:
    """Read a file of samples. Raises ValueError or KeyError for any other file."""
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(file, use_threads=False)
    facts = json.loads((table.schema.metadata or {})[KEY])
    stamp = facts["stamp"]
    return Table(table, Stamp(stamp["origin"], Clock(stamp["scale"], stamp["anchor"])), facts["about"])


def _masked(texts: Sequence[str]) -> list[str]:
    """Mask a column. Each distinct text is masked once."""
    distinct = list(dict.fromkeys(texts))
    masked = dict(zip(distinct, mask_all(distinct), strict=True))
    return [masked[text] for text in texts]


def files(folder: Path) -> list[Path]:
    """Return the files of samples in a run's folder."""
    return sorted(folder.glob(f"{FOLDER}/*.parquet"))
