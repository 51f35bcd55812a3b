"""The words for the stages of a recovery and for the counts of payments.

The verdict, the reconciliation, the report, the figures and the history all use these words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Stage(NamedTuple):
    """The event that ends a stage of the RTO: in words, and as the short label of a mark in a figure."""

    words: str
    mark: str


STAGES: Mapping[str, Stage] = {
    "client_error": Stage("first failed payment", "first error"),
    "check_failing": Stage("first failed check", "check fails"),
    "unhealthy": Stage("check unhealthy", "unhealthy"),
    "dns_answer": Stage("DNS answer changed", "DNS changed"),
    "client_switch": Stage("clients switched", "recovered"),
}
"""All stages, in the order of events: name in evidence.json -> words."""


def stage_words(name: str) -> str:
    """Return the words of a stage; for another name, such as that of the whole RTO, the name itself."""
    return STAGES[name].words if name in STAGES else name.replace("_", " ")


class Count(NamedTuple):
    """A count of payments.

    Attributes:
        meaning: completes the sentence "payments were ...".
        todo: what the operator does about each payment; may be empty.
        red: whether one such payment prevents the verdict `passed`. Stranded payments came back. Duplicated
            and late payments are red only if the reconciliation cannot explain them.
    """

    meaning: str
    todo: str = ""
    red: bool = False


COUNTS: Mapping[str, Count] = {
    "acknowledged": Count("accepted, and their clients were told so"),
    "indeterminate": Count("sent and not answered: they may or may not have happened"),
    "lost": Count(
        "acknowledged and never found again",
        "Ask its client to pay again with the same idempotency key: no region has the payment.",
        red=True,
    ),
    "stranded": Count(
        "acknowledged, missing at takeover, and back after healing",
        "No repair is needed: it is back. If the client paid again with another key, refund that payment.",
    ),
    "duplicated": Count(
        "settled more than once",
        "Ask the payment provider how often it charged the client. The settlement key is the payment id, so "
        "a provider that honours keys charged once. If there is a second charge, refund it.",
    ),
    "late": Count(
        "settled after their target time", "Inform the recipient of the money; do not settle it again."
    ),
    "recovered": Count(
        "indeterminate, and found",
        "No repair is needed: a client that repeats the request with its key receives the same payment.",
    ),
    "unexpected": Count(
        "found, though they failed or were never sent",
        "Find its client by the idempotency key, and refund it unless the client wants it.",
        red=True,
    ),
    "rejected": Count(
        "refused by the API: a mistake of the client, or the fence of a planned move",
        "No repair is needed: the client received the refusal.",
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
        "Compare both records; the record of the region that accepted the payment is correct.",
        red=True,
    ),
    "unreceipted": Count(
        "settled, and have a receipt nowhere",
        "Announce it again: a worker that finds a settled payment writes its receipt again.",
        red=True,
    ),
    "one_sided": Count(
        "settled, and have a receipt in one region alone",
        "Wait for S3 replication (at most 15 minutes with its time control), then copy the receipt.",
    ),
}
"""All counts, in the order in which they are shown: name in evidence.json -> meaning."""

MORE = tuple(COUNTS)[tuple(COUNTS).index("unexplained_duplicates") :]
"""The counts that evidence.json contains only after the reconciliation."""
NAMES = tuple(name for name in COUNTS if name not in MORE)
"""The counts that evidence.json always contains; null before the reconciliation."""
