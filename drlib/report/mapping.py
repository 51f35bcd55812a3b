"""What the evidence maps to in the frameworks that ask for it. Whether it suffices is for those who assess.

Sources: Regulation (EU) 2022/2554 (DORA), Articles 11(6), 12(6) and 12(7); AICPA Trust Services Criteria
(2017, points of focus of 2022), A1.3; PCI DSS v4.0.1, requirement 12.10.2.
"""

from __future__ import annotations

from typing import NamedTuple


class Row(NamedTuple):
    """A provision, what it is about in our words, and the sections that hold evidence which maps to it."""

    framework: str
    provision: str
    about: str
    sections: tuple[tuple[str, str], ...]


ROWS = (
    Row(
        "DORA",
        "Article 11(6)",
        "Response and recovery plans are tested at least once a year, and the tests include switchovers "
        "between the primary infrastructure and the redundant capacity.",
        (("verdict", "verdict"), ("rto", "recovery time"), ("timeline", "timeline"), ("moves", "moves")),
    ),
    Row(
        "DORA",
        "Article 12(6)",
        "Recovery time and recovery point objectives are set for each function.",
        (("rto", "recovery time against its target"), ("payments", "loss against its target")),
    ),
    Row(
        "DORA",
        "Article 12(7)",
        "After a recovery, checks and reconciliations show that the data is whole.",
        (("payments", "reconciliation of every payment"), ("gates", "gates before the return")),
    ),
    Row(
        "SOC 2",
        "A1.3",
        "The procedures of the recovery plan are tested against the system's objectives.",
        (("verdict", "verdict"), ("hypothesis", "hypothesis"), ("payments", "completeness of the data")),
    ),
    Row(
        "PCI DSS",
        "12.10.2",
        "The incident response plan is reviewed and tested at least once every 12 months, with its business "
        "recovery and continuity procedures among what is tested (12.10.1).",
        (("timeline", "timeline"), ("restore", "restore"), ("planes", "what the failover needed")),
    ),
)
