"""The payment prober: cohorts of clients that pay at a steady pace, and note what each was told.

Each payment is tried once, under its own idempotency key: a retry would hide what the first attempt did.

Payments come at their pace, whatever became of those before: a client does not wait for a hanging attempt
before it makes the next one, or an outage would thin out the very attempts that measure it. The one exception
is a kept connection, which carries one payment at a time. Everything runs in threads of its own, and touches
no event loop of a notebook.
"""

from __future__ import annotations

import math
import threading
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import TYPE_CHECKING

from drlib.core.errors import StepFailed
from drlib.core.samples import Stamp
from drlib.payments import cohorts
from drlib.payments.cohorts import Client
from drlib.payments.ledger import UNHEARD, Attempt, Ledger, Outcome
from drlib.payments.payment import PaymentRequest, amount_minor, judge
from drlib.target.https import Connection, MaybeSent, NotSent, Reply, patience

if TYPE_CHECKING:
    from drlib.deployed.deployment import Deployment
    from drlib.runs.run import Run
    from drlib.target.base import Target

ATTEMPT_TIMEOUT_SECONDS = 5.0  # modelled, and at least two wall seconds
FLUSH_WALL_SECONDS = 5.0


class Prober:
    """Clients at work. Stop it with `stop()`, or use it as a context manager."""

    def __init__(self, here: Target, deployment: Deployment, run: Run) -> None:
        self.here = here
        self.clock = here.clock
        self.deployment = deployment
        self.ledger = Ledger.reopen(run.folder, Stamp(here.origin, here.clock))
        self.folder = run.folder
        self.run_id = run.run_id
        self.runbook = run.runbook
        self.started_at = 0.0
        self._tls = here.ssl_context()
        self._stop = threading.Event()
        self._broken: BaseException | None = None
        self.clients: list[Client] = []
        self._pool = ThreadPoolExecutor(self._most_at_once(), thread_name_prefix="payment")
        self._threads: list[threading.Thread] = []

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
        if not self.here.settings.plans:  # nobody pays where nothing may change
            self.clients = cohorts.make(self.here, self.deployment.public_name, at=self.started_at)
        self._threads = [
            threading.Thread(target=self._work, args=(client,), name=f"payer-{number}", daemon=True)
            for number, client in enumerate(self.clients)
        ]
        self._threads.append(threading.Thread(target=self._flush, name="payer-ledger", daemon=True))
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
        self.ledger.seal(self.folder)
        return self.ledger

    def __enter__(self) -> Prober:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def require_running(self) -> None:
        """Raise StepFailed when the prober was stopped, or when a client died of a mistake of ours."""
        if isinstance(self._broken, StepFailed):  # a full disk, most likely: it says so itself
            raise self._broken
        if self._broken is not None:
            raise StepFailed(
                f"A client of the prober broke: {type(self._broken).__name__}.",
                remedy="Restart the kernel and run the runbook from its first cell.",
            ) from self._broken
        if not self.running:
            raise StepFailed(
                "The prober has been stopped.",
                remedy="Start it again with the cell that calls probing.start.",
            )

    def _most_at_once(self) -> int:
        """How many attempts can be under way, if all of them hang."""
        settings = self.here.settings
        each = math.ceil(patience(self.clock, ATTEMPT_TIMEOUT_SECONDS) / settings.attempt_interval_seconds)
        return (each + 1) * (settings.ttl_clients + settings.pinned_clients + settings.cached_clients)

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
        payment = PaymentRequest(
            seq=seq,
            client=client,
            key=f"{self.run_id}-{seq:06d}",
            amount_minor=amount_minor(self.here.settings.seed, seq),
            started_at=self.clock.now(),
        )
        try:
            connection = self._connection(payment, slot)
        except NotSent as how:
            self._note(payment, Reply(0), "fail", str(how))
            return
        self.ledger.begin(self._as_attempt(payment, Reply(0), "indeterminate", UNHEARD))
        if client.keeps_connection:
            self._pay(payment, connection)
        else:
            self._pool.submit(self._pay, payment, connection).add_done_callback(self._look_at)

    def _look_at(self, done: Future[None]) -> None:
        error = done.exception()
        if error is not None:
            self._fail(error)

    def _connection(self, payment: PaymentRequest, slot: float) -> Connection:
        """Return the client's own connection if it keeps one that lives, else a new one, not yet opened."""
        client = payment.client
        if client.connection is not None:
            if client.connection.usable:
                payment.address = client.address
                return client.connection
            client.connection.close()
        payment.address = client.address = client.cache.address(slot)
        connection = Connection(
            self.deployment.public_name,
            to=self.here.connect_to(payment.address),
            context=self._tls,
            clock=self.clock,
            timeout_seconds=patience(self.clock, ATTEMPT_TIMEOUT_SECONDS),
        )
        client.connection = connection if client.keeps_connection else None
        return connection

    def _pay(self, payment: PaymentRequest, connection: Connection) -> None:
        outcome: Outcome = "fail"
        reply, error = Reply(0), ""
        try:
            reply = connection.call("POST", "/payments", body=payment.body, headers=payment.headers)
            outcome, error = judge(reply)
        except NotSent as how:
            error = str(how)
        except MaybeSent as how:
            outcome, error = "indeterminate", str(how)
        finally:
            if not payment.client.keeps_connection:
                connection.close()
        self._note(payment, reply, outcome, error)

    def _note(self, payment: PaymentRequest, reply: Reply, outcome: Outcome, error: str) -> None:
        self.ledger.close(self._as_attempt(payment, reply, outcome, error))

    def _as_attempt(self, payment: PaymentRequest, reply: Reply, outcome: Outcome, error: str) -> Attempt:
        known = reply.body if outcome == "ok" else {}
        return Attempt(
            seq=payment.seq,
            cohort=payment.client.cohort,
            client=payment.client.number,
            idempotency_key=payment.key,
            payment_id=str(known.get("payment_id", "")),
            amount_minor=payment.amount_minor,
            started_at=payment.started_at,
            finished_at=self.clock.now(),
            outcome=outcome,
            status=reply.status,
            error=error,
            region=str(known.get("region", "")),
            address=payment.address,
        )

    def _flush(self) -> None:
        """Write the table now and then, for those who read it while payments go on."""
        written = 0
        while not self._stop.wait(FLUSH_WALL_SECONDS):
            if len(self.ledger) != written:
                written = len(self.ledger)
                try:
                    self.ledger.save(self.folder)
                except StepFailed as error:
                    self._fail(error)


def start(here: Target, deployment: Deployment, run: Run) -> Prober:
    """Start the clients that `here.settings` ask for; they write `ledger.parquet` into the run's folder.

    A run that has a ledger already goes on with it. Raises StepFailed when the public name has no answer.
    """
    return Prober(here, deployment, run).start()
