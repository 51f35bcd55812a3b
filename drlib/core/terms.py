"""The terms of the evidence, each with its words: the stages of a recovery, and the counts of payments.

Whoever shows or judges a stage or a count takes its words from here: the verdict, the reconciliation, the
report, the figures and the history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Stage(NamedTuple):
    """What a stage of the RTO lasts until: in words, and in one or two as the label of a mark in a figure."""

    words: str
    mark: str


STAGES: Mapping[str, Stage] = {
    "client_error": Stage("first failed payment", "first error"),
    "check_failing": Stage("first failed check", "check fails"),
    "unhealthy": Stage("check unhealthy", "unhealthy"),
    "dns_answer": Stage("DNS answer changed", "DNS changed"),
    "client_switch": Stage("clients switched", "recovered"),
}
"""Every stage, in the order of events: name in evidence.json -> its words."""


def stage_words(name: str) -> str:
    """Return the words of a stage; a name that is none, such as that of the whole, says itself."""
    return STAGES[name].words if name in STAGES else name.replace("_", " ")


class Count(NamedTuple):
    """A count of payments.

    Attributes:
        meaning: what such payments were: it completes "payments were ...".
        todo: what an operator does about each of them; empty if there is nothing to say.
        red: whether one such payment is enough for a verdict that is not `passed`. A stranded payment came
            back. A duplicated or a late one is red only where the reconciliation cannot explain it.
    """

    meaning: str
    todo: str = ""
    red: bool = False


COUNTS: Mapping[str, Count] = {
    "acknowledged": Count("accepted, and their clients were told so"),
    "indeterminate": Count("sent and not answered: they may or may not have happened"),
    "lost": Count(
        "acknowledged and never found again",
        "Ask its client to pay again, under the same idempotency key: no region knows of it.",
        red=True,
    ),
    "stranded": Count(
        "acknowledged, missing at takeover, and back after healing",
        "Nothing to mend: it is back. Refund what its client may have paid again under another key.",
    ),
    "duplicated": Count(
        "settled more than once",
        "Ask the provider how often it charged. The settlement key is the payment id, so a provider that "
        "honours keys charged once; refund the second charge if there is one.",
    ),
    "late": Count(
        "settled after their target time", "Tell whoever waited for the money; do not settle it again."
    ),
    "recovered": Count(
        "indeterminate, and found",
        "Nothing to mend: a client that asks again with its key is told the same payment.",
    ),
    "unexpected": Count(
        "found, though they failed or were never sent",
        "Find its client by the idempotency key, and refund it unless the client wants it.",
        red=True,
    ),
    "rejected": Count(
        "refused by the API: a mistake of the client, or the fence of a planned move",
        "Nothing to mend: it was refused, and its client knows.",
    ),
    "unexplained_duplicates": Count("settled twice without a replication gap that explains it", red=True),
    "unexplained_late": Count("settled after their target time, though no region held them back", red=True),
    "unsettled": Count(
        "acknowledged and never settled",
        "Announce it again with announce.announce, as 40-failback does.",
        red=True,
    ),
    "differing": Count(
        "recorded differently in the two tables",
        "Compare both records; that of the region which took the payment is right.",
        red=True,
    ),
    "unreceipted": Count(
        "settled, and have a receipt nowhere",
        "Announce it again: a worker that finds a payment settled writes its receipt anew.",
        red=True,
    ),
    "one_sided": Count(
        "settled, and have a receipt in one region alone",
        "Wait for S3 (15 minutes at most by its time control), then copy the receipt over.",
    ),
}
"""Every count, in the order in which it is shown: name in evidence.json -> what it means."""

NAMES = (
    "acknowledged",
    "indeterminate",
    "lost",
    "stranded",
    "duplicated",
    "late",
    "recovered",
    "unexpected",
    "rejected",
)
"""The counts that every evidence has, null where nothing was reconciled."""
MORE = tuple(name for name in COUNTS if name not in NAMES)
"""The counts that stand beside them once payments are reconciled."""
