"""Dashboard bodies that CloudWatch refuses.

Rules: CloudWatch API Reference, "Dashboard Body Structure and Syntax". A metric is an array of
strings: namespace, name, then pairs of dimension name and value. The last element may be an object with
options.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

NOT_JSON = "The field DashboardBody must be a valid JSON object"
MISSING_SOURCE = "The metric widget should have specified a region and a data source or an alarm annotation"
INVALID_ROW = (
    'Field "metrics" has to be an array of array of strings, '
    "with an optional metricRenderer object as last element"
)
INVALID_TEXT = 'Invalid metric field type, only "String" type is allowed'

BOUNDS = {"x": (0, 23), "y": (0, None), "width": (1, 24), "height": (1, 1000)}
OPTIONS = {
    "accountId", "color", "expression", "id", "label", "period", "region", "stat", "visible", "yAxis",
}  # fmt: skip
"""Keys that the options of a metric may have."""

Problem = tuple[str, str]
"""The place in the body, as a JSON pointer, and the error there."""


def problems(body: str) -> list[Problem]:
    """Return the errors in a dashboard's body; one error with an empty place if it is not a JSON object."""
    try:
        dashboard = json.loads(body)
    except ValueError:
        dashboard = None
    if not isinstance(dashboard, dict):
        return [("", NOT_JSON)]
    if "widgets" not in dashboard:
        return [("", "Should have required property 'widgets'")]
    if not isinstance(dashboard["widgets"], list):
        return [("/widgets", "Should be array")]
    return [
        problem
        for number, widget in enumerate(dashboard["widgets"])
        for problem in _widget(widget, f"/widgets/{number}")
    ]


def message(found: list[Problem]) -> str:
    """Return the error message in CloudWatch's words."""
    if found == [("", NOT_JSON)]:
        return NOT_JSON
    listed = json.dumps([{"dataPath": path, "message": text} for path, text in found], indent=2)
    return f"The dashboard body is invalid, there are {len(found)} validation errors:\n{listed}"


def _widget(widget: Any, path: str) -> Iterator[Problem]:
    if not isinstance(widget, dict):
        yield path, "Should be object"
        return
    for name in ("type", "properties"):
        if name not in widget:
            yield path, f"Should have required property '{name}'"
    for name, (least, most) in BOUNDS.items():
        value = widget.get(name, least)
        if not isinstance(value, int) or isinstance(value, bool):
            yield f"{path}/{name}", "Should be integer"
        elif value < least:
            yield f"{path}/{name}", f"Should be >= {least}"
        elif most is not None and value > most:
            yield f"{path}/{name}", f"Should be <= {most}"
    properties = widget.get("properties")
    if not isinstance(properties, dict):
        return
    path = f"{path}/properties"
    needed = {"text": "markdown", "alarm": "alarms"}.get(widget.get("type", ""))
    if needed and needed not in properties:
        yield path, f"Should have required property '{needed}'"
    if widget.get("type") == "metric":
        yield from _metric_widget(properties, path)


def _metric_widget(properties: dict[str, Any], path: str) -> Iterator[Problem]:
    sources = [name for name in ("metrics", "annotations") if name in properties]
    if not sources:
        yield path, "Should have required property 'metrics'"
    if not sources or not isinstance(properties.get("region"), str):
        yield path, MISSING_SOURCE
    if not sources:
        yield path, "Should have required property 'annotations'"
    rows = properties.get("metrics", [])
    if not isinstance(rows, list):
        yield f"{path}/metrics", "Should be array"
        return
    for number, row in enumerate(rows):
        yield from _row(row, f"{path}/metrics/{number}")


def _row(row: Any, path: str) -> Iterator[Problem]:
    if not isinstance(row, list) or not row:
        yield path, INVALID_ROW
        return
    options = row[-1] if isinstance(row[-1], dict) else None
    texts = row if options is None else row[:-1]
    invalid = [at for at, text in enumerate(texts) if not isinstance(text, str) or not text]
    for at in invalid:
        yield f"{path}/{at}", INVALID_TEXT
    unknown = options is not None and not options.keys() <= OPTIONS
    # `...` stands for any number of elements; an expression has no strings.
    paired = not texts or "..." in texts or len(texts) % 2 == 0
    if unknown or (not paired and not invalid):
        yield path, f"Should NOT have more than {len(row) - 1} items"
