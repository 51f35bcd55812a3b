"""What the engine is told when things are refused, fail, are half done, or are gone."""

from __future__ import annotations

import grpc
import pytest
from botocore.exceptions import ClientError
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto import status_pb2

from drlib.sandbox.process.state import Status
from drlib.sandbox.provider import serve
from drlib.sandbox.provider.clients import Clients
from drlib.sandbox.provider.values import UNKNOWN, to_python

from .engine import PRIMARY, STANDBY, Engine, fails
from .examples import EXAMPLES
from .examples.parts import bucket, queue, role

QUEUE = "aws:sqs/queue:Queue"
TABLE = "aws:dynamodb/table:Table"
BUCKET = "aws:s3/bucket:Bucket"
GROUP = "aws:cloudwatch/logGroup:LogGroup"


def test_what_is_not_understood_is_refused_with_its_path(engine: Engine) -> None:
    failures = engine.check(
        "aws:lambda/function:Function",
        {
            "region": PRIMARY,
            "name": "f",
            "role": UNKNOWN,
            "runtime": "python3.13",
            "handler": "h",
            "code": {},
            "vpcConfig": {"subnetIds": [UNKNOWN], "nonsense": 1},
            "imageUri": "x",
        },
    )
    assert [path for path, _ in failures] == ["imageUri", "vpcConfig.nonsense"]
    assert all("is not supported by the sandbox" in reason for _, reason in failures)


def test_nested_inputs_of_spelt_out_types_are_checked_too(engine: Engine) -> None:
    inputs = {
        **EXAMPLES[TABLE].inputs(engine),
        "replicas": [{"regionName": STANDBY, "consistencyMode": "STRONG"}],
    }
    assert [path for path, _ in engine.check(TABLE, inputs)] == ["replicas.consistencyMode"]


def test_a_missing_name_and_a_missing_region_are_refused(engine: Engine) -> None:
    assert engine.check(QUEUE, {}) == [
        ("name", "is missing; the sandbox does not make names up"),
        ("region", "is missing, and the stack sets no aws:region"),
    ]


def test_the_region_of_the_stack_stands_in(sandbox: Status) -> None:
    from pulumi.runtime.proto import provider_pb2_grpc as protocol

    with serve(sandbox.aws_endpoint) as server, grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = protocol.ResourceProviderStub(channel)
        stub.Configure(messages.ConfigureRequest(variables={"aws:config:region": STANDBY}))
        answer = stub.Check(messages.CheckRequest(type=QUEUE, news=None))
        assert to_python(answer.inputs) == {"region": STANDBY}
        assert [failure.property for failure in answer.failures] == ["name"]


@pytest.mark.parametrize("act", ["check", "create", "read", "delete"])
def test_an_unknown_type_is_unimplemented(engine: Engine, act: str) -> None:
    name = "aws:kms/key:Key"
    acts = {
        "check": lambda: engine.check(name, {}),
        "create": lambda: engine.create(name, {}),
        "read": lambda: engine.read(name, "id", {}, {}),
        "delete": lambda: engine.delete(name, "id", {}),
    }
    error = fails(acts[act])
    assert error.code() == grpc.StatusCode.UNIMPLEMENTED
    assert error.details() == "the sandbox has no aws:kms/key:Key"


def test_an_error_of_aws_is_one_line_with_operation_and_region(engine: Engine) -> None:
    error = fails(
        lambda: engine.create(
            "aws:lambda/eventSourceMapping:EventSourceMapping",
            {
                "region": STANDBY,
                "functionName": "nobody",
                "eventSourceArn": f"arn:aws:sqs:{STANDBY}:000000000000:x",
            },
        )
    )
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert error.details().startswith("ResourceNotFoundException: ")
    assert error.details().endswith(f" (CreateEventSourceMapping in {STANDBY})")
    assert "\n" not in error.details()


def test_what_boto3_refuses_is_one_line_too(engine: Engine) -> None:
    error = fails(lambda: engine.create(GROUP, {"region": PRIMARY, "name": ""}))
    assert error.details().startswith(
        "Parameter validation failed: Invalid length for parameter logGroupName"
    )
    assert "\n" not in error.details()


