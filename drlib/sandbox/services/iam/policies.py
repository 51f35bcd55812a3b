"""Checks of IAM policies before the emulator stores them: grammar and size.

The rules are in `drlib.sandbox.services.iam.refusals`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.services.iam import refusals

Parameters = Mapping[str, Any]


class PolicyChecks:
    """Replaces IAM's operations with a policy document: checks the document, then calls the emulator."""

    def __init__(self) -> None:
        self._iam = emulator.module("services.iam")
        self._error = internals.function(self._iam, "_error", "status", "code", "message", "ns")
        internals.function(self._iam, "_p", "params", "key", "default")
        handlers = emulator.value(self._iam, "_IAM_HANDLERS", dict)
        checks: dict[str, Callable[[Parameters], refusals.Refusal | None]] = {
            "CreateRole": lambda p: self._trust(p, "AssumeRolePolicyDocument"),
            "UpdateAssumeRolePolicy": lambda p: self._trust(p, "PolicyDocument"),
            "CreatePolicy": self._managed,
            "CreatePolicyVersion": self._managed,
            "PutRolePolicy": lambda p: self._inline(p, "role", self._role_policies(p)),
            "PutUserPolicy": lambda p: self._inline(p, "user", self._user_policies(p)),
        }
        replacements = {name: self._checked(handlers[name], check) for name, check in checks.items()}
        emulator.replace(self._iam, "_IAM_HANDLERS", {**handlers, **replacements})

    def _checked(
        self, handler: Callable[[Parameters], Any], check: Callable[[Parameters], refusals.Refusal | None]
    ) -> Callable[[Parameters], Any]:
        def checked(p: Parameters) -> Any:
            refusal = check(p)
            return self._error(*refusal, ns="iam") if refusal else handler(p)

        return checked

    def _text(self, p: Parameters, name: str) -> str:
        return str(self._iam._p(p, name))

    def _trust(self, p: Parameters, name: str) -> refusals.Refusal | None:
        document = self._text(p, name)
        return refusals.trust(document) or refusals.trust_size(document)

    def _managed(self, p: Parameters) -> refusals.Refusal | None:
        document = self._text(p, "PolicyDocument")
        return refusals.identity(document) or refusals.managed_size(document)

    def _inline(self, p: Parameters, kind: str, others: Mapping[str, str] | None) -> refusals.Refusal | None:
        """Check an inline policy; `others`: the identity's policies, or None if it does not exist."""
        if others is None:
            return None
        document, policy = self._text(p, "PolicyDocument"), self._text(p, "PolicyName")
        documents: Iterable[str] = ({**others, policy: document}).values()
        name = self._text(p, f"{kind.title()}Name")
        return refusals.identity(document) or refusals.inline_size(kind, name, documents)

    def _role_policies(self, p: Parameters) -> Mapping[str, str] | None:
        role = self._iam._roles.get(self._text(p, "RoleName"))
        return role["InlinePolicies"] if role else None

    def _user_policies(self, p: Parameters) -> Mapping[str, str] | None:
        name = self._text(p, "UserName")
        return (self._iam._user_inline_policies.get(name) or {}) if name in self._iam._users else None
