"""The verdict of a run: passed, failed, aborted or pending-approval, with every reason.

A run passes only if every measurement exists and no check was skipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from drlib.core.terms import COUNTS

PASSED, FAILED, ABORTED, PENDING = "passed", "failed", "aborted", "pending-approval"
RED_IN_A_MOVE = {
    "missing": "acknowledged, but not in the destination at the flip",
    "outside": "refused outside the fence",
}
PLANNED = "switchover"  # a run with planned moves only has no recovery time
RUNBOOK = "runbook"  # the journal step of a whole runbook
AGAIN = "runbook again"  # another attempt after the acts of the runbook were done
ROUNDING_SECONDS = 0.05
NOT_MEASURED = "No recovery time was measured."
NOT_RECONCILED = "The payments were not reconciled."
OPEN = frozenset((NOT_MEASURED, NOT_RECONCILED))


def judge(evidence: Mapping[str, Any], journal: Iterable[Mapping[str, Any]]) -> tuple[str, list[str]]:
    """Return the verdict, and every reason why it is not `passed`.

    A run that lost a payment is `failed`, even if a step failed or a measurement is missing too.

    Args:
        evidence: `rto`, `rpo`, `planes`, `checks`, `forced`, `moves` and `hypothesis` of evidence.json.
        journal: the lines of the journal, oldest first.
    """
    pending, broken = _stopped(journal)
    missing = list(_missing(evidence))
    payments = [*_counts(evidence["rpo"], _allowed(evidence)), *_moves(evidence["moves"])]
    red = [*_hypothesis(evidence["hypothesis"]), *_times(evidence), *payments, *_acts(evidence)]
    reasons = [*pending, *broken, *missing, *red]
    if pending:
        return PENDING, reasons
    if (broken or missing) and not payments:
        return ABORTED, reasons
    return (FAILED if red else PASSED), reasons


def stages_add_up(rto: Mapping[str, Any]) -> bool:
    """Return whether no stage is negative and their sum is the measured recovery time."""
    stages = rto["stages"].values()
    total = sum(stages)
    allowed = ROUNDING_SECONDS * max(1, len(stages))
    return all(seconds >= 0 for seconds in stages) and abs(total - rto["measured_seconds"]) <= allowed


def _stopped(journal: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    """Return sentences on the steps without approval, and on the steps that failed or never ended.

    A runbook that is done stays done if a later attempt fails without a change.
    """
    last = {(line["runbook"], line["step"]): line for line in journal if line["step"] != AGAIN}
    named = {
        runbook for (runbook, step), line in last.items() if step != RUNBOOK and line["phase"] == "failed"
    }
    pending, broken = [], []
    for (runbook, step), line in last.items():
        where = runbook if step == RUNBOOK else f"{runbook}, {step}"
        error, message = (line["detail"].get(key, "") for key in ("error", "message"))
        if line["phase"] == "failed" and error == "NotApproved":
            pending.append(f"{where}: {message or 'not approved.'}")
        elif (
            line["phase"] == "failed" and error != "VerdictRed" and not (step == RUNBOOK and runbook in named)
        ):
            broken.append(f"{where}: failed. {message}".strip())
        elif line["phase"] == "intent" and line["mutating"]:
            broken.append(f"{where}: started, but never ended.")
    return pending, broken


def _missing(evidence: Mapping[str, Any]) -> Iterator[str]:
    planned = {move["kind"] for move in evidence["moves"]} == {PLANNED}
    stays = _expected(evidence).get("traffic") == "stays"
    if evidence["rto"]["measured_seconds"] is None and not planned and not stays:
        yield NOT_MEASURED
    if evidence["rpo"]["seconds"] is None:
        yield NOT_RECONCILED


def _times(evidence: Mapping[str, Any]) -> Iterator[str]:
    rto, rpo = evidence["rto"], evidence["rpo"]
    if rto["measured_seconds"] is not None:
        if rto["measured_seconds"] > rto["target_seconds"]:
            yield f"The RTO was {rto['measured_seconds']:.1f} s; the target is {rto['target_seconds']} s."
        if not stages_add_up(rto):
            yield "The stages of the recovery do not add up to the RTO."
    if rpo["seconds"] is not None and rpo["seconds"] > rpo["target_seconds"]:
        yield f"The RPO was {rpo['seconds']:.1f} s; the target is {rpo['target_seconds']} s."


def _expected(evidence: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the expectations of the scenario; empty if no scenario was judged."""
    found: Mapping[str, Any] = evidence["hypothesis"].get("scenario", {}).get("expect", {})
    return found


def _allowed(evidence: Mapping[str, Any]) -> frozenset[str]:
    """Return the counts that the scenario expects: two isolated regions settle some payments twice."""
    listed = _expected(evidence).get("duplicated") == "listed"
    return frozenset(["unexplained_duplicates"] if listed else [])


def _hypothesis(hypothesis: Mapping[str, Any]) -> Iterator[str]:
    for clause in hypothesis.get("clauses", ()):
        if clause["holds"] is False:
            yield (
                f"The hypothesis does not hold: {clause['name']}, expected {clause['expected']}, "
                f"seen {clause['seen']}."
            )


def _counts(rpo: Mapping[str, Any], allowed: frozenset[str]) -> Iterator[str]:
    for name, one in COUNTS.items():
        if one.red and rpo.get(name) and name not in allowed:
            yield f"{rpo[name]} payments were {one.meaning}."


def _moves(moves: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Yield the payments that a planned move left behind, or refused outside of the fence."""
    for move in moves:
        for name, meaning in RED_IN_A_MOVE.items():
            if move.get(name):
                yield f"{move['runbook']}: {len(move[name])} payments were {meaning}."


def _acts(evidence: Mapping[str, Any]) -> Iterator[str]:
    """Yield control-plane calls in the failover, checks that did not pass, and gates that were forced."""
    if calls := evidence["planes"]["control_plane_calls_in_failover"]:
        yield f"The failover made {calls} control-plane calls; it must make none."
    for check in evidence["checks"]:
        if check["status"] != "passed":
            word = "red" if check["status"] == "failed" else check["status"]
            yield f"{check['runbook']}: the check {check['name']!r} was {word}."
    for one in evidence["forced"]:
        yield f"{one['runbook']}: forced past {', '.join(one['gates'])}, because {one['reason']}."
