"""report.html: a run's evidence as one page that needs nothing beside it."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from drlib import bundle, chain
from drlib.clock import iso
from drlib.show import mask

REPORT = "report.html"
FIGURES = "figures"
LEDGER = "drlib/sandbox/FIDELITY.md"  # from the checkout, in which runs/ lies
MEANINGS = {
    "acknowledged": "the client was told that the payment is accepted",
    "indeterminate": "no answer after sending: may or may not have happened",
    "lost": "acknowledged, and never there, even after the region healed",
    "stranded": "acknowledged, missing at takeover, back after healing",
    "duplicated": "settled more than once",
    "late": "settled after its target time",
    "recovered": "indeterminate, and there",
    "unexpected": "there, though it certainly failed or was never sent",
    "rejected": "refused by the API: the client's fault, or a planned move's fence",
}
STAGE_NAMES = {
    "client_error": "first failed client request",
    "check_failing": "first failed health check",
    "unhealthy": "health check unhealthy",
    "dns_answer": "DNS answer changed",
    "client_switch": "first success from the standby",
}
COLOURS = ("#0072b2", "#56b4e9", "#e69f00", "#cc79a7", "#009e73")
TEMPLATE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ run.run_id }}: {{ run.verdict }}</title><style>
body{font:16px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1f2328}
table{border-collapse:collapse;width:100%;margin:.5em 0 1.5em}caption{text-align:left;font-weight:600}
th,td{text-align:left;padding:.3em .6em;border-bottom:1px solid #d0d7de;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code{font-size:.85em;overflow-wrap:anywhere}
.label{display:inline-block;padding:.3em .8em;border-radius:4px;font-size:1.4em;font-weight:700;color:#fff}
.passed{background:#1a7f37}.failed,.aborted{background:#b42318}.pending-approval{background:#9a6700}
.simulated{background:#6639ba}.live{background:#0969da}img{max-width:100%}
.bar{display:flex;height:2.2em;margin:1em 0}.bar div{min-width:2px}details summary{cursor:pointer}
</style></head><body>
<h1>Disaster recovery: {{ run.scenario }}</h1>
<p><span class="label {{ run.verdict }}">{{ run.verdict }}</span>
<span class="label {{ run.origin }}">{{ run.origin }}</span></p>
{% if run.origin == "simulated" %}<p><strong>This run was simulated</strong> in a local sandbox whose clock runs
{{ "%g"|format(run.time_scale) }} times faster than the wall. All times are modelled seconds; real computing
counts as {{ "%g"|format(run.time_scale) }} times its own duration in them. It rests on how far the sandbox does
what AWS does, which <a href="../../{{ ledger }}">{{ ledger }}</a> lists, behaviour by behaviour.</p>{% endif %}
{% if run.reasons %}<h2>Why it is not passed</h2><ul>{% for reason in run.reasons %}<li>{{ reason }}</li>
{% endfor %}</ul>{% endif %}
<h2>Summary</h2><table>
<tr><th>run</th><td><code>{{ run.run_id }}</code></td></tr><tr><th>began</th><td>{{ began }}</td></tr>
<tr><th>regions</th><td>{{ parameters.primary_region }} (primary), {{ parameters.standby_region }} (standby)</td></tr>
<tr><th>RTO</th><td>{{ seconds(run.rto.measured_seconds) }} measured, {{ seconds(run.rto.predicted_seconds) }}
predicted, target {{ run.rto.target_seconds }} s; stable after another {{ seconds(run.rto.stable_seconds) }}</td></tr>
<tr><th>RPO</th><td>{{ seconds(run.rpo.seconds) }}, target {{ run.rpo.target_seconds }} s</td></tr>
<tr><th>control-plane calls in the failover</th><td>{{ run.planes.control_plane_calls_in_failover }}</td></tr>
</table>
{% if run.hypothesis %}<h2>Hypothesis</h2><ul>{% for line in run.hypothesis.scenario.hypothesis %}<li>{{ line }}</li>
{% endfor %}</ul><table><tr><th>judged by</th><th>expected</th><th>seen</th><th>holds</th></tr>
{% for row in run.hypothesis.clauses %}<tr><td>{{ row.name }}</td><td>{{ row.expected }}</td><td>{{ row.seen }}</td>
<td>{{ {true: "yes", false: "no"}.get(row.holds, "open") }}</td></tr>{% endfor %}</table>{% endif %}
{% if run.rto.stages %}<h2>Recovery, stage by stage</h2>
<div class="bar" role="img" aria-label="stages of the recovery">{% for row in stages %}<div title="{{ row.name }}"
style="flex:{{ row.seconds }};background:{{ row.colour }}"></div>{% endfor %}</div>
<table><tr><th></th><th>until</th><th class="n">seconds</th><th class="n">since the fault</th></tr>
{% for row in stages %}<tr><td style="background:{{ row.colour }}"></td><td>{{ row.name }}</td>
<td class="n">{{ "%.1f"|format(row.seconds) }}</td><td class="n">{{ "%.1f"|format(row.since) }}</td></tr>
{% endfor %}</table>{% endif %}
{% if run.rto.cohorts %}<table><caption>Cohorts of clients</caption>
{% for name, facts in run.rto.cohorts.items() %}{% if loop.first %}<tr><th></th>{% for key in facts %}
<th class="n">{{ key|replace("_", " ") }}</th>{% endfor %}</tr>{% endif %}<tr><th>{{ name }}</th>
{% for value in facts.values() %}<td class="n">{{ figure(value) }}</td>{% endfor %}</tr>{% endfor %}
</table>{% endif %}
{% for name, content in figures %}<figure><img alt="{{ name }}" src="data:image/png;base64,{{ content }}">
<figcaption>{{ name }}</figcaption></figure>{% endfor %}
<h2>Payments</h2>
<table><tr><th></th><th class="n">count</th><th>meaning</th><th>payments</th></tr>
{% for name, meaning in meanings.items() %}<tr><th>{{ name }}</th><td class="n">{{ dash(run.rpo[name]) }}</td>
<td>{{ meaning }}</td><td>{% set ids = run.rpo.payment_ids.get(name, []) %}{% if ids %}<details><summary>{{ ids|length }}
ids</summary>{% for id in ids %}<code>{{ id }}</code><br>{% endfor %}</details>{% endif %}</td></tr>{% endfor %}
</table>
<h2>Checks</h2><table><tr><th>runbook</th><th>check</th><th>status</th><th>seen</th></tr>
{% for row in run.checks %}<tr><td>{{ row.runbook }}</td><td>{{ row.name }}</td><td>{{ row.status }}</td>
<td>{{ row.detail }}</td></tr>{% endfor %}</table>
<h2>AWS calls</h2><p>A failover must need no control plane. Calls by the Pulumi engine's provider are not listed;
each use of the engine is.</p><details><summary>{{ run.planes.calls|length }} kinds of calls</summary>
<table><tr><th>purpose</th><th>plane</th><th>access</th><th>service</th><th>operation</th><th>region</th>
<th class="n">count</th></tr>{% for row in calls %}<tr><td>{{ row.purpose }}</td><td>{{ row.plane }}</td>
<td>{{ row.access }}</td><td>{{ row.service }}</td><td>{{ row.operation }}</td><td>{{ row.region }}</td>
<td class="n">{{ row.count }}</td></tr>{% endfor %}</table></details>
{% if history|length > 1 %}<h2>Earlier runs</h2><table><tr><th>run</th><th>origin</th><th>verdict</th>
<th class="n">RTO</th><th class="n">predicted</th><th class="n">RPO</th></tr>{% for row in history %}<tr>
<td>{{ row.run_id }}</td><td>{{ row.origin }}</td><td>{{ row.verdict }}</td>
<td class="n">{{ seconds(row.rto.measured_seconds) }}</td><td class="n">{{ seconds(row.rto.predicted_seconds) }}</td>
<td class="n">{{ seconds(row.rpo.seconds) }}</td></tr>{% endfor %}</table>{% endif %}
<h2>How it was made</h2><table>
{% for name, value in parameters.items() %}<tr><th>{{ name }}</th><td><code>{{ value }}</code></td></tr>{% endfor %}
{% for name, value in run.versions.items() %}<tr><th>{{ name }}</th><td>{{ value }}</td></tr>{% endfor %}
<tr><th>commit</th><td><code>{{ run.git_commit or "-" }}</code></td></tr>
<tr><th>parameters, SHA-256</th><td><code>{{ run.parameters_sha256 }}</code></td></tr>
<tr><th>journal, last hash</th><td><code>{{ run.chain_head }}</code></td></tr></table>
</body></html>
"""  # noqa: E501 - a template's lines are the page's


