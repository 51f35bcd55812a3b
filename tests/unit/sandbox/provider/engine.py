"""Calls the provider over gRPC, as Pulumi's engine does."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2 as messages

from drlib.sandbox.provider.values import to_python, to_struct

Inputs = dict[str, Any]
PRIMARY, STANDBY = "us-east-2", "us-west-2"


@dataclass(frozen=True)
class Diff:
    """An answer of Diff."""

    paths: dict[str, str]
    replaces: list[str]
    delete_first: bool

    @property
    def is_same(self) -> bool:
        return not self.paths


@dataclass
class Engine:
    """The calls that Pulumi's engine makes, with plain dictionaries."""

    stub: Any
    made: list[tuple[str, str, Inputs]] = field(default_factory=list)

    def check(self, type_name: str, inputs: Mapping[str, Any]) -> list[tuple[str, str]]:
        answer = self.stub.Check(messages.CheckRequest(type=type_name, urn="urn", news=to_struct(inputs)))
        return [(failure.property, failure.reason) for failure in answer.failures]

    def diff(self, type_name: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> Diff:
        answer = self.stub.Diff(
            messages.DiffRequest(type=type_name, id="id", old_inputs=to_struct(olds), news=to_struct(news))
        )
        kinds = {path: messages.PropertyDiff.Kind.Name(one.kind) for path, one in answer.detailedDiff.items()}
        return Diff(kinds, list(answer.replaces), answer.deleteBeforeReplace)

    def preview(self, type_name: str, inputs: Mapping[str, Any]) -> Inputs:
        answer = self.stub.Create(
            messages.CreateRequest(type=type_name, properties=to_struct(inputs), preview=True)
        )
        assert answer.id == ""
        return dict(to_python(answer.properties))

    def create(self, type_name: str, inputs: Mapping[str, Any], *, urn: str = "") -> tuple[str, Inputs]:
        answer = self.stub.Create(
            messages.CreateRequest(urn=urn or uuid.uuid4().hex, type=type_name, properties=to_struct(inputs))
        )
        state = to_python(answer.properties)
        self.made.append((type_name, answer.id, state))
        return answer.id, state

    def read(
        self,
        type_name: str,
        id: str,
        state: Mapping[str, Any],
        inputs: Mapping[str, Any],
        *,
        urn: str = "",
    ) -> tuple[Inputs, Inputs] | None:
        """Return inputs and state as they are now, or None if the resource is gone."""
        answer = self.stub.Read(
            messages.ReadRequest(
                urn=urn, type=type_name, id=id, properties=to_struct(state), inputs=to_struct(inputs)
            )
        )
        return (to_python(answer.inputs), to_python(answer.properties)) if answer.id else None

    def update(
        self,
        type_name: str,
        id: str,
        state: Mapping[str, Any],
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        *,
        preview: bool = False,
    ) -> Inputs:
        answer = self.stub.Update(
            messages.UpdateRequest(
                type=type_name,
                id=id,
                olds=to_struct(state),
                old_inputs=to_struct(olds),
                news=to_struct(news),
                preview=preview,
            )
        )
        return dict(to_python(answer.properties))

    def delete(self, type_name: str, id: str, state: Mapping[str, Any]) -> None:
        self.stub.Delete(messages.DeleteRequest(type=type_name, id=id, properties=to_struct(state)))

    def invoke(self, token: str, arguments: Mapping[str, Any]) -> Inputs:
        answer = self.stub.Invoke(messages.InvokeRequest(tok=token, args=to_struct(arguments)))
        assert not answer.failures, answer.failures
        return dict(to_python(getattr(answer, "return")))

    def clear(self) -> None:
        """Delete what was created, the youngest first."""
        while self.made:
            self.delete(*self.made.pop())


def fails(act: Callable[[], Any]) -> Any:
    """Return the error that a call of the engine ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        act()
    return caught.value
