"""The real Pulumi engine, with the provider in this process, on the sandbox."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi import automation

from drlib.core.clock import Clock
from drlib.core.errors import PreflightFailed
from drlib.sandbox.process.state import Status
from drlib.sandbox.provider import serve
from drlib.stack.pulumi_cli import pulumi_root

from .engine import PRIMARY, STANDBY
from .examples.base import archive, deny, trust

# Pulumi's SDK leaves coroutines unawaited when a program fails.
pytestmark = pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")


def _program(*, visibility_seconds: int = 60, replica_recovery: bool = True) -> Callable[[], None]:
    def program() -> None:
        import pulumi_aws as aws

        account = aws.get_caller_identity().account_id
        zones = aws.get_availability_zones(region=PRIMARY, state="available").names
        vpc = aws.ec2.Vpc("vpc", region=PRIMARY, cidr_block="10.80.0.0/16", enable_dns_hostnames=True)
        aws.ec2.Subnet(
            "subnet", region=PRIMARY, vpc_id=vpc.id, cidr_block="10.80.1.0/24", availability_zone=zones[0]
        )
        role = aws.iam.Role(
            "role",
            name="engine-role",
            assume_role_policy=trust("lambda.amazonaws.com"),
            tags={"team": account},
        )
        queue = aws.sqs.Queue(
            "queue", region=PRIMARY, name="engine-queue", visibility_timeout_seconds=visibility_seconds
        )
        aws.sqs.QueuePolicy(
            "policy", region=PRIMARY, queue_url=queue.url, policy=queue.arn.apply(lambda arn: deny(arn))
        )
        function = aws.lambda_.Function(
            "function",
            region=PRIMARY,
            name="engine-function",
            runtime="python3.13",
            handler="main.handler",
            code=pulumi.FileArchive(archive()),
            role=role.arn,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables={"QUEUE": queue.url}),
        )
        aws.dynamodb.Table(
            "table",
            region=PRIMARY,
            name="engine-table",
            hash_key="pk",
            billing_mode="PAY_PER_REQUEST",
            attributes=[aws.dynamodb.TableAttributeArgs(name="pk", type="S")],
            stream_enabled=True,
            replicas=[
                aws.dynamodb.TableReplicaArgs(region_name=STANDBY, point_in_time_recovery=replica_recovery)
            ],
        )
        bucket = aws.s3.Bucket("bucket", region=PRIMARY, bucket="engine-bucket", force_destroy=True)
        aws.s3.BucketVersioning(
            "versioning",
            region=PRIMARY,
            bucket=bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        )
        domain = _front_door(aws, function)
        pulumi.export("target", domain.domain_name_configuration.target_domain_name)
        pulumi.export("bucket", bucket.arn)

    return program


def _front_door(aws: Any, function: Any) -> Any:
    api = aws.apigatewayv2.Api("api", region=PRIMARY, name="engine-api", protocol_type="HTTP")
    aws.lambda_.Permission(
        "permission",
        region=PRIMARY,
        statement_id="gateway",
        action="lambda:InvokeFunction",
        function=function.name,
        principal="apigateway.amazonaws.com",
        source_arn=pulumi.Output.concat(api.execution_arn, "/*/GET/healthz"),
    )
    stage = aws.apigatewayv2.Stage("stage", region=PRIMARY, api_id=api.id, name="$default", auto_deploy=True)
    certificate = aws.acm.Certificate(
        "certificate", region=PRIMARY, domain_name="api.engine-drill.test", validation_method="DNS"
    )
    zone = aws.route53.Zone("zone", name="engine-drill.test")
    asked = certificate.domain_validation_options[0]
    proof = aws.route53.Record(
        "proof",
        zone_id=zone.zone_id,
        name=asked.resource_record_name,
        type=asked.resource_record_type,
        records=[asked.resource_record_value],
        ttl=60,
    )
    valid = aws.acm.CertificateValidation(
        "valid", region=PRIMARY, certificate_arn=certificate.arn, validation_record_fqdns=[proof.fqdn]
    )
    domain = aws.apigatewayv2.DomainName(
        "domain",
        region=PRIMARY,
        domain_name="api.engine-drill.test",
        domain_name_configuration=aws.apigatewayv2.DomainNameDomainNameConfigurationArgs(
            certificate_arn=valid.certificate_arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
        ),
    )
    aws.apigatewayv2.ApiMapping(
        "mapping", region=PRIMARY, api_id=api.id, domain_name=domain.id, stage=stage.id
    )
    return domain


@pytest.fixture
def _loops_end(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close the event loops that Pulumi's SDK leaves open, before some later test is blamed for them."""
    made: list[asyncio.SelectorEventLoop] = []
    start = asyncio.SelectorEventLoop.__init__

    def record(loop: asyncio.SelectorEventLoop, *arguments: Any) -> None:
        start(loop, *arguments)
        made.append(loop)

    monkeypatch.setattr(asyncio.SelectorEventLoop, "__init__", record)
    yield
    for loop in made:
        # A program that failed may still be ending in its thread; where that fails too, its loop stays open.
        if not Clock().wait_until(loop.is_closed, timeout=3, poll=0.05) and not loop.is_running():
            loop.close()


