"""Run the Pulumi program against mocks: every resource that it registers, with its inputs, and no engine."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from drlib.parameters import make

ACCOUNT = "111122223333"
FULL = {
    "primary_region": "eu-west-1",
    "standby_region": "eu-central-1",
    "suffix": "longest-name-123",
    "domain_name": "pay.acme.net",
    "target": "aws",
    "approval": "",
    "state_backend": "s3://state",
    "jwt_issuer": "https://issuer.acme.net",
    "jwt_audience": "payments",
    "alert_email": "oncall@acme.net",
}


class Planned:
    """What the program registered: `(type, name, inputs)` in order, and its outputs."""

    def __init__(self) -> None:
        self.resources: list[tuple[str, str, dict[str, Any]]] = []
        self.outputs: dict[str, Any] = {}

    def of(self, kind: str) -> dict[str, dict[str, Any]]:
        """Return the inputs of all resources of a type, such as `sqs/queue:Queue`, by name."""
        return {name: inputs for found, name, inputs in self.resources if found == f"aws:{kind}"}

    def order(self, kind: str, name: str) -> int:
        """Return the place of a resource in the order of registration."""
        return next(at for at, (t, n, _) in enumerate(self.resources) if (t, n) == (f"aws:{kind}", name))


def _mocks(planned: Planned) -> Any:
    import pulumi

    class Mocks(pulumi.runtime.Mocks):  # type: ignore[misc]
        def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
            planned.resources.append((args.typ, args.name, dict(args.inputs)))
            region = args.inputs.get("region", "")
            service = args.typ.split(":")[1].split("/")[0] if args.typ.startswith("aws:") else "none"
            called = args.inputs.get("name") or args.inputs.get("bucket") or args.name
            state = {**args.inputs, "arn": f"arn:aws:{service}:{region}:{ACCOUNT}:{called}"}
            if args.typ == "aws:s3/bucket:Bucket":
                state["arn"] = f"arn:aws:s3:::{called}"
            if args.typ == "aws:apigatewayv2/api:Api":
                state["apiEndpoint"] = f"https://api1.execute-api.{region}.amazonaws.com"
                state["executionArn"] = f"arn:aws:execute-api:{region}:{ACCOUNT}:api1"
            if args.typ == "aws:apigatewayv2/domainName:DomainName":
                made = {"targetDomainName": f"d-1.{region}", "hostedZoneId": f"Z-{region}"}
                state["domainNameConfiguration"] = {**args.inputs["domainNameConfiguration"], **made}
            if args.typ == "aws:acm/certificate:Certificate":
                proof = {
                    "resourceRecordName": "_x",
                    "resourceRecordType": "CNAME",
                    "resourceRecordValue": "_y",
                }
                state["domainValidationOptions"] = [{"domainName": args.inputs["domainName"], **proof}]
            if args.typ == "aws:route53/zone:Zone":
                state |= {"zoneId": "Z0", "nameServers": ["ns1", "ns2"]}
            state.setdefault("url", f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/{called}")
            state.setdefault("invokeArn", f"arn:aws:apigateway:{region}:lambda:path/{called}")
            state.setdefault("prefixListId", f"pl-{args.name}")
            state.setdefault("fqdn", "_x.acme.net")
            return f"{args.name}-id", state

        def call(self, args: Any) -> dict[str, Any]:
            if "getAvailabilityZones" in args.token:
                region = args.args["region"]
                return {"names": [f"{region}-zone-{n}" for n in range(1, 4)], "id": region}
            if "getCallerIdentity" in args.token:
                return {"accountId": ACCOUNT, "arn": "arn", "userId": "u", "id": ACCOUNT}
            raise AssertionError(f"the program calls {args.token}")

    return Mocks()


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


@functools.cache
def _run(options: tuple[tuple[str, Any], ...]) -> Planned:
    import pulumi

    from drlib.stack.program.program import build

    values = dict(options)
    protect = values.pop("protect_data", False)
    planned = Planned()
    asyncio.set_event_loop(_loop())  # a test that ran before in this process may have taken the thread's own
    pulumi.runtime.set_mocks(_mocks(planned), project="payments-dr", stack="test", preview=False)
    program = build(make(values), code=Path("functions.zip"), protect_data=protect)
    exports: dict[str, Any] = {}
    original = pulumi.export
    pulumi.export = lambda name, value: exports.__setitem__(name, value)

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def run() -> Any:
        program()
        return pulumi.Output.all(**exports).apply(planned.outputs.update)

    try:
        run()
    finally:
        pulumi.export = original
    return planned


@pytest.fixture(scope="session")
def plan() -> Iterator[Callable[..., Planned]]:
    """Return a planner: `plan(lambda_in_vpc=False)`; the same options give the same plan, made once."""
    yield lambda **options: _run(tuple(sorted(options.items())))
    _loop().close()


@pytest.fixture(scope="session")
def planned(plan: Callable[..., Planned]) -> Planned:
    """The default plan."""
    return plan()


@pytest.fixture(scope="session")
def full(plan: Callable[..., Planned]) -> Planned:
    """A plan with every option on, other regions and the longest suffix."""
    return plan(**FULL)