def render(folder: Path, evidence: Mapping[str, Any]) -> str:
    """Return the page of a run, from its evidence, its figures and the runs beside it."""
    import jinja2

    journal = chain.lines(folder)
    values = json.loads((folder / "parameters.json").read_text(encoding="utf-8"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    return environment.from_string(TEMPLATE).render(
        run=evidence,
        ledger=LEDGER,
        parameters={name: mask(str(value)) for name, value in values.items()},
        began=iso(journal[0]["at"]) if journal else "-",
        stages=_stages(evidence["rto"]["stages"]),
        figures=_figures(folder),
        meanings=MEANINGS,
        calls=sorted(
            evidence["planes"]["calls"], key=lambda row: (row["purpose"], row["plane"], row["service"])
        ),
        history=[row for row in bundle.history(folder.parent) if row["scenario"] == evidence["scenario"]],
        seconds=lambda value: "-" if value is None else f"{value:.1f} s",
        dash=lambda value: "-" if value is None else value,
        figure=lambda value: f"{value:.1f}" if isinstance(value, float) else "-" if value is None else value,
    )


def write(file: Path, page: str) -> Path:
    """Write a page, and return its path."""
    chain.write(file, page)
    return file


def _stages(stages: Mapping[str, float]) -> list[dict[str, Any]]:
    rows, since = [], 0.0
    for at, (name, seconds) in enumerate(stages.items()):
        since += seconds
        colour = COLOURS[at % len(COLOURS)]
        title = STAGE_NAMES.get(name, name.replace("_", " "))
        rows.append({"name": title, "seconds": seconds, "since": since, "colour": colour})
    return rows


def _figures(folder: Path) -> list[tuple[str, str]]:
    return [
        (file.stem.replace("-", " "), base64.b64encode(file.read_bytes()).decode())
        for file in sorted((folder / FIGURES).glob("*.png"))
    ]