def test_a_half_made_resource_is_kept_and_an_update_completes_it(engine: Engine, clients: Clients) -> None:
    inputs = EXAMPLES[TABLE].inputs(engine)
    in_the_way = {key: inputs[key] for key in ("name", "hashKey", "rangeKey", "attributes", "billingMode")}
    blocker = engine.create(TABLE, {**in_the_way, "region": STANDBY})
    error = fails(lambda: engine.create(TABLE, inputs))
    assert error.details().startswith("ValidationException: ")

    status = status_pb2.Status()
    status.ParseFromString(dict(error.trailing_metadata())["grpc-status-details-bin"])
    kept = messages.ErrorResourceInitFailed()
    assert status.details[0].Unpack(kept)
    assert kept.id == inputs["name"]
    assert list(kept.reasons) == [error.details()]
    assert to_python(kept.inputs) == inputs

    engine.delete(TABLE, *blocker)
    engine.made.clear()
    state = engine.update(TABLE, kept.id, to_python(kept.properties), inputs, inputs)
    engine.made.append((TABLE, kept.id, state))
    found = engine.read(TABLE, kept.id, state, inputs)
    assert found is not None
    assert engine.diff(TABLE, found[0], inputs).is_same
    assert [one["regionName"] for one in state["replicas"]] == [STANDBY]


def test_replicas_come_and_go_by_update(engine: Engine, clients: Clients) -> None:
    inputs = EXAMPLES[TABLE].inputs(engine)
    id, state = engine.create(TABLE, inputs)
    alone = {key: value for key, value in inputs.items() if key != "replicas"}
    state = engine.update(TABLE, id, state, inputs, alone)
    assert "replicas" not in state
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        clients.get("dynamodb", STANDBY).describe_table(TableName=id)
    state = engine.update(TABLE, id, state, alone, inputs)
    assert state["replicas"][0]["arn"].startswith(f"arn:aws:dynamodb:{STANDBY}:")


def test_what_cannot_be_taken_away_is_said(engine: Engine) -> None:
    name = "aws:lambda/function:Function"
    inputs = {**EXAMPLES[name].inputs(engine), "ephemeralStorage": {"size": 1024}}
    id, state = engine.create(name, inputs)
    news = {key: value for key, value in inputs.items() if key != "ephemeralStorage"}
    error = fails(lambda: engine.update(name, id, state, inputs, news))
    assert error.details() == (
        "the sandbox cannot take ephemeralStorage away from aws:lambda/function:Function: set it instead"
    )


def test_read_keeps_what_the_answer_lacks(engine: Engine) -> None:
    id, state = engine.create(QUEUE, {"region": PRIMARY, "name": "keeps"})
    found = engine.read(QUEUE, id, {**state, "extra": "kept"}, {"region": PRIMARY, "name": "keeps"})
    assert found is not None
    assert found[1] == {**state, "extra": "kept"}


def test_read_without_inputs_finds_them(engine: Engine) -> None:
    """An import, or a `get`."""
    inputs = {"name": "found-role", "assumeRolePolicy": "{}", "tags": {"team": "payments"}}
    role(engine, "found-role")
    found = engine.read("aws:iam/role:Role", "found-role", {}, {})
    assert found is not None
    assert set(inputs) <= set(found[0])
    assert found[1]["arn"].endswith(":role/found-role")


def test_a_queue_takes_no_notice_of_policies_that_others_set(engine: Engine) -> None:
    inputs = {"region": PRIMARY, "name": "policied"}
    id, state = engine.create(QUEUE, inputs)
    engine.create(
        "aws:sqs/queuePolicy:QueuePolicy",
        {"region": PRIMARY, "queueUrl": state["url"], "policy": '{"Version": "2012-10-17", "Statement": []}'},
    )
    found = engine.read(QUEUE, id, state, inputs)
    assert found == (inputs, state)


def test_the_same_name_in_two_regions_is_two_things(engine: Engine) -> None:
    here, there = queue(engine, "twice", PRIMARY), queue(engine, "twice", STANDBY)
    assert here["arn"].split(":")[3] == PRIMARY
    assert there["arn"].split(":")[3] == STANDBY


def test_a_new_security_group_lets_nothing_out(engine: Engine, clients: Clients) -> None:
    name = "aws:ec2/securityGroup:SecurityGroup"
    id, _ = engine.create(name, EXAMPLES[name].inputs(engine))
    groups = clients.get("ec2", PRIMARY).describe_security_groups(GroupIds=[id])["SecurityGroups"]
    assert groups[0]["IpPermissionsEgress"] == []


