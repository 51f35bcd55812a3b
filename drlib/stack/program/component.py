"""The base of all components, the facts of the whole stack, and policy documents."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi.output import Unknown

from drlib.deployed.names import Names, partition


@dataclass(frozen=True)
class Scope:
    """The facts that every component needs.

    Args:
        names: the names of the resources.
        account_id: the account of the credentials.
        tags: tags of every resource that takes tags.
        protect_data: protect the table against deletion; a destroy does not empty a bucket.
    """

    names: Names
    account_id: str
    tags: Mapping[str, str] = field(default_factory=dict)
    protect_data: bool = False

    def tagged(self, name: str) -> dict[str, str]:
        """Return the tags of a resource called `name`."""
        return {**self.tags, "Name": name}

    def arn(self, service: str, region: str, resource: str) -> str:
        """Return the ARN of a resource in this account and `region`."""
        return f"arn:{partition(region)}:{service}:{region}:{self.account_id}:{resource}"

    def role_arn(self, region: str, name: str) -> str:
        """Return the ARN of a role, which is global, in the partition of `region`."""
        return f"arn:{partition(region)}:iam::{self.account_id}:role/{name}"


class Component(pulumi.ComponentResource):  # type: ignore[misc]
    """A group of resources under one name in the stack's tree.

    Args:
        kind: last part of the type token, `pay:infra:{kind}`.
        name: logical name.
    """

    def __init__(self, kind: str, name: str) -> None:
        super().__init__(f"pay:infra:{kind}", name)

    def child(self, **options: Any) -> pulumi.ResourceOptions:
        """Return the options of a resource in this group."""
        return pulumi.ResourceOptions(parent=self, **options)


def foreseen(output: pulumi.Output[str], text: str) -> pulumi.Output[str]:
    """Return an output that is `text` in a preview while AWS has not created its value.

    ARNs follow from names, so the policies, queues and dashboards in a plan are complete, and the rules can
    check them before anything is created. The deployed resources use the output itself.
    """
    if not pulumi.runtime.is_dry_run():
        return output
    return output.apply(lambda value: text if isinstance(value, Unknown) else value, run_with_unknowns=True)


def statement(
    actions: Sequence[str],
    resources: Any,
    *,
    effect: str = "Allow",
    principal: Any = None,
    condition: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one statement of a policy. `resources` is an ARN, an output, or a list of them."""
    made: dict[str, Any] = {"Effect": effect}
    if principal is not None:
        made["Principal"] = principal
    made |= {"Action": list(actions), "Resource": resources}
    if condition:
        made["Condition"] = dict(condition)
    return made


def document(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """Return a policy document; its parts may be outputs."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str, account_id: str = "") -> str:
    """Return the trust policy of a role that an AWS service assumes, for one account only if it is given."""
    allow: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    if account_id:
        allow["Condition"] = {"StringEquals": {"aws:SourceAccount": account_id}}
    return json.dumps({"Version": "2012-10-17", "Statement": [allow]})


def deny_plain_text(actions: str, resources: Any) -> dict[str, Any]:
    """Return a statement that refuses every request without TLS."""
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    return statement([actions], resources, effect="Deny", principal="*", condition=condition)
