"""Pulumi's provider protocol: translates the engine's messages, and returns each error as one line."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import grpc
from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import any_pb2, empty_pb2
from pulumi.runtime.proto import plugin_pb2, status_pb2
from pulumi.runtime.proto import provider_pb2 as messages
from pulumi.runtime.proto import provider_pb2_grpc as protocol

from drlib.sandbox.faults.impairments import GLOBAL_REGION
from drlib.sandbox.provider import invokes, lifecycle, resource_types
from drlib.sandbox.provider.clients import Clients
from drlib.sandbox.provider.resource import Call, Refused, Resource
from drlib.sandbox.provider.unrecorded import UnrecordedResources
from drlib.sandbox.provider.values import has_unknown, to_python, to_struct

VERSION = "7.51.1"
logger = logging.getLogger(__name__)


def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    """Convert each exception of `method` to a status that the engine prints under the resource."""

    @functools.wraps(method)
    def call(self: Servicer, request: Any, context: Any) -> Any:
        region = ""
        try:
            region = self.region_of(request)
            return method(self, request, context)
        except lifecycle.PartialCreation as error:
            self.keep(error, context)
            text = error.reason
        except (ClientError, BotoCoreError, Refused) as error:
            text = lifecycle.describe_any(error, region)
        except resource_types.UnknownType as error:
            return context.abort(grpc.StatusCode.UNIMPLEMENTED, error.args[0])
        except Exception as error:  # of an exception, the engine would show only the text
            logger.exception("provider")
            text = f"{type(error).__name__}: {error}"
        return context.abort(grpc.StatusCode.UNKNOWN, text)

    return call


class Servicer(protocol.ResourceProviderServicer):
    """The provider. It has the AWS clients, the stack's default region, and the unrecorded resources.

    Each method of the protocol (with a capital letter) translates one message and its response.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._default_region = ""
        self._unrecorded = UnrecordedResources()

    def region_of(self, request: Any) -> str:
        """Return the region that a request concerns, from its inputs or its state."""
        for name in ("news", "properties", "args", "olds", "inputs"):
            fields = getattr(request, name).fields if hasattr(request, name) else {}
            region = to_python(fields["region"]) if "region" in fields else None
            if region and not has_unknown(region):
                return str(region)
        return self._default_region or GLOBAL_REGION

    def _call(self, kind: Resource | None, request: Any) -> Call:
        regional = kind is None or kind.regional
        return Call(self._clients, self.region_of(request) if regional else GLOBAL_REGION)

    @staticmethod
    def keep(error: lifecycle.PartialCreation, context: Any) -> None:
        """Attach the partial resource to the error, so that the engine stores it."""
        detail = messages.ErrorResourceInitFailed(
            id=error.id,
            properties=to_struct(error.inputs),
            inputs=to_struct(error.inputs),
            reasons=[error.reason],
        )
        packed = any_pb2.Any()
        packed.Pack(detail)
        status = status_pb2.Status(
            code=grpc.StatusCode.UNKNOWN.value[0], message=error.reason, details=[packed]
        )
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))

    # Handshake and configuration ---------------------------------------------------------------------------

    def Handshake(self, request: Any, context: Any) -> Any:
        return messages.ProviderHandshakeResponse()

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return messages.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        return messages.DiffResponse(changes=messages.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> Any:
        self._default_region = request.variables.get("aws:config:region", "")
        return messages.ConfigureResponse(
            acceptSecrets=False, acceptResources=False, acceptOutputs=False, supportsPreview=True
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    # Operations on resources -------------------------------------------------------------------------------

    @guarded
    def Check(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        inputs = to_python(request.news)
        if kind.regional and not inputs.get("region") and self._default_region:
            inputs["region"] = self._default_region
        failures = lifecycle.check(kind, self._call(kind, request), inputs)
        if kind.regional and not inputs.get("region"):
            failures.append(("region", "is missing, and the stack sets no aws:region"))
        return messages.CheckResponse(
            inputs=to_struct(inputs),
            failures=[messages.CheckFailure(property=path, reason=reason) for path, reason in failures],
        )

    @guarded
    def Diff(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        self._unrecorded.forget(request.urn)
        olds, news = to_python(request.old_inputs), to_python(request.news)
        result = lifecycle.diff(kind, olds, news)
        return messages.DiffResponse(
            changes=messages.DiffResponse.DIFF_SOME if result.changes else messages.DiffResponse.DIFF_NONE,
            diffs=sorted({change.top for change in result.changes}),
            replaces=result.replaces,
            deleteBeforeReplace=result.delete_first,
            hasDetailedDiff=True,
            detailedDiff={change.path: _property_diff(change, result) for change in result.changes},
        )

    @guarded
    def Create(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        inputs = to_python(request.properties)
        if request.preview:
            return messages.CreateResponse(id="", properties=to_struct(lifecycle.preview(kind, {}, inputs)))
        urn, unrecorded = request.urn, self._unrecorded
        id, outputs = lifecycle.create(
            kind,
            self._call(kind, request),
            inputs,
            begun=unrecorded.find(urn, inputs),
            note=lambda made: unrecorded.note(urn, inputs, made),
        )
        return messages.CreateResponse(id=id, properties=to_struct(outputs))

    @guarded
    def Read(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        self._unrecorded.forget(request.urn)
        found = lifecycle.read(
            kind,
            self._call(kind, request),
            request.id,
            to_python(request.properties),
            to_python(request.inputs),
        )
        if found is None:
            return messages.ReadResponse()
        inputs, outputs = found
        return messages.ReadResponse(id=request.id, properties=to_struct(outputs), inputs=to_struct(inputs))

    @guarded
    def Update(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        self._unrecorded.forget(request.urn)
        state, olds, news = to_python(request.olds), to_python(request.old_inputs), to_python(request.news)
        if request.preview:
            base = {key: value for key, value in state.items() if key not in olds or key in news}
            return messages.UpdateResponse(properties=to_struct(lifecycle.preview(kind, base, news)))
        outputs = lifecycle.update(
            kind, self._call(kind, request), request.id, state=state, olds=olds, news=news
        )
        return messages.UpdateResponse(properties=to_struct(outputs))

    @guarded
    def Delete(self, request: Any, context: Any) -> Any:
        kind = resource_types.find(request.type)
        self._unrecorded.forget(request.urn)
        lifecycle.delete(kind, self._call(kind, request), request.id, to_python(request.properties))
        return empty_pb2.Empty()

    @guarded
    def Invoke(self, request: Any, context: Any) -> Any:
        function = invokes.TABLE.get(request.tok)
        if function is None:
            reason = f"the sandbox has no function {request.tok}"
            return messages.InvokeResponse(failures=[messages.CheckFailure(reason=reason)])
        answer = function(self._call(None, request), to_python(request.args))
        return messages.InvokeResponse(**{"return": to_struct(answer)})


def _property_diff(change: Any, result: lifecycle.DiffResult) -> Any:
    kind = f"{change.kind}_REPLACE" if change.top in result.replaces else change.kind
    return messages.PropertyDiff(kind=messages.PropertyDiff.Kind.Value(kind), inputDiff=True)