@pytest.fixture
def select(
    _loops_end: None, sandbox: Status, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., automation.Stack]]:
    """A stack of its own, by the arguments of its program."""
    try:
        root = pulumi_root()
    except PreflightFailed as error:
        pytest.fail(str(error))
    state = tmp_path / "state"
    state.mkdir()
    with serve(sandbox.aws_endpoint) as server:
        variables = {
            "PULUMI_DEBUG_PROVIDERS": f"aws:{server.port}",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "PULUMI_HOME": str(tmp_path / "home"),
            "PULUMI_CONFIG_PASSPHRASE": "none",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }

        # The workspaces of the Automation API are left where temporary folders are made.
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

        def select(program: Callable[[], None]) -> automation.Stack:
            return automation.create_or_select_stack(
                "test",
                project_name="provider",
                program=program,
                opts=automation.LocalWorkspaceOptions(
                    pulumi_command=automation.PulumiCommand(root=str(root)),
                    project_settings=automation.ProjectSettings(
                        "provider", "python", backend=automation.ProjectBackend(state.as_uri())
                    ),
                    env_vars=variables,
                ),
            )

        yield select


def test_a_stack_lives_with_the_real_engine(select: Callable[..., automation.Stack]) -> None:
    stack = select(_program())
    total = stack.preview().change_summary["create"]
    up = stack.up()
    assert up.summary.resource_changes == {"create": total}
    assert up.outputs["bucket"].value == "arn:aws:s3:::engine-bucket"
    assert up.outputs["target"].value.endswith(".amazonaws.com")
    assert stack.up().summary.resource_changes == {"same": total}
    assert stack.refresh().summary.resource_changes == {"same": total}

    changed = select(_program(visibility_seconds=90, replica_recovery=False))
    plan = changed.preview()
    assert plan.change_summary == {"update": 2, "same": total - 2}
    assert changed.up().summary.resource_changes == {"update": 2, "same": total - 2}
    assert changed.preview(refresh=True).change_summary == {"same": total}
    assert changed.destroy().summary.resource_changes == {"delete": total}


def test_what_the_sandbox_cannot_do_is_an_error_at_preview(select: Callable[..., automation.Stack]) -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.sqs.Queue("queue", region=PRIMARY, name="engine-queue", name_prefix="engine")

    with pytest.raises(automation.CommandError, match="namePrefix .*is not supported by the sandbox"):
        select(program).preview()


def test_an_unknown_type_is_an_error_at_preview(select: Callable[..., automation.Stack]) -> None:
    def program() -> None:
        import pulumi_aws as aws

        aws.kms.Key("key", region=PRIMARY)

    with pytest.raises(automation.CommandError, match="the sandbox has no aws:kms/key:Key"):
        select(program).preview()
