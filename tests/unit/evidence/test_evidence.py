"""The evidence: what makes a verdict red, and that nothing in it can be changed unseen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from drlib.core import aws_calls, terms
from drlib.core.errors import BadParameters, NotApproved, StepFailed, VerdictRed
from drlib.evidence import evidence, verdict
from drlib.evidence.audit.finding import Audit, Finding
from drlib.evidence.report import page
from drlib.parameters import make
from drlib.runs import folders
from drlib.runs.run import Run
from drlib.show import checklist
from tests.fakes import ChecksTable, Counts, Nowhere
from tests.unit.evidence.figures import LOSSES, RECOVERY, STAGES, full

EXACT_KEYS = {
    *("run_id", "verdict", "reasons", "target", "origin", "time_scale", "scenario", "rto", "rpo", "planes"),
    *("checks", "gates", "forced", "moves", "hypothesis", "versions", "parameters_sha256", "git_commit"),
    *("chain_head", "schema_version", "clock", "identity", "restore", "figures", "samples", "parameters"),
    "git_dirty",
}


def test_a_good_drill_passes(run: Run, here: Nowhere) -> None:
    found = full(run, here)
    assert (found.verdict, found.reasons) == ("passed", [])
    assert found.require() is found
    assert json.loads((run.folder / "evidence.json").read_text()) == found.content


def test_it_has_the_keys_that_others_rely_on(run: Run, here: Nowhere) -> None:
    content = full(run, here).content
    assert set(content) == EXACT_KEYS
    assert set(content["rto"]) == {
        *("measured_seconds", "predicted_seconds", "target_seconds", "stable_seconds", "stages", "cohorts"),
        "predicted_stages",
    }
    assert set(content["rpo"]) == {"seconds", "target_seconds", *terms.NAMES, "payment_ids"}
    assert tuple(content["rto"]["stages"]) == tuple(terms.STAGES), "in the order of events"
    assert content["rpo"]["stranded"] == 2
    assert content["rpo"]["payment_ids"]["stranded"] == ["p1", "p2"]
    assert (content["origin"], content["target"], content["time_scale"]) == ("simulated", "sandbox", 20.0)
    assert content["versions"]["python"]


def test_the_target_decides_the_origin(home: Path) -> None:
    parameters = {"target": "aws", "domain_name": "pay.acme.io", "state_backend": "s3://x"}
    run = folders.open_run(make(parameters))
    content = evidence.update(run).content
    assert (content["origin"], content["time_scale"]) == ("live", 1)
    with pytest.raises(StepFailed, match="The target of this run is aws"):
        evidence.update(run, Nowhere(home))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        (
            {"recovery": RECOVERY | {"measured_seconds": 180.1}},
            "The RTO was 180.1 s; the target is 180 s.",
        ),
        ({"recovery": RECOVERY | {"measured_seconds": 70.0}}, "The stages of the recovery do not add up"),
        (
            {"recovery": RECOVERY | {"stages": STAGES | {"dns_answer": -1.0, "unhealthy": 24.5}}},
            "The stages of the recovery do not add up",
        ),
        ({"losses": LOSSES | {"rpo_seconds": 60.5}}, "The RPO was 60.5 s; the target is 60 s."),
        ({"losses": LOSSES | {"lost": ["p4"]}}, "1 payments were acknowledged and never found again."),
        ({"losses": LOSSES | {"unexpected": ["p5"]}}, "1 payments were found, though they failed"),
        ({"losses": LOSSES | {"unexplained_duplicates": ["p3"]}}, "1 payments were settled twice without"),
        (
            {"checks": [ChecksTable("passed"), ChecksTable("skipped")]},
            "-failover: the check 'check 0' was skipped.",
        ),
        ({"checks": [ChecksTable("failed")]}, "the check 'check 0' was red."),
    ],
)
def test_what_makes_a_verdict_red(run: Run, here: Nowhere, more: Any, reason: str) -> None:
    found = full(run, here, **more)
    assert found.verdict == "failed"
    assert [line for line in found.reasons if reason in line]
    with pytest.raises(VerdictRed, match="The verdict is failed") as caught:
        found.require()
    assert reason in caught.value.message


def test_all_reasons_are_given(run: Run, here: Nowhere) -> None:
    losses = LOSSES | {"rpo_seconds": 99.0, "lost": ["a", "b"]}
    found = full(run, here, recovery=RECOVERY | {"measured_seconds": 999.0}, losses=losses)
    assert len(found.reasons) == 4
    assert all(reason in str(found) for reason in found.reasons)


def test_a_control_plane_call_in_the_failover_is_red(run: Run, here: Nowhere) -> None:
    with aws_calls.purpose("observe"):
        here.calls.add("route53", "GetHealthCheckStatus", "us-west-2")
    assert full(run, here).verdict == "passed", "watching is not failing over"
    with aws_calls.purpose("failover"):
        here.calls.add("route53", "ChangeResourceRecordSets", "us-west-2")
    found = full(run, here)
    assert found.reasons == ["The failover made 1 control-plane calls; it must make none."]


def test_calls_of_several_runbooks_are_added_and_not_counted_twice(run: Run, here: Nowhere) -> None:
    here.calls.add("sqs", "SendMessage", "us-east-2")
    full(run, here)
    full(run, here)
    other = Nowhere(here.folder)
    other.calls.add("sqs", "SendMessage", "us-east-2")
    found = evidence.update(run.as_runbook("40-failback"), other)
    assert [row["count"] for row in found.content["planes"]["calls"]] == [2]


def test_what_was_not_measured_yet_is_open_and_never_passed(run: Run, here: Nowhere) -> None:
    found = evidence.update(run, here, checks=[ChecksTable("passed")])
    assert (found.verdict, found.is_open) == ("aborted", True)
    assert "open (simulated)" in str(found)
    half = evidence.update(run, here, recovery=RECOVERY)
    assert half.reasons == ["The payments were not reconciled."]
    assert evidence.update(run, here, losses=Counts(LOSSES)).verdict == "passed"


def test_a_failed_step_aborts_the_run_until_it_is_done(run: Run, here: Nowhere) -> None:
    with pytest.raises(StepFailed), run.step("watch"):
        raise StepFailed("It took too long.")
    run.note("runbook", "failed", detail={"error": "StepFailed", "message": "It took too long."})
    found = full(run, here)
    assert found.verdict == "aborted"
    assert found.reasons == ["30-drill-failover, watch: failed. It took too long."], "said once"
    for step in ("watch", "runbook"):
        run.note(step)
    assert evidence.refresh(run).verdict == "passed"


def test_an_act_that_never_ended_aborts_the_run(run: Run, here: Nowhere) -> None:
    run.note("inject", "intent", mutating=True)
    assert full(run, here).reasons == ["30-drill-failover, inject: started, but never ended."]


def test_a_runbook_under_way_does_not(run: Run, here: Nowhere) -> None:
    run.note("runbook", "intent")
    assert full(run, here).verdict == "passed"


def test_a_missing_approval_is_pending(run: Run, here: Nowhere) -> None:
    error = NotApproved("the drill is not approved: the parameter approval is empty.")
    run.note("runbook", "failed", detail={"error": "NotApproved", "message": str(error)})
    found = evidence.update(run, here)
    assert found.verdict == "pending-approval"
    assert found.reasons[0] == f"30-drill-failover: {error}"


def test_a_red_verdict_that_was_raised_is_no_abortion(run: Run, here: Nowhere) -> None:
    run.note("runbook", "failed", detail={"error": "VerdictRed", "message": "red"})
    assert full(run, here, losses=LOSSES | {"lost": ["x"]}).verdict == "failed"


def test_the_plain_text_of_good_evidence_does_not_vary(run: Run, here: Nowhere) -> None:
    text = str(full(run, here))
    assert text == str(full(run, here, recovery=RECOVERY | {"stable_seconds": 11.0}))
    assert text.splitlines()[1:] == [
        "verdict   passed (simulated)",
        "RTO       within target",
        "RPO       within target",
        "checks    all passed",
        "failover  data planes only",
    ]


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ({"stranded": ["p1", "p1"]}, "stranded names a payment twice"),
        ({"lost": ["a", "b", "c"]}, "More payments are lost and stranded than were acknowledged"),
        ({"recovered": ["a", "b"]}, "More payments are recovered than were indeterminate"),
        ({"acknowledged": 5}, "The ledger has 4 rows with outcome ok, and acknowledged counts 5"),
        ({"payment_ids": {"late": ["x"]}}, "late counts 0 payments, but names 1"),
    ],
)
def test_counts_that_do_not_agree_are_found(run: Run, here: Nowhere, losses: Any, said: str) -> None:
    full(run, here, losses=LOSSES | losses)
    assert said in " ".join(evidence.verify(run).wrong)


def test_a_folder_without_evidence_is_said(run: Run, tmp_path: Path) -> None:
    for call in (evidence.verify, evidence.report, evidence.load):
        with pytest.raises(BadParameters, match=r"holds no evidence\.json"):
            call(run.folder)


def test_the_report_is_one_page_that_says_simulated(run: Run, here: Nowhere) -> None:
    full(run, here, figures={"rto-waterfall": b"\x89PNG"}, losses=LOSSES | {"stranded": ["<script>", "p2"]})
    text = evidence.report(run).read_text()
    for part in (
        "simulated",
        "79.5 s",
        "80.0 s",
        terms.STAGES["unhealthy"].words,
        "0 ",
        "p9",
        "rto waterfall",
    ):
        assert part in text
    assert "This run was simulated" in text
    assert f"<code>{page.FIDELITY}</code>" in text
    assert (Path(__file__).resolve().parents[3] / page.FIDELITY).is_file()
    assert "<script" not in text
    assert "src=" in text
    assert "http://" not in text.replace("http://127.0.0.1", "")
    assert "https://" not in text


def test_a_report_of_a_red_run_gives_all_reasons(run: Run, here: Nowhere) -> None:
    found = full(run, here, losses=LOSSES | {"lost": ["x"], "rpo_seconds": 99.0})
    text = evidence.report(run).read_text()
    assert len(found.reasons) == 2
    assert all(reason in text for reason in found.reasons)


def test_a_red_check_in_the_report_leads_to_its_entry(run: Run, here: Nowhere) -> None:
    def off() -> str:
        raise OSError("<off>")

    failed = checklist.Probe("the-worker-is-on", "the worker is on", off).of("primary")
    full(run, here, checks=[checklist.make("One", [failed])])
    text = evidence.report(run).read_text()
    anchor = "90-troubleshoot.ipynb#the-worker-is-on"
    assert f'<a href="../../notebooks/{anchor}">90-troubleshoot#the-worker-is-on</a>' in text
    assert "&lt;off&gt;" in text


def test_the_report_of_a_live_run_never_says_simulated(home: Path) -> None:
    parameters = {"target": "aws", "domain_name": "pay.acme.io", "state_backend": "s3://x"}
    run = folders.open_run(make(parameters))
    evidence.update(run)
    body = evidence.report(run).read_text().partition("<body>")[2]
    assert "simulated" not in body
    assert "live" in body


def test_stages_that_add_up_but_for_rounding_do() -> None:
    rto = {"measured_seconds": 1.0, "stages": {"a": 0.334, "b": 0.333, "c": 0.334}}
    assert verdict.stages_add_up(rto)
    assert not verdict.stages_add_up(rto | {"measured_seconds": 1.3})


def test_a_finding_that_holds_says_so() -> None:
    table = str(Audit("r", (Finding("chain"), Finding("files", "x is missing."))))
    assert table.splitlines()[1:] == ["chain     holds", "files     x is missing."]
