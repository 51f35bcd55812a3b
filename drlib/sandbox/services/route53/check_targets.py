"""The endpoint of a health check: the address, port, name and path that its checkers use.

Source: Route 53 Developer Guide, "Values that you specify when you create or update health checks".
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from drlib.sandbox.services.route53 import checker
from drlib.sandbox.services.route53.status_board import StatusBoard
from drlib.sandbox.services.route53.zones import Resolver, region_of_api, snapshot
from drlib.sandbox.world import World


def locate(
    config: Mapping[str, Any], world: World, board: StatusBoard
) -> tuple[checker.Endpoint, str | None] | None:
    """Return the endpoint of a check and the region of its edge; None if its name does not resolve.

    The address of an edge is replaced by the local host and port of that edge, for any port of the check: DNS
    resolves AWS's names to the addresses of edges, and AWS's port is 443. Other addresses are used unchanged.
    """
    type_ = config["Type"]
    tls = type_.startswith("HTTPS")
    port = int(config.get("Port") or (443 if tls else 80))
    name, address = config.get("FullyQualifiedDomainName", ""), config.get("IPAddress", "")
    resolved = ""
    if not address:
        address = resolved = next(iter(_addresses(name, world, board)), "")
    if not address:
        return None
    region = world.region_of_address(address)
    host = name or address
    connect_host, connect_port = world.connect_to(region) if region else (address, port)
    endpoint = checker.Endpoint(
        address=connect_host,
        port=connect_port,
        tls=tls,
        server_name=host if tls and config.get("EnableSNI", True) and not _is_address(host) else "",
        host="" if type_ == "TCP" else host if port == (443 if tls else 80) else f"{host}:{port}",
        path="/" + config.get("ResourcePath", "/").lstrip("/"),
        search=config.get("SearchString", ""),
        resolved=resolved,
    )
    return endpoint, region


def _addresses(name: str, world: World, board: StatusBoard) -> list[str]:
    # Names of APIs, by far the most common, do not need the zones.
    zones = [] if region_of_api(name) else snapshot()
    return Resolver(zones, board.healthy, world.edges).addresses(name)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
