"""Roles and their inline policies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drlib.sandbox.provider.resource import Call, Change, Made, Reading, Resource, tag_list, tags_from
from drlib.sandbox.provider.values import Properties, json_text


class Role(Resource):
    """`aws.iam.Role`."""

    type = "aws:iam/role:Role"
    service = "iam"
    regional = False
    tagged = True
    names = (
        "name assumeRolePolicy description path maxSessionDuration permissionsBoundary forceDetachPolicies"
    )
    required = ("name", "assumeRolePolicy")
    replaces = ("name", "path")
    write_only = ("forceDetachPolicies",)
    defaults = {"description": "", "maxSessionDuration": 3600, "path": "/", "permissionsBoundary": None}
    name = "name"

    def create(self, call: Call, inputs: Properties) -> Made:
        request: Properties = {
            "RoleName": inputs["name"],
            "AssumeRolePolicyDocument": json_text(inputs["assumeRolePolicy"]),
        }
        members = {
            "description": "Description",
            "path": "Path",
            "maxSessionDuration": "MaxSessionDuration",
            "permissionsBoundary": "PermissionsBoundary",
        }
        request.update({member: inputs[name] for name, member in members.items() if inputs.get(name)})
        if inputs.get("tags"):
            request["Tags"] = tag_list(inputs["tags"])
        role = call.client("iam").create_role(**request)["Role"]
        return Made(role["RoleName"], self._reading(role))

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        return self._reading(call.client("iam").get_role(RoleName=id)["Role"])

    @staticmethod
    def _reading(role: Mapping[str, Any]) -> Reading:
        raw = {
            "name": role["RoleName"],
            "assumeRolePolicy": json_text(role.get("AssumeRolePolicyDocument") or {}),
            "description": role.get("Description", ""),
            "path": role["Path"],
            "maxSessionDuration": role.get("MaxSessionDuration", 3600),
            "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
            "tags": tags_from(role.get("Tags")),
        }
        return Reading(
            raw, {"arn": role["Arn"], "uniqueId": role["RoleId"], "createDate": role.get("CreateDate")}
        )

    def update(self, call: Call, change: Change) -> None:
        iam, desired = call.client("iam"), self.desired(change)
        if change.touches("assumeRolePolicy"):
            iam.update_assume_role_policy(
                RoleName=change.id, PolicyDocument=json_text(desired["assumeRolePolicy"])
            )
        if change.touches("description", "maxSessionDuration"):
            iam.update_role(
                RoleName=change.id,
                Description=desired.get("description") or "",
                MaxSessionDuration=desired.get("maxSessionDuration") or 3600,
            )
        if change.touches("permissionsBoundary"):
            if desired.get("permissionsBoundary"):
                iam.put_role_permissions_boundary(
                    RoleName=change.id, PermissionsBoundary=desired["permissionsBoundary"]
                )
            else:
                iam.delete_role_permissions_boundary(RoleName=change.id)
        if change.touches("tags"):
            if change.tags_to_set:
                iam.tag_role(RoleName=change.id, Tags=tag_list(change.tags_to_set))
            if change.tags_to_remove:
                iam.untag_role(RoleName=change.id, TagKeys=change.tags_to_remove)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        call.client("iam").delete_role(RoleName=id)


class RolePolicy(Resource):
    """`aws.iam.RolePolicy`; its id is `role:name`."""

    type = "aws:iam/rolePolicy:RolePolicy"
    service = "iam"
    regional = False
    names = "name role policy"
    required = ("name", "role", "policy")
    replaces = ("name", "role")
    natural_key = True

    @staticmethod
    def _put(call: Call, inputs: Mapping[str, Any]) -> None:
        call.client("iam").put_role_policy(
            RoleName=inputs["role"], PolicyName=inputs["name"], PolicyDocument=json_text(inputs["policy"])
        )

    def create(self, call: Call, inputs: Properties) -> Made:
        self._put(call, inputs)
        return Made(f"{inputs['role']}:{inputs['name']}", Reading())

    def read(self, call: Call, id: str, state: Mapping[str, Any]) -> Reading | None:
        role, name = id.split(":", 1)
        answer = call.client("iam").get_role_policy(RoleName=role, PolicyName=name)
        return Reading({"role": role, "name": name, "policy": json_text(answer["PolicyDocument"])})

    def update(self, call: Call, change: Change) -> None:
        self._put(call, change.news)

    def delete(self, call: Call, id: str, state: Mapping[str, Any]) -> None:
        role, name = id.split(":", 1)
        call.client("iam").delete_role_policy(RoleName=role, PolicyName=name)


TYPES = (Role, RolePolicy)
