"""Where runbooks act: the sandbox as it is, and what aws does without an account."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from drlib import parameters, target
from drlib.core import aws_calls
from drlib.core.errors import BadParameters, PreflightFailed, SandboxError, StepFailed
from drlib.sandbox.process.state import Status
from drlib.target.sandbox import SandboxTarget
from tests.conftest import PACE

AWS = {"target": "aws", "domain_name": "pay.acme.io", "state_backend": "s3://states"}


@pytest.fixture
def place(sandbox: Status, monkeypatch: pytest.MonkeyPatch) -> SandboxTarget:
    """The shared sandbox, as a target."""
    monkeypatch.setenv("DRLIB_HOME", str(Path(sandbox.folder).parents[2]))
    opened = target.open(parameters.make(PACE))
    assert isinstance(opened, SandboxTarget)
    return opened


def status(edges: dict[str, str], folder: Path) -> Status:
    """The status of a sandbox that does not run."""
    return Status(
        aws_endpoint="http://127.0.0.1:1",
        dns="127.0.0.1:2",
        edges=edges,
        ca_file="ca.pem",
        time_scale=20.0,
        anchor=0.0,
        pid=1,
        instance_id="one",
        folder=str(folder),
        seed=1,
        replication_lag_seconds=1.0,
        idle_wall_seconds=60.0,
    )


def test_the_running_sandbox_is_attached_to_and_not_started(place: SandboxTarget) -> None:
    assert not place.started
    assert (place.name, place.origin, place.observe_interval_seconds) == ("sandbox", "simulated", 1.0)
    assert place.clock.scale == 20


def test_other_options_are_refused_by_name(place: SandboxTarget) -> None:
    with pytest.raises(SandboxError, match="seed"):
        target.open(parameters.make({**PACE, "seed": 2}))
    attached = target.open(parameters.make({**PACE, "seed": 2}), start=False)
    assert attached.instance_id == place.instance_id


def test_clients_are_made_once_and_recorded(place: SandboxTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    client = place.client("dynamodb", "us-west-2")
    assert place.client("dynamodb", "us-west-2") is client
    assert place.client("dynamodb", "us-east-2") is not client
    with aws_calls.purpose("observe"):
        client.list_tables()
    rows = [row for row in place.calls.rows() if row["purpose"] == "observe"]
    assert [(row["operation"], row["region"], row["count"]) for row in rows] == [
        ("ListTables", "us-west-2", 1)
    ]


def test_a_fault_comes_and_goes(place: SandboxTarget) -> None:
    assert place.faults() == {}
    told = place.inject("us-east-1", mode="refuse", deadline_seconds=600)
    try:
        assert told["deadline"] - told["at"] == pytest.approx(600)
        assert set(place.faults()) == {"us-east-1"}
    finally:
        place.restore("us-east-1")
    assert place.faults() == {}
    assert place.restore("us-east-1")["at"] > told["at"], "healing a whole region is no error"
    kinds = [event["kind"] for event in place.events()]
    assert kinds[-2:] == ["fault", "healed"] or "fault" in kinds


def test_a_refusal_of_the_sandbox_is_one_sentence(place: SandboxTarget) -> None:
    with pytest.raises(StepFailed, match="The sandbox refused PUT faults/us-east-1"):
        place.inject("us-east-1", mode="nonsense", deadline_seconds=600)


def test_a_region_that_the_sandbox_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="primary_region must be one of the sandbox's regions"):
        SandboxTarget(parameters.make({}), status({"us-west-2": "127.0.0.11:9"}, tmp_path))


def test_an_address_leads_to_its_edge(tmp_path: Path) -> None:
    edges = {"us-east-2": "127.0.0.11:9", "us-west-2": "127.0.0.12:9"}
    here = SandboxTarget(parameters.make({}), status(edges, tmp_path))
    assert here.connect_to("127.0.0.12") == ("127.0.0.12", 9)
    with pytest.raises(StepFailed, match=r"has the address 127\.0\.0\.13"):
        here.connect_to("127.0.0.13")


def test_with_one_loopback_address_the_order_of_regions_tells(tmp_path: Path) -> None:
    edges = {"us-east-2": "127.0.0.1:8", "us-west-2": "127.0.0.1:9"}
    here = SandboxTarget(parameters.make({}), status(edges, tmp_path))
    assert here.connect_to("127.0.0.12") == ("127.0.0.1", 9)
    for address in ("127.0.0.13", "127.0.0.10", "10.0.0.11"):
        with pytest.raises(StepFailed):
            here.connect_to(address)


def test_a_sandbox_that_does_not_answer_is_said(tmp_path: Path) -> None:
    edges = {"us-east-2": "127.0.0.11:9", "us-west-2": "127.0.0.12:9"}
    here = SandboxTarget(parameters.make({}), status(edges, tmp_path))
    with pytest.raises(StepFailed, match="The sandbox does not answer: ConnectionRefusedError"):
        here.faults()
    with pytest.raises(StepFailed, match=r"api\.pay\.drill\.test was not resolved"):
        here.resolve("api.pay.drill.test", timeout_seconds=0.2)


def test_a_deployment_to_an_earlier_sandbox_is_missed(home: Path) -> None:
    edges = {"us-east-2": "127.0.0.11:9", "us-west-2": "127.0.0.12:9"}
    old = SandboxTarget(parameters.make({}), status(edges, home / "a"))
    assert old.gone_deployment() == ""
    old.record_deployed("drill")
    assert old.gone_deployment() == ""
    new = SandboxTarget(parameters.make({}), status(edges, home / "b"))
    new.instance_id = "two"
    assert new.gone_deployment() == "The stack was deployed to an earlier sandbox, which is gone."
    other = SandboxTarget(parameters.make({"suffix": "other"}), status(edges, home / "b"))
    other.instance_id = "two"
    assert other.gone_deployment() == "", "another stack's deployment is not missed"
    new.forget_deployed()
    assert new.gone_deployment() == ""


def test_without_a_sandbox_nothing_is_started_to_look(home: Path) -> None:
    assert target.attach(parameters.make({})) is None
    with pytest.raises(SandboxError, match="No sandbox is running"):
        target.open(parameters.make({}), start=False)


def test_aws_is_live_in_real_time_and_cannot_be_broken(home: Path) -> None:
    here = target.open(parameters.make(AWS))
    assert (here.name, here.origin, here.clock.scale, here.started) == ("aws", "live", 1.0, False)
    assert here.backend_url == "s3://states"
    assert here.connect_to("192.0.2.1") == ("192.0.2.1", 443)
    assert here.ssl_context().verify_mode is ssl.CERT_REQUIRED
    assert here.faults() == {}
    for act in (
        lambda: here.inject("us-east-2", mode="refuse", deadline_seconds=1),
        here.events,
    ):
        with pytest.raises(StepFailed, match="sandbox alone"):
            act()


def test_aws_without_credentials_fails_the_preflight(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.session.Session.get_credentials", lambda _: None)
    with pytest.raises(PreflightFailed, match="No AWS credentials were found") as caught:
        target.open(parameters.make(AWS)).client("sts", "us-east-2")
    assert caught.value.exit_code == 3


def test_a_profile_that_does_not_exist_fails_the_preflight(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(PreflightFailed, match="The AWS credentials cannot be used"):
        target.open(parameters.make(AWS)).client("sts", "us-east-2")


def test_the_engine_on_aws_keeps_the_persons_own_passphrase(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    here = target.open(parameters.make(AWS))
    with here.engine() as variables:
        assert variables["PULUMI_CONFIG_PASSPHRASE"] == ""
        assert "PULUMI_DEBUG_PROVIDERS" not in variables
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    with here.engine() as variables:
        assert "PULUMI_CONFIG_PASSPHRASE" not in variables


def test_a_name_is_resolved_with_its_ttl(place: SandboxTarget) -> None:
    route53 = place.client("route53", "us-east-1")
    zone = route53.create_hosted_zone(Name="core.drill.test", CallerReference="core")["HostedZone"]["Id"]
    record = {
        "Name": "www.core.drill.test",
        "Type": "A",
        "TTL": 60,
        "ResourceRecords": [{"Value": "127.0.0.12"}, {"Value": "127.0.0.11"}],
    }

    def change(action: str) -> None:
        changes = {"Changes": [{"Action": action, "ResourceRecordSet": record}]}
        route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)

    change("CREATE")
    try:
        answer = place.resolve("www.core.drill.test")
        assert answer.addresses == ("127.0.0.11", "127.0.0.12")
        assert answer.address in answer.addresses
        assert answer.ttl_wall_seconds == 3.0, "60 modelled seconds, 20 times faster"
        with pytest.raises(StepFailed, match="has no address: NXDOMAIN"):
            place.resolve("none.core.drill.test")
    finally:
        change("DELETE")
        route53.delete_hosted_zone(Id=zone)
