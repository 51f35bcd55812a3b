"""What is deleted, by force or not, and what a protected or full resource says."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from drlib.sandbox.provider import s3 as buckets
from drlib.sandbox.provider.clients import Clients

from .engine import PRIMARY, STANDBY, Engine, fails
from .examples import EXAMPLES

BUCKET = "aws:s3/bucket:Bucket"
TABLE = "aws:dynamodb/table:Table"


def test_a_protected_table_keeps_its_replica_when_its_delete_is_refused(
    engine: Engine, clients: Clients
) -> None:
    inputs = {**EXAMPLES[TABLE].inputs(engine), "deletionProtectionEnabled": True}
    id, state = engine.create(TABLE, inputs)
    error = fails(lambda: engine.delete(TABLE, id, state))
    assert "deletion protection enabled" in error.details()
    assert clients.get("dynamodb", STANDBY).describe_table(TableName=id)["Table"]["TableStatus"] == "ACTIVE"
    engine.update(TABLE, id, state, inputs, {**inputs, "deletionProtectionEnabled": False})


def test_a_protected_replica_keeps_the_table(engine: Engine, clients: Clients) -> None:
    inputs = EXAMPLES[TABLE].inputs(engine)
    guarded = [{**inputs["replicas"][0], "deletionProtectionEnabled": True}]
    id, state = engine.create(TABLE, {**inputs, "replicas": guarded})
    error = fails(lambda: engine.delete(TABLE, id, state))
    assert (
        f"protected against deletion; disable its deletion protection first (UpdateTable in {STANDBY})"
        in (error.details())
    )
    engine.update(TABLE, id, state, {**inputs, "replicas": guarded}, inputs)


def test_a_bucket_with_versions_goes_only_by_force(engine: Engine, clients: Clients) -> None:
    inputs = {"region": PRIMARY, "bucket": "provider-full", "forceDestroy": False}
    id, state = engine.create(BUCKET, inputs)
    s3 = clients.get("s3", PRIMARY)
    s3.put_bucket_versioning(Bucket=id, VersioningConfiguration={"Status": "Enabled"})
    for text in (b"one", b"two"):
        s3.put_object(Bucket=id, Key="receipt", Body=text)
    s3.delete_object(Bucket=id, Key="receipt")
    error = fails(lambda: engine.delete(BUCKET, id, state))
    assert error.details().startswith("BucketNotEmpty: ")
    state = engine.update(BUCKET, id, state, inputs, {**inputs, "forceDestroy": True})
    engine.delete(BUCKET, id, state)
    assert engine.read(BUCKET, id, state, inputs) is None


def test_a_bucket_that_fills_while_it_is_emptied_goes_too(
    engine: Engine, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, state = engine.create(BUCKET, {"region": PRIMARY, "bucket": "provider-fills", "forceDestroy": True})
    arriving = iter(("a replica", "another one"))
    purge = buckets._purge

    def and_one_arrives(call: Any, bucket: str) -> None:
        purge(call, bucket)
        for name in itertools.islice(arriving, 1):
            clients.get("s3", PRIMARY).put_object(Bucket=bucket, Key=name, Body=b"late")

    monkeypatch.setattr(buckets, "_purge", and_one_arrives)
    clients.get("s3", PRIMARY).put_object(Bucket=id, Key="receipt", Body=b"one")
    engine.delete(BUCKET, id, state)
    assert next(arriving, None) is None
    assert id not in {one["Name"] for one in clients.get("s3", PRIMARY).list_buckets()["Buckets"]}


def test_a_zone_with_records_goes_only_by_force(engine: Engine) -> None:
    name = "aws:route53/zone:Zone"
    id, state = engine.create(name, {"name": "full-drill.test", "forceDestroy": True})
    record = {"zoneId": id, "name": "www", "type": "A", "ttl": 60, "records": ["192.0.2.1"]}
    record_id, record_state = engine.create("aws:route53/record:Record", record)
    assert record_state["fqdn"] == "www.full-drill.test"
    assert record_id == f"{id}_www_A"
    error = fails(lambda: engine.delete(name, id, {**state, "forceDestroy": False}))
    assert error.details().startswith("HostedZoneNotEmpty: ")
    engine.delete(name, id, state)
    assert engine.read("aws:route53/record:Record", record_id, record_state, record) is None
