"""Which function makes a call, and whether the call gets out of the function's VPC.

A session's key tells the function that it was made for, the function's configuration where it is, and
`drlib.sandbox.services.vpc.reachability` whether the service can be reached from there. A verdict is kept
until somebody changes EC2's or Lambda's configuration. A call that finds no way waits until the caller gives
up, or until the function has run out of time.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.lambda_.timeouts import Overtime
from drlib.sandbox.services.vpc import endpoint_policies, endpoints, security_groups
from drlib.sandbox.services.vpc.reachability import Ec2, Place, Way, way
from drlib.sandbox.world import ACCOUNT_ID, World

SESSION_PREFIX = "ASIA"
"""What the keys of sessions begin with; functions run under sessions of their roles."""

CONFIGURING = frozenset({"ec2", "lambda"})
"""Services whose calls may change who reaches what."""

GATEWAY_SERVICES = ("dynamodb", "s3")
log = logging.getLogger("drlib.sandbox")


class Reach:
    """Decides for each call of a function. Its methods run in the loop.

    Args:
        world: its clock times the waits, and its log names the calls that got nowhere.
        global_services: services with one API for all regions.
    """

    def __init__(self, world: World, global_services: frozenset[str]) -> None:
        self._world = world
        self._global_services = global_services
        self._overtime = Overtime(world.clock)
        self._owners: dict[str, str] = {}
        self._ways: dict[tuple[str, str, str], Way] = {}
        self._ec2 = emulator.module("services.ec2")
        self._functions = emulator.module("services.lambda_svc")
        self._list_id = internals.function(self._ec2, "_aws_pl_id_from_name", "prefix_name")
        self._list_range = internals.function(self._ec2, "_aws_prefix_list_to_cidr", "prefix_name", "ipv6")
        self._watch_sessions()
        endpoints.apply()
        security_groups.apply()
        endpoint_policies.apply()

    def _watch_sessions(self) -> None:
        """Note whose session each key is, when the emulator makes it."""
        runtime = emulator.module("core.lambda_runtime")
        make = internals.function(runtime, "execution_credentials", "config")

        def noting(config: dict[str, Any]) -> dict[str, str]:
            made: dict[str, str] = make(config)
            self._owners[made["AWS_ACCESS_KEY_ID"]] = config["FunctionArn"]
            return made

        emulator.replace(runtime, "execution_credentials", noting)

    def way(self, key: str, region: str, service: str) -> Way:
        """Return the way of the caller with this key to a service's API in a region."""
        found = self._ways.get((key, region, service))
        if found is None:
            owner = self._owners.get(key)
            found = self._way(owner, region, service) if owner else Way()
            self._ways[key, region, service] = found
        return found

    def forget(self) -> None:
        """Judge anew from now on: something was configured."""
        self._ways.clear()

    async def wait(self, key: str, region: str, service: str, port: int, gone: asyncio.Future[Any]) -> None:
        """Wait until the caller is gone, or until its function's time is up, which ends it.

        Args:
            key: of the call, which finds no way.
            region: whose API it is for.
            service: whose API it is for.
            port: the caller's TCP port.
            gone: done when the caller has given up.
        """
        name, why = _name(self._owners[key]), self.way(key, region, service).obstacle
        self._world.events.add("unreachable", function=name, service=service, region=region, why=why)
        invocation = await asyncio.to_thread(self._overtime.calling_from, port)
        began = time.monotonic()
        limit = invocation.wall_seconds_left if invocation else None
        await asyncio.wait({gone}, timeout=limit)
        if invocation is None:
            return
        invocation.has_waited(time.monotonic() - began)
        if not gone.done():
            invocation.end()

    def _way(self, owner: str, region: str, service: str) -> Way:
        home, name = owner.split(":")[3], _name(owner)
        function = self._functions._functions.get_scoped(ACCOUNT_ID, home, name) or {}
        vpc = function.get("config", {}).get("VpcConfig") or {}
        if not vpc.get("SubnetIds"):
            return Way()
        place = Place(home, tuple(vpc["SubnetIds"]), tuple(vpc.get("SecurityGroupIds", ())))
        is_global = service in self._global_services and service != "sts"
        found = way(self._state(home), place, service=service, region=region, is_global=is_global)
        if found.obstacle:
            log.warning("%s cannot reach %s in %s: %s", name, service, region, found.obstacle)
        return found

    def _state(self, region: str) -> Ec2:
        def records(store: str) -> dict[str, Any]:
            return dict(getattr(self._ec2, store).items_scoped(ACCOUNT_ID, region))

        names = {service: f"com.amazonaws.{region}.{service}" for service in GATEWAY_SERVICES}
        return Ec2(
            vpcs=records("_vpcs"),
            subnets=records("_subnets"),
            route_tables=records("_route_tables"),
            endpoints=records("_vpc_endpoints"),
            groups=records("_security_groups"),
            nat_gateways=records("_nat_gateways"),
            internet_gateways=records("_internet_gateways"),
            prefix_lists={
                service: (self._list_id(name), self._list_range(name)) for service, name in names.items()
            },
        )


def _name(function_arn: str) -> str:
    return function_arn.split(":")[6]
