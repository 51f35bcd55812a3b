"""Egress from VPCs: which function makes a call, and whether the call can leave the function's VPC.

The access key of a call identifies its function, and the function's configuration its subnets and security
groups. `drlib.sandbox.services.vpc.reachability` then finds the network path to the service. Paths are cached
until the configuration of EC2 or Lambda changes. A call without a path waits until the caller gives up or the
function times out.
"""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.lambda_.timeouts import RunningInvocations
from drlib.sandbox.services.vpc import endpoint_policies, security_groups
from drlib.sandbox.services.vpc.endpoints import Endpoints
from drlib.sandbox.services.vpc.reachability import Ec2State, FunctionNetwork, NetworkPath, find_path
from drlib.sandbox.world import ACCOUNT_ID, World

SESSION_PREFIX = "ASIA"
"""Prefix of the access keys of sessions; a function runs in a session of its role."""

CONFIGURATION_SERVICES = frozenset({"ec2", "lambda"})
"""Services whose calls can change network paths."""

GATEWAY_SERVICES = ("dynamodb", "s3")
log = logging.getLogger("drlib.sandbox")


class VpcEgress:
    """Decides for each call of a function whether it leaves the VPC. Its methods run in the event loop.

    Args:
        world: its clock times the waits, and its event log gets the calls without a path.
        global_services: services that have one API for all regions.
    """

    def __init__(self, world: World, global_services: frozenset[str]) -> None:
        self._world = world
        self._global_services = global_services
        self._invocations = RunningInvocations(world.clock)
        self._function_arns: dict[str, str] = {}
        self._paths: dict[tuple[str, str, str], NetworkPath] = {}
        self._ec2 = emulator.module("services.ec2")
        self._lambda = emulator.module("services.lambda_svc")
        self._list_id = internals.function(self._ec2, "_aws_pl_id_from_name", "prefix_name")
        self._list_range = internals.function(self._ec2, "_aws_prefix_list_to_cidr", "prefix_name", "ipv6")
        self._watch_sessions()
        Endpoints()
        security_groups.apply()
        endpoint_policies.apply()

    def _watch_sessions(self) -> None:
        """Record the function of each access key when the emulator creates the key."""
        runtime = emulator.module("core.lambda_runtime")
        make = internals.function(runtime, "execution_credentials", "config")

        def make_and_record(config: dict[str, Any]) -> dict[str, str]:
            made: dict[str, str] = make(config)
            self._function_arns[made["AWS_ACCESS_KEY_ID"]] = config["FunctionArn"]
            return made

        emulator.replace(runtime, "execution_credentials", make_and_record)

    def path(self, key: str, region: str, service: str) -> NetworkPath:
        """Return the network path from the caller with this key to a service's API in a region."""
        found = self._paths.get((key, region, service))
        if found is None:
            function_arn = self._function_arns.get(key)
            found = self._find_path(function_arn, region, service) if function_arn else NetworkPath()
            self._paths[key, region, service] = found
        return found

    def clear_cache(self) -> None:
        """Forget all paths, because the configuration changed."""
        self._paths.clear()

    async def hang(self, key: str, region: str, service: str, port: int, gone: asyncio.Future[Any]) -> None:
        """Wait until the caller gives up, or until its function times out; then kill the function.

        Args:
            key: the access key of the call, which has no path.
            region: the region of the API.
            service: the service of the API.
            port: the caller's TCP port.
            gone: done when the caller gives up.
        """
        name, why = _name(self._function_arns[key]), self.path(key, region, service).blocked_by
        self._world.events.add("unreachable", function=name, service=service, region=region, why=why)
        invocation = await asyncio.to_thread(self._invocations.by_local_port, port)
        began = time.monotonic()
        limit = invocation.wall_seconds_left if invocation else None
        await asyncio.wait({gone}, timeout=limit)
        if invocation is None:
            return
        invocation.add_wait(time.monotonic() - began)
        if not gone.done():
            invocation.kill()

    def _find_path(self, function_arn: str, region: str, service: str) -> NetworkPath:
        function_region, name = function_arn.split(":")[3], _name(function_arn)
        function = self._lambda._functions.get_scoped(ACCOUNT_ID, function_region, name) or {}
        vpc = function.get("config", {}).get("VpcConfig") or {}
        if not vpc.get("SubnetIds"):
            return NetworkPath()
        network = FunctionNetwork(
            function_region, tuple(vpc["SubnetIds"]), tuple(vpc.get("SecurityGroupIds", ()))
        )
        is_global = service in self._global_services and service != "sts"
        found = find_path(
            self._state(function_region), network, service=service, region=region, is_global=is_global
        )
        if found.blocked_by:
            log.warning("%s cannot reach %s in %s: %s", name, service, region, found.blocked_by)
        return found

    def _state(self, region: str) -> Ec2State:
        def records(store: str) -> dict[str, Any]:
            return dict(getattr(self._ec2, store).items_scoped(ACCOUNT_ID, region))

        names = {service: f"com.amazonaws.{region}.{service}" for service in GATEWAY_SERVICES}
        return Ec2State(
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
