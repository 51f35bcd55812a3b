"""The recovery time as a waterfall: each stage measured, and the predicted one under it, on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from drlib.terms import stage_words


class Bar(NamedTuple):
    """A stage on the scale: where it begins and how long it is, in percent of the whole, and in seconds."""

    left: float
    width: float
    seconds: float
    until: float


class Row(NamedTuple):
    """A stage: what it lasts until, as measured and as predicted (None if there is no such prediction)."""

    name: str
    measured: Bar
    predicted: Bar | None


class Fall(NamedTuple):
    """The waterfall: its rows, and where the target stands on the scale (None if beyond it)."""

    rows: list[Row]
    target: float | None
    longest: float


def of(rto: Mapping[str, Any]) -> Fall:
    """Return the waterfall of a recovery; without rows where none was measured."""
    stages, predicted = rto["stages"], rto["predicted_stages"]
    longest = max(sum(stages.values()), sum(predicted.values()), 1e-9)
    longest = max(longest, rto["target_seconds"]) if rto["target_seconds"] <= 3 * longest else longest
    measured, foreseen = _bars(stages, longest), _bars(predicted, longest)
    rows = [Row(stage_words(name), bar, foreseen.get(name)) for name, bar in measured.items()]
    target = 100.0 * rto["target_seconds"] / longest
    return Fall(rows, target if target <= 100.0 else None, longest)


def _bars(stages: Mapping[str, float], longest: float) -> dict[str, Bar]:
    bars, since = {}, 0.0
    for name, seconds in stages.items():
        share = 100.0 / longest
        bars[name] = Bar(round(since * share, 3), round(seconds * share, 3), seconds, since + seconds)
        since += seconds
    return bars