def test_a_deleted_topic_policy_leaves_the_default_one(engine: Engine, clients: Clients) -> None:
    name = "aws:sns/topicPolicy:TopicPolicy"
    inputs = EXAMPLES[name].inputs(engine)
    id, state = engine.create(name, inputs)
    engine.delete(name, id, state)
    attributes = clients.get("sns", PRIMARY).get_topic_attributes(TopicArn=id)["Attributes"]
    assert "__default_policy_ID" in attributes["Policy"]


def test_a_preview_makes_nothing(engine: Engine, clients: Clients) -> None:
    planned = engine.preview(BUCKET, {"region": PRIMARY, "bucket": "provider-planned"})
    assert planned == {"region": PRIMARY, "bucket": "provider-planned"}
    names = [one["Name"] for one in clients.get("s3", PRIMARY).list_buckets()["Buckets"]]
    assert "provider-planned" not in names


def test_an_update_preview_keeps_what_does_not_change(engine: Engine) -> None:
    inputs = {"region": PRIMARY, "bucket": "provider-b", "tags": {"a": "1"}}
    id, state = engine.create(BUCKET, inputs)
    planned = engine.update(
        BUCKET, id, state, inputs, {"region": PRIMARY, "bucket": "provider-b"}, preview=True
    )
    assert planned["arn"] == state["arn"]
    assert "tags" not in planned


def test_functions_of_the_provider(engine: Engine) -> None:
    assert engine.invoke("aws:index/getCallerIdentity:getCallerIdentity", {})["accountId"] == "000000000000"
    for region in (PRIMARY, STANDBY):
        zones = engine.invoke(
            "aws:index/getAvailabilityZones:getAvailabilityZones",
            {
                "region": region,
                "state": "available",
                "filters": [{"name": "opt-in-status", "values": ["opt-in-not-required"]}],
            },
        )
        assert len(zones["names"]) >= 2
        assert all(name.startswith(region) for name in zones["names"])
    assert engine.invoke("aws:index/getRegion:getRegion", {"region": STANDBY})["region"] == STANDBY
    assert engine.invoke("aws:index/getPartition:getPartition", {})["partition"] == "aws"
    id, _ = engine.create("aws:route53/zone:Zone", {"name": "asked-drill.test"})
    assert engine.invoke("aws:route53/getZone:getZone", {"name": "asked-drill.test"})["zoneId"] == id
    assert engine.invoke("aws:route53/getZone:getZone", {"zoneId": id})["name"] == "asked-drill.test"


def test_an_unknown_function_is_a_failure_with_a_reason(engine: Engine) -> None:
    answer = engine.stub.Invoke(messages.InvokeRequest(tok="aws:ec2/getAmi:getAmi"))
    assert [failure.reason for failure in answer.failures] == [
        "the sandbox has no function aws:ec2/getAmi:getAmi"
    ]


def test_a_defect_of_the_provider_is_still_one_line(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """`Delete` of an integration needs its API; without it the answer must still name the reason."""
    error = fails(
        lambda: engine.delete("aws:apigatewayv2/integration:Integration", "id", {"region": PRIMARY})
    )
    assert error.code() == grpc.StatusCode.UNKNOWN
    assert error.details() == "KeyError: 'apiId'"


def test_the_engines_greetings(engine: Engine) -> None:
    stub = engine.stub
    assert stub.GetPluginInfo(empty_pb2.Empty()).version
    stub.Handshake(messages.ProviderHandshakeRequest(engine_address="127.0.0.1:1"))
    answer = stub.Configure(messages.ConfigureRequest())
    assert answer.supportsPreview
    assert not answer.acceptSecrets
    stub.Cancel(empty_pb2.Empty())


def test_a_stopped_server_answers_no_more(sandbox: Status) -> None:
    from pulumi.runtime.proto import provider_pb2_grpc as protocol

    server = serve(sandbox.aws_endpoint)
    server.stop()
    server.stop()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        error = fails(
            lambda: protocol.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty(), timeout=5)
        )
    assert error.code() == grpc.StatusCode.UNAVAILABLE


def test_the_users_own_aws_settings_are_not_read(sandbox: Status, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:2")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "real")
    clients = Clients(sandbox.aws_endpoint, access_key="test", secret_key="test")
    assert clients.get("sts", PRIMARY).get_caller_identity()["Account"] == "000000000000"
    clients.close()


def test_a_bucket_outside_us_east_1_is_where_it_was_asked_for(engine: Engine, clients: Clients) -> None:
    made = bucket(engine, "provider-place", STANDBY)
    assert clients.get("s3", STANDBY).get_bucket_location(Bucket=made)["LocationConstraint"] == STANDBY
