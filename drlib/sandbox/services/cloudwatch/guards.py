"""Runs the checks of alarms and dashboards before the emulator's functions that store them."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.guards import Answer, before
from drlib.sandbox.services.cloudwatch import alarm_refusals, dashboard_refusals


def apply() -> None:
    """Install the checks. Call it once, before any other replacement.

    Raises:
        SandboxError: the guards do not fit this version of the emulator.
    """
    service = emulator.module("services.cloudwatch")
    error = internals.function(service, "_error", "code", "message", "status", "use_json", "use_cbor")
    text = internals.function(service, "_p", "params", "key", "default")

    def read_parameters(
        params: Any, cbor_data: Any, is_cbor: bool, is_json: bool, *names: str
    ) -> dict[str, Any]:
        source = cbor_data.get if is_cbor or is_json else partial(text, params)
        return {name: source(name) for name in names}

    def alarm(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        request = read_parameters(
            params, cbor_data, is_cbor, is_json, "Period", "EvaluationPeriods", "DatapointsToAlarm"
        )
        message = alarm_refusals.metric_alarm(request)
        if message is None:
            return None
        return error("ValidationError", message, 400, use_json=is_json, use_cbor=is_cbor)

    def dashboard(params: Any, cbor_data: Any, is_cbor: bool, is_json: bool = False) -> Answer:
        request = read_parameters(params, cbor_data, is_cbor, is_json, "DashboardBody")
        found = dashboard_refusals.problems(request["DashboardBody"] or "")
        if not found:
            return None
        status, headers, body = error(
            "InvalidParameterInput",
            dashboard_refusals.message(found),
            400,
            use_json=is_json,
            use_cbor=is_cbor,
        )
        if is_json:
            listed = [{"DataPath": path, "Message": message} for path, message in found]
            body = json.dumps({**json.loads(body), "dashboardValidationMessages": listed}).encode()
        return status, headers, body

    parameters = ("params", "cbor_data", "is_cbor", "is_json")
    before(service, "_put_metric_alarm", parameters, alarm)
    before(service, "_put_dashboard", parameters, dashboard)
