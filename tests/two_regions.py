"""Two regions as local HTTPS servers, and the deployment that they stand for."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trustme

from drlib.deployed.deployment import Deployment, RegionOutputs

PRIMARY, STANDBY = "us-east-2", "us-west-2"
PUBLIC_NAME = "api.pay.drill.test"
API_HOSTS = {
    region: f"api{number}.execute-api.{region}.amazonaws.com"
    for number, region in enumerate((PRIMARY, STANDBY))
}
TABLE = "pay-payments-drill"
ADDRESSES = {PRIMARY: "127.0.0.11", STANDBY: "127.0.0.12"}


class Region:
    """One region's edge: answers payments over TLS, or misbehaves as `mode` says."""

    def __init__(self, name: str, authority: trustme.CA) -> None:
        self.name = name
        self.mode = "ok"
        self.payments: dict[str, dict[str, Any]] = {}
        self.connections = 0
        self.on_payment: Callable[[str], None] | None = None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(PUBLIC_NAME, API_HOSTS[name]).configure_cert(context)
        region = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                region.connections += 1

            def do_POST(self) -> None:
                key = self.headers["Idempotency-Key"]
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if region.mode == "close":  # the request was read, and no answer comes
                    self.close_connection = True
                    return
                if region.mode in ("503", "400"):
                    self.reply(int(region.mode), {"message": "as asked"})
                    return
                self.reply(*region.accept(key, body))

            def do_GET(self) -> None:
                if self.path.startswith("/payments/"):
                    self.reply(200, {"settlements": [{"region": PRIMARY, "at": 1.0}]})
                else:
                    self.reply(503 if region.mode == "503" else 200, {"status": "ok"})

            def reply(self, status: int, body: dict[str, Any]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> tuple[Any, Any]:
                raw, where = super().get_request()
                if region.mode == "reset":
                    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    raw.close()
                    raise OSError("reset as asked")
                return context.wrap_socket(raw, server_side=True, do_handshake_on_connect=False), where

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )
        self.thread.start()

    def accept(self, key: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Take a payment as the API does: once a key, and only if the body is in order."""
        payment_id = str(uuid.uuid5(uuid.NAMESPACE_URL, key))
        answer = {"payment_id": payment_id, "status": "accepted", "region": self.name}
        strict = self.mode != "always 201"
        if strict and body.get("currency", "EUR") != "EUR":
            return 400, {"message": "no such currency", "field": "currency"}
        known = self.payments.get(key)
        if strict and known is not None:
            return (200, answer) if known == body else (422, {"message": "another body"})
        self.payments[key] = body
        if self.on_payment is not None and known is None:
            self.on_payment(payment_id)
        return 201, answer

    @property
    def where(self) -> tuple[str, int]:
        host, port = self.server.server_address[:2]
        return str(host), int(port)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def outputs(region: str, role: str) -> RegionOutputs:
    queues = {
        name: {"url": f"https://sqs.{region}/{name}", "arn": f"arn:{name}", "name": f"pay-{name}-{region}"}
        for name in ("work", "dead_letter", "undelivered")
    }
    functions = {name: f"pay-{name}-{region}" for name in ("payments", "settlement", "latch")}
    return RegionOutputs(
        role=role,
        table=TABLE,
        bucket=f"receipts-{region}",
        queues=queues,
        functions=functions,
        roles=functions,
        api_id=f"api-{region}",
        api_host=API_HOSTS[region],
        health_check_id=f"hc-{role}",
        topic_arn=f"arn:events-{region}",
        alarms=[f"alarm-{region}"],
    )


def deployed() -> Deployment:
    return Deployment(
        public_name=PUBLIC_NAME,
        url=f"https://{PUBLIC_NAME}",
        primary_region=PRIMARY,
        standby_region=STANDBY,
        zone_id="Z1",
        name_servers=[],
        table=TABLE,
        resource_count=150,
        regions={PRIMARY: outputs(PRIMARY, "primary"), STANDBY: outputs(STANDBY, "standby")},
        checks={"primary": "hc-all", "primary_endpoint": "hc-1", "standby_endpoint": "hc-2", "latch": "hc-3"},
        latch={
            "alarm_name": "latch",
            "namespace": "PaymentsDR",
            "metric_name": "FailoverRequested",
            "dimensions": {"Stack": "drill"},
            "table_key": {"pk": "LATCH", "sk": STANDBY},
        },
        check_interval_seconds=10,
        check_failure_threshold=3,
        ttl_seconds=60,
        dns_alarms=["alarm-dns"],
    )
