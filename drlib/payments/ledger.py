"""The ledger: what each client was told about each of its payments.

One row an attempt. The outcomes are those of Jepsen: `ok` is acknowledged, `fail` certainly did not happen,
`indeterminate` may or may not have happened, and `rejected` was refused by the API (a 4xx, or the 503 of a
fence, which says that nothing was stored). An attempt is never counted as another outcome than the one the
client could know.

What a client is about to send is written down before it is sent, and what it was told as soon as it is told
(`ledger.jsonl`, a line each). So a kernel that is killed leaves no payment that nobody knows of: an attempt
without an end is `indeterminate`, and no idempotency key is used twice.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from drlib.core import files, samples
from drlib.core.errors import StepFailed
from drlib.core.redaction import mask
from drlib.core.samples import Stamp

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")
Outcome = Literal["ok", "fail", "indeterminate", "rejected"]
OBEYS_TTL = "obeys-ttl"
KEEPS_CONNECTION = "keeps-connection"
PINS_DNS = "pins-dns"
BEHIND_RESOLVER = "behind-caching-resolver"
COHORTS = (OBEYS_TTL, KEEPS_CONNECTION, BEHIND_RESOLVER, PINS_DNS)
"""In the order in which every table and figure shows them, whoever happened to pay first."""
FILE = "ledger.parquet"
LOG = "ledger.jsonl"
UNHEARD = "the client ended before it was answered"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One payment, tried once.

    `started_at` and `finished_at` are modelled seconds since the epoch. `region` is the region that answered,
    and empty when none did. `status` is the HTTP status, and 0 without one. `seq` counts the starts of a run.
    """

    seq: int
    cohort: str
    client: int
    idempotency_key: str
    payment_id: str
    amount_minor: int
    started_at: float
    finished_at: float
    outcome: Outcome
    status: int
    error: str
    region: str
    address: str

    @property
    def name(self) -> str:
        """The payment's id, or its idempotency key where no id was ever given."""
        return self.payment_id or f"key {self.idempotency_key}"


TYPES: dict[str, type] = {
    field.name: {"int": int, "float": float}.get(str(field.type), str) for field in fields(Attempt)
}


class Ledger:
    """All attempts of a run, in the order in which they were started. Safe to use from several threads.

    Args:
        attempts: those that are known already.
        log: the file that `begin` and `close` write a line to; none by default.
        stamp: where the attempts were made, and by which clock.
    """

    def __init__(
        self, attempts: Iterable[Attempt] = (), *, log: Path | None = None, stamp: Stamp | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._attempts = {attempt.seq: attempt for attempt in attempts}
        self._open: dict[int, str] = {}
        self._next_seq = max(self._attempts, default=0) + 1
        self._log = log
        self._stamp = stamp or Stamp()

    def open(self, cohort: str) -> int:
        """Note that a client of `cohort` starts an attempt, and return the attempt's number."""
        with self._lock:
            seq = self._next_seq
            self._next_seq += 1
            self._open[seq] = cohort
            return seq

    def begin(self, attempt: Attempt) -> None:
        """Write down an attempt that is about to be sent: what it counts as if its end is never heard of."""
        with self._lock:
            self._write(attempt)

    def close(self, attempt: Attempt) -> None:
        """Note how the attempt with this number ended."""
        attempt = replace(attempt, error=mask(attempt.error)) if attempt.error else attempt
        with self._lock:
            self._write(attempt)
            self._open.pop(attempt.seq, None)
            self._attempts[attempt.seq] = attempt

    def attempts(self, cohort: str | None = None, *, since: float = 0.0) -> list[Attempt]:
        """Attempts that finished at or after the instant `since`, in start order; of one cohort or of all."""
        with self._lock:
            rows = sorted(self._attempts.items())
        return [row for _, row in rows if row.finished_at >= since and cohort in (None, row.cohort)]

    def decided(self, cohort: str, *, since: float = 0.0) -> list[Attempt]:
        """Like `attempts`, but only up to the first one in start order whose end is not known yet."""
        with self._lock:
            pending = min((seq for seq, name in self._open.items() if name == cohort), default=None)
        rows = self.attempts(cohort, since=since)
        return rows if pending is None else [row for row in rows if row.seq < pending]

    def picture(self, *, since: float = 0.0) -> tuple[list[Attempt], tuple[int, ...]]:
        """Return `attempts`, and at the same instant the numbers of those whose end is not known yet."""
        with self._lock:
            rows = [row for _, row in sorted(self._attempts.items()) if row.finished_at >= since]
            return rows, tuple(sorted(self._open))

    def __len__(self) -> int:
        return len(self._attempts)

    def frame(self) -> pd.DataFrame:
        """Return the rows as a data frame: one column for each field of `Attempt`."""
        import pandas as pd

        names = [field.name for field in fields(Attempt)]
        return pd.DataFrame([asdict(row) for row in self.attempts()], columns=names)

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the outcomes of each cohort: cohort -> outcome -> attempts."""
        table: dict[str, dict[str, int]] = {}
        for row in self.attempts():
            outcomes = table.setdefault(row.cohort, {"ok": 0, "fail": 0, "indeterminate": 0, "rejected": 0})
            outcomes[row.outcome] += 1
        return in_order(table)

    def save(self, folder: Path) -> Path:
        """Write `ledger.parquet` into the folder, in one step, so that a reader never sees half of it."""
        rows = self.attempts()
        columns = {field.name: [getattr(row, field.name) for row in rows] for field in fields(Attempt)}
        return samples.write(folder / FILE, columns, TYPES, stamp=self._stamp)

    def seal(self, folder: Path) -> Path:
        """Write `ledger.parquet`, and take the log away: the table has all that it has."""
        file = self.save(folder)
        (folder / LOG).unlink(missing_ok=True)
        return file

    def _write(self, attempt: Attempt) -> None:
        """Append a line in one go: what was written outlives this process, however it ends."""
        if self._log is None:
            return
        line = json.dumps(asdict(attempt)).encode() + b"\n"
        with files.plain(self._log):
            files.append(self._log, line, sync=False)

    @classmethod
    def load(cls, folder: Path) -> Ledger:
        """Read a run's ledger again. Raises StepFailed when the run has none."""
        if not (folder / FILE).exists() and not (folder / LOG).exists():
            raise StepFailed(
                f"The run {folder.name} has no ledger.",
                remedy="Run 30-drill-failover first: it sends the payments that the ledger is about.",
            )
        return cls(_stored(folder))

    @classmethod
    def reopen(cls, folder: Path, stamp: Stamp | None = None) -> Ledger:
        """Read a run's ledger to go on writing to it, or start an empty one."""
        return cls(_stored(folder), log=folder / LOG, stamp=stamp)


def in_order(by_cohort: Mapping[str, T]) -> dict[str, T]:
    """Return what is known of each cohort, in the order of `COHORTS`; others follow by name."""
    places = {name: place for place, name in enumerate(COHORTS)}
    return {
        name: by_cohort[name] for name in sorted(by_cohort, key=lambda it: (places.get(it, len(places)), it))
    }


def _stored(folder: Path) -> Iterator[Attempt]:
    """Yield the attempts of a run: those of its table, then those of its log, of which the later line counts.

    A line that was cut off by the end of its process had not been sent yet, or is known from the line before.
    """
    if (folder / FILE).exists():
        yield from table(samples.read(folder / FILE))
    if (folder / LOG).exists():
        for line in (folder / LOG).read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield Attempt(**json.loads(line))


def table(kept: samples.Table) -> list[Attempt]:
    """Return the attempts of a ledger's table."""
    return [Attempt(*row) for row in kept.rows(*TYPES)]
