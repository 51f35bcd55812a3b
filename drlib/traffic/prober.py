"""The payment prober: cohorts of clients that pay at a steady pace, and note what each was told.

Clients of the cohort `obeys-ttl` resolve the public name, use the answer for its TTL and not longer, and open
a connection for each payment. Those of `keeps-connection` keep one connection while it lives. Each payment is
tried once, under its own idempotency key: a retry would hide what the first attempt did.

Payments come at their pace, whatever became of those before: a client does not wait for a hanging attempt
before it makes the next one, or an outage would thin out the very attempts that measure it. The one exception
is a kept connection, which carries one payment at a time. Everything runs in threads of its own, and touches
no event loop of a notebook.
"""

from __future__ import annotations

import math
import os
import threading
import zlib
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from drlib.errors import DrError, StepFailed
from drlib.ledger import KEEPS_CONNECTION, OBEYS_TTL, Attempt, Ledger, Outcome
from drlib.pace import Beat, beats
from drlib.wire import Connection, MaybeSent, NotSent, Reply, patience

if TYPE_CHECKING:
    from drlib.deployment import Deployment
    from drlib.journal import Run
    from drlib.target import Target

ATTEMPT_TIMEOUT_SECONDS = 5.0  # modelled, and at least two wall seconds
FLUSH_WALL_SECONDS = 5.0
TOKEN_VARIABLE = "DRLIB_PAYMENTS_TOKEN"  # noqa: S105 - the name of a variable, not a token


@dataclass
class Client:
    """One paying client: its pace, its DNS cache and, if it keeps one, its connection."""

    cohort: str
    number: int
    beat: Beat
    address: str = ""
    expires_at: float = 0.0
    connection: Connection | None = None

    def is_stale(self, slot: float) -> bool:
        """Whether the cached answer ends before the attempt at `slot` is half a beat old.

        An answer is never used beyond its TTL. Renewing it at the nearest attempt, and not at the first one
        after it has ended, makes the period of renewal a known whole number of attempts.
        """
        return not self.address or slot >= self.expires_at - self.beat.interval_seconds / 2


@dataclass
class Begun:
    """A payment under way."""

    seq: int
    client: Client
    key: str
    amount_minor: int
    started_at: float
    address: str = ""


