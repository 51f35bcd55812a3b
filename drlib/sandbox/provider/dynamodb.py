"""Tables and their replicas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider import replicas
from drlib.sandbox.provider.replicas import describe, recovery, set_recovery, wait_until_active
from drlib.sandbox.provider.resource import Call, Change, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties


def _retag(client: Any, arn: str, change: Change) -> None:
    if change.tags_to_set:
        client.tag_resource(ResourceArn=arn, Tags=tag_list(change.tags_to_set))
    if change.tags_to_remove:
        client.untag_resource(ResourceArn=arn, TagKeys=change.tags_to_remove)


class Table(Resource):
    """`aws.dynamodb.Table` with replicas; its id is its name. Replicas are matched by region."""

    type = "aws:dynamodb/table:Table"
    service = "dynamodb"
    tagged = True
    names = (
        "name hashKey rangeKey attributes.name attributes.type billingMode readCapacity writeCapacity"
        " deletionProtectionEnabled streamEnabled streamViewType tableClass"
        " pointInTimeRecovery.enabled pointInTimeRecovery.recoveryPeriodInDays"
        " serverSideEncryption.enabled serverSideEncryption.kmsKeyArn ttl.attributeName ttl.enabled"
        " replicas.regionName replicas.pointInTimeRecovery replicas.deletionProtectionEnabled"
        " replicas.propagateTags replicas.kmsKeyArn"
        " globalSecondaryIndexes.name globalSecondaryIndexes.hashKey globalSecondaryIndexes.rangeKey"
        " globalSecondaryIndexes.projectionType globalSecondaryIndexes.nonKeyAttributes"
        " globalSecondaryIndexes.keySchemas.attributeName globalSecondaryIndexes.keySchemas.keyType"
    )
    required = ("name", "hashKey", "attributes")
    replaces = ("name", "hashKey", "rangeKey", "globalSecondaryIndexes")
    defaults = {
        "billingMode": "PROVISIONED",
        "deletionProtectionEnabled": False,
        "pointInTimeRecovery": {"enabled": False},
        "ttl": {"enabled": False},
        "replicas": [],
        "serverSideEncryption": {"enabled": False},
        "streamEnabled": False,
        "tableClass": "STANDARD",
    }
    name = "name"
    nested = ("replicas.arn", "replicas.streamArn", "replicas.streamLabel")

    def create(self, call: Call, inputs: Properties) -> str:
        call.client("dynamodb").create_table(**_creation(inputs))
        return str(inputs["name"])

    def finish(self, call: Call, id: str, inputs: Properties) -> None:
        wait_until_active(call, id)
        if (inputs.get("pointInTimeRecovery") or {}).get("enabled"):
            set_recovery(call, id, inputs["pointInTimeRecovery"])
        if (inputs.get("ttl") or {}).get("enabled"):
            self._set_ttl(call, id, inputs["ttl"])
        replicas.reconcile(call, id, inputs.get("replicas") or [], inputs.get("tags") or {}, [])

    @staticmethod
    def _set_ttl(call: Call, id: str, wanted: Mapping[str, Any]) -> None:
        """Turn expiry on or off if it differs: AWS refuses a change to the same value."""
        client = call.client("dynamodb")
        found = client.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
        is_on = found["TimeToLiveStatus"] in ("ENABLED", "ENABLING")
        if is_on != bool(wanted.get("enabled")):
            attribute = wanted.get("attributeName") or found.get("AttributeName")
            specification = {"Enabled": bool(wanted.get("enabled")), "AttributeName": attribute}
            client.update_time_to_live(TableName=id, TimeToLiveSpecification=specification)

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        table = describe(call, id)
        if table is None or table["TableStatus"] == "DELETING":
            return None
        client = call.client("dynamodb")
        tags = tags_from(client.list_tags_of_resource(ResourceArn=table["TableArn"]).get("Tags"))
        ttl = client.describe_time_to_live(TableName=id)["TimeToLiveDescription"]
        found = [replicas.read(call, id, one["RegionName"]) for one in table.get("Replicas", [])]
        present = {one["regionName"]: one for one in found if one and one["regionName"] != call.region}
        raw = {
            **_inputs(table),
            "pointInTimeRecovery": recovery(call, id),
            "ttl": {
                "enabled": ttl["TimeToLiveStatus"] in ("ENABLED", "ENABLING"),
                **({"attributeName": ttl["AttributeName"]} if ttl.get("AttributeName") else {}),
            },
            "replicas": [
                {key: value for key, value in one.items() if key not in _COMPUTED} for one in present.values()
            ],
            "tags": tags,
        }
        computed: Properties = {
            "arn": table["TableArn"],
            "streamArn": table.get("LatestStreamArn", ""),
            "streamLabel": table.get("LatestStreamLabel", ""),
        }
        wanted = [one.get("regionName") for one in state.get("replicas") or ()]
        if wanted and set(wanted) == set(present):  # in the order of the inputs' list
            computed["replicas"] = [{key: present[region][key] for key in _COMPUTED} for region in wanted]
        return Reading(raw, computed)

    def update(self, call: Call, change: Change) -> None:
        desired = self.desired(change)
        for request in _updates(change, desired, describe(call, change.id) or {}):
            call.client("dynamodb").update_table(TableName=change.id, **request)
            wait_until_active(call, change.id)
        if change.touches("pointInTimeRecovery"):
            set_recovery(call, change.id, desired["pointInTimeRecovery"])
        if change.touches("ttl"):
            self._set_ttl(call, change.id, desired["ttl"])
        if change.touches("tags"):
            _retag(call.client("dynamodb"), _arn(call, change.id), change)
        if change.touches("replicas", "tags"):
            replicas.reconcile(
                call, change.id, desired.get("replicas") or [], change.tags_to_set, change.tags_to_remove
            )

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        table = describe(call, id)
        if table is None:
            return
        client = call.client("dynamodb")
        regions = [one["RegionName"] for one in table.get("Replicas", []) if one["RegionName"] != call.region]
        if not table.get("DeletionProtectionEnabled"):  # otherwise AWS refuses, and no replica is removed
            for region in regions:
                replicas.refuse_protected(call, id, region)
            for region in regions:
                replicas.remove(call, id, region)
        client.delete_table(TableName=id)
        call.wait(lambda: describe(call, id) is None, f"the end of table {id}")


_COMPUTED = ("arn", "streamArn", "streamLabel")


def _arn(call: Call, name: str) -> str:
    return str((describe(call, name) or {})["TableArn"])


def _creation(inputs: Mapping[str, Any]) -> Properties:
    """Return the request of `CreateTable`."""
    request: Properties = {
        "TableName": inputs["name"],
        "KeySchema": _keys(inputs),
        "AttributeDefinitions": [
            {"AttributeName": item["name"], "AttributeType": item["type"]} for item in inputs["attributes"]
        ],
        "BillingMode": inputs.get("billingMode") or "PROVISIONED",
    }
    if request["BillingMode"] == "PROVISIONED":
        request["ProvisionedThroughput"] = _throughput(inputs)
    if inputs.get("streamEnabled"):
        request["StreamSpecification"] = _stream(inputs)
    if inputs.get("serverSideEncryption"):
        request["SSESpecification"] = _encryption(inputs["serverSideEncryption"])
    if inputs.get("tableClass"):
        request["TableClass"] = inputs["tableClass"]
    if inputs.get("deletionProtectionEnabled"):
        request["DeletionProtectionEnabled"] = True
    if inputs.get("globalSecondaryIndexes"):
        request["GlobalSecondaryIndexes"] = [
            _index(item, inputs) for item in inputs["globalSecondaryIndexes"]
        ]
    if inputs.get("tags"):
        request["Tags"] = tag_list(inputs["tags"])
    return request


def _keys(inputs: Mapping[str, Any]) -> list[Properties]:
    if inputs.get("keySchemas"):
        return [
            {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in inputs["keySchemas"]
        ]
    keys = [{"AttributeName": inputs["hashKey"], "KeyType": "HASH"}]
    return keys + (
        [{"AttributeName": inputs["rangeKey"], "KeyType": "RANGE"}] if inputs.get("rangeKey") else []
    )


def _throughput(inputs: Mapping[str, Any]) -> Properties:
    return {
        "ReadCapacityUnits": inputs.get("readCapacity") or 1,
        "WriteCapacityUnits": inputs.get("writeCapacity") or 1,
    }


def _stream(inputs: Mapping[str, Any]) -> Properties:
    if not inputs.get("streamEnabled"):
        return {"StreamEnabled": False}
    return {"StreamEnabled": True, "StreamViewType": inputs.get("streamViewType") or "NEW_AND_OLD_IMAGES"}


def _encryption(wanted: Mapping[str, Any]) -> Properties:
    key = {"SSEType": "KMS", "KMSMasterKeyId": wanted["kmsKeyArn"]} if wanted.get("kmsKeyArn") else {}
    return {"Enabled": bool(wanted.get("enabled")), **key}


def _index(item: Mapping[str, Any], inputs: Mapping[str, Any]) -> Properties:
    projection: Properties = {"ProjectionType": item["projectionType"]}
    if item.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = item["nonKeyAttributes"]
    index = {"IndexName": item["name"], "KeySchema": _keys(item), "Projection": projection}
    if (inputs.get("billingMode") or "PROVISIONED") == "PROVISIONED":
        index["ProvisionedThroughput"] = _throughput(inputs)
    return index


def _inputs(table: Mapping[str, Any]) -> Properties:
    """Convert the response of `DescribeTable` to inputs."""
    keys = {key["KeyType"]: key["AttributeName"] for key in table["KeySchema"]}
    stream = table.get("StreamSpecification") or {}
    encryption = table.get("SSEDescription") or {}
    throughput = table.get("ProvisionedThroughput") or {}
    billing = table.get("BillingModeSummary", {}).get("BillingMode", "PROVISIONED")
    result: Properties = {
        "name": table["TableName"],
        "hashKey": keys.get("HASH"),
        "rangeKey": keys.get("RANGE"),
        "attributes": [
            {"name": item["AttributeName"], "type": item["AttributeType"]}
            for item in table["AttributeDefinitions"]
        ],
        "billingMode": billing,
        "deletionProtectionEnabled": bool(table.get("DeletionProtectionEnabled")),
        "streamEnabled": bool(stream.get("StreamEnabled")),
        "streamViewType": stream.get("StreamViewType"),
        "serverSideEncryption": {"enabled": encryption.get("Status") in ("ENABLED", "ENABLING", "UPDATING")},
        "tableClass": table.get("TableClassSummary", {}).get("TableClass", "STANDARD"),
    }
    if billing == "PROVISIONED":
        result["readCapacity"] = throughput.get("ReadCapacityUnits")
        result["writeCapacity"] = throughput.get("WriteCapacityUnits")
    return result


def _updates(change: Change, desired: Mapping[str, Any], table: Mapping[str, Any]) -> list[Properties]:
    """Return the requests of `UpdateTable`, one for each difference."""
    now = _inputs(table) if table else {}
    requests: list[Properties] = []
    if change.touches("billingMode", "readCapacity", "writeCapacity"):
        billing = desired.get("billingMode") or "PROVISIONED"
        capacity = _throughput(desired) if billing == "PROVISIONED" else {}
        there = {"ReadCapacityUnits": now.get("readCapacity"), "WriteCapacityUnits": now.get("writeCapacity")}
        if billing != now.get("billingMode") or (capacity and capacity != there):
            request: Properties = {"BillingMode": billing}
            requests.append({**request, **({"ProvisionedThroughput": capacity} if capacity else {})})
    if change.touches("streamEnabled", "streamViewType") and any(
        desired.get(name) != now.get(name) for name in ("streamEnabled", "streamViewType") if name in desired
    ):
        requests.append({"StreamSpecification": _stream(desired)})
    if change.touches("serverSideEncryption") and desired.get("serverSideEncryption") != now.get(
        "serverSideEncryption"
    ):
        requests.append({"SSESpecification": _encryption(desired["serverSideEncryption"] or {})})
    if change.touches("tableClass") and desired.get("tableClass") != now.get("tableClass"):
        requests.append({"TableClass": desired["tableClass"]})
    if change.touches("deletionProtectionEnabled"):
        requests.append({"DeletionProtectionEnabled": bool(desired.get("deletionProtectionEnabled"))})
    return requests


TYPES = (Table,)