class Prober:
    """Clients at work. Stop it with `stop()`, or use it as a context manager."""

    def __init__(self, here: Target, deployment: Deployment, run: Run) -> None:
        self.here = here
        self.clock = here.clock
        self.deployment = deployment
        self.ledger = Ledger.reopen(run.folder)
        self.folder = run.folder
        self.run_id = run.run_id
        self.started_at = 0.0
        self._tls = here.ssl_context()
        self._stop = threading.Event()
        self._broken: BaseException | None = None
        self.clients = self._clients()
        self._pool = ThreadPoolExecutor(self._most_at_once(), thread_name_prefix="payment")
        self._threads = [
            threading.Thread(target=self._work, args=(client,), name=f"payer-{number}", daemon=True)
            for number, client in enumerate(self.clients)
        ]
        self._threads.append(threading.Thread(target=self._flush, name="payer-ledger", daemon=True))

    @property
    def cohorts(self) -> list[str]:
        return list(dict.fromkeys(client.cohort for client in self.clients))

    @property
    def running(self) -> bool:
        return not self._stop.is_set()

    def start(self) -> Prober:
        # Loaded now: the first import takes a second of computing, which would stretch a measured one.
        import pyarrow.parquet  # noqa: F401

        self.started_at = self.clock.now()
        for client in self.clients:
            client.expires_at = self.started_at + client.beat.first_renewal_seconds
        for thread in self._threads:
            thread.start()
        return self

    def __str__(self) -> str:
        counted = Counter(client.cohort for client in self.clients)
        return "Paying: " + ", ".join(f"{number} clients of {cohort}" for cohort, number in counted.items())

    def __repr__(self) -> str:
        return str(self)

    def stop(self) -> Ledger:
        """Let the attempts under way end, write the ledger, and return it. May be called again."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._pool.shutdown()
        self.ledger.save(self.folder)
        return self.ledger

    def __enter__(self) -> Prober:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def require_running(self) -> None:
        """Raise StepFailed when the prober was stopped, or when a client died of a mistake of ours."""
        if self._broken is not None:
            raise StepFailed(
                f"A client of the prober broke: {type(self._broken).__name__}.",
                remedy="Restart the kernel and run the runbook from its first cell.",
            ) from self._broken
        if not self.running:
            raise StepFailed(
                "The prober has been stopped.",
                remedy="Start it again with the cell that calls traffic.start.",
            )

    def _clients(self) -> list[Client]:
        """Make the clients, their caches primed by one answer; `start` says when it ends for each."""
        settings = self.here.settings
        interval = settings.attempt_interval_seconds
        answer = self.here.resolve(self.deployment.public_name)
        ttl = answer.ttl_wall_seconds * self.clock.scale
        obeying = beats(settings.ttl_clients, interval_seconds=interval, ttl_seconds=ttl)
        keeping = beats(settings.keepalive_clients, interval_seconds=interval, ttl_seconds=ttl)
        clients = [Client(OBEYS_TTL, number, beat) for number, beat in enumerate(obeying)]
        clients += [Client(KEEPS_CONNECTION, number, beat.shifted()) for number, beat in enumerate(keeping)]
        for client in clients:
            client.address = answer.address
        return clients

    def _most_at_once(self) -> int:
        """How many attempts can be under way, if all of them hang."""
        interval = self.here.settings.attempt_interval_seconds
        each = math.ceil(patience(self.clock, ATTEMPT_TIMEOUT_SECONDS) / interval) + 1
        return max(1, each * sum(client.cohort == OBEYS_TTL for client in self.clients))

    def _work(self, client: Client) -> None:
        try:
            while not self._stop.wait(self._wall_seconds_until(slot := self._next_slot(client))):
                self._attempt(client, slot)
        except Exception as error:  # noqa: BLE001 - kept, and raised where someone looks
            self._fail(error)
        finally:
            if client.connection is not None:
                client.connection.close()

    def _fail(self, error: BaseException) -> None:
        self._broken = error
        self._stop.set()

    def _next_slot(self, client: Client) -> float:
        return self.started_at + client.beat.next_after(self.clock.now() - self.started_at)

    def _wall_seconds_until(self, instant: float) -> float:
        return max(0.0, self.clock.wall_seconds(instant - self.clock.now()))

    def _attempt(self, client: Client, slot: float) -> None:
        """Begin a payment; one over a kept connection also ends here."""
        seq = self.ledger.open(client.cohort)
        begun = Begun(
            seq=seq,
            client=client,
            key=f"{self.run_id}-{seq:06d}",
            amount_minor=amount_minor(self.here.settings.seed, seq),
            started_at=self.clock.now(),
        )
        try:
            connection = self._connection(client, slot)
        except NotSent as how:
            self._note(begun, Reply(0), "fail", str(how))
            return
        begun.address = client.address
        if client.cohort == KEEPS_CONNECTION:
            self._pay(begun, connection, keep=True)
        else:
            self._pool.submit(self._pay, begun, connection).add_done_callback(self._look_at)

    def _look_at(self, done: Future[None]) -> None:
        error = done.exception()
        if error is not None:
            self._fail(error)

    def _connection(self, client: Client, slot: float) -> Connection:
        """Return the client's own connection if it keeps one that lives, else a new one, not yet opened."""
        if client.connection is not None:
            if client.connection.usable:
                return client.connection
            client.connection.close()
        if client.is_stale(slot):
            try:
                answer = self.here.resolve(self.deployment.public_name)
            except DrError as error:
                raise NotSent("no DNS answer") from error
            client.address = answer.address
            # Counted from when the attempt was due: never too long, and the same on a slow machine.
            client.expires_at = slot + answer.ttl_wall_seconds * self.clock.scale
        connection = Connection(
            self.deployment.public_name,
            to=self.here.connect_to(client.address),
            context=self._tls,
            clock=self.clock,
            timeout_seconds=patience(self.clock, ATTEMPT_TIMEOUT_SECONDS),
        )
        client.connection = connection if client.cohort == KEEPS_CONNECTION else None
        return connection

    def _pay(self, begun: Begun, connection: Connection, *, keep: bool = False) -> None:
        body = {"amount_minor": begun.amount_minor, "currency": "EUR", "reference": f"drill {begun.key}"}
        headers = {"Idempotency-Key": begun.key, **authorization()}
        outcome: Outcome = "fail"
        reply, error = Reply(0), ""
        try:
            reply = connection.call("POST", "/payments", body=body, headers=headers)
            outcome, error = judge(reply)
        except NotSent as how:
            error = str(how)
        except MaybeSent as how:
            outcome, error = "indeterminate", str(how)
        finally:
            if not keep:
                connection.close()
        self._note(begun, reply, outcome, error)

    def _note(self, begun: Begun, reply: Reply, outcome: Outcome, error: str) -> None:
        known = reply.body if outcome == "ok" else {}
        self.ledger.close(
            Attempt(
                seq=begun.seq,
                cohort=begun.client.cohort,
                client=begun.client.number,
                idempotency_key=begun.key,
                payment_id=str(known.get("payment_id", "")),
                amount_minor=begun.amount_minor,
                started_at=begun.started_at,
                finished_at=self.clock.now(),
                outcome=outcome,
                status=reply.status,
                error=error,
                region=str(known.get("region", "")),
                address=begun.address,
            )
        )

    def _flush(self) -> None:
        """Write the ledger now and then, so that a killed kernel loses little of it."""
        written = 0
        while not self._stop.wait(FLUSH_WALL_SECONDS):
            if len(self.ledger) != written:
                written = len(self.ledger)
                self.ledger.save(self.folder)


def start(here: Target, deployment: Deployment, run: Run) -> Prober:
    """Start the clients that `here.settings` asks for; they write `ledger.parquet` into the run's folder.

    A run that has a ledger already goes on with it. Raises StepFailed when the public name has no answer.
    """
    return Prober(here, deployment, run).start()


def judge(reply: Reply) -> tuple[Outcome, str]:
    """Say which outcome an answer means to the client, and why if it is not `ok`."""
    if reply.status in (200, 201):
        if reply.body.get("payment_id") and reply.body.get("region"):
            return "ok", ""
        return "indeterminate", f"{reply.status} without a payment id and a region"
    if reply.status == 503 and reply.body.get("fenced"):
        return "rejected", "503 fenced"  # the API's promise: nothing was stored
    if 400 <= reply.status < 500:
        return (
            "rejected",
            f"{reply.status} {reply.body.get('message') or reply.body.get('error') or ''}".strip(),
        )
    return "indeterminate", f"{reply.status}"


def amount_minor(seed: int, seq: int) -> int:
    """Return the amount of a payment, 1.00 to 999.99: always the same for one seed and number."""
    return 100 + zlib.crc32(f"{seed}/{seq}".encode()) % 99_900


def authorization() -> dict[str, str]:
    """Return the header with the bearer token that the environment holds; empty when it holds none."""
    token = os.environ.get(TOKEN_VARIABLE, "")
    return {"Authorization": f"Bearer {token}"} if token else {}
