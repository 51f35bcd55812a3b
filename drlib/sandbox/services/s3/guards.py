"""Runs the checks of `refusals` before the emulator's bucket functions."""

from __future__ import annotations

from xml.etree import ElementTree  # noqa: S405 - only for its error class; the emulator parses

from drlib.sandbox.ministack import emulator, internals
from drlib.sandbox.ministack.guards import Answer, before
from drlib.sandbox.services.s3 import refusals


def apply() -> None:
    """Install the checks. Call it once, before any other replacement.

    Raises:
        SandboxError: the guards do not fit this version of the emulator.
    """
    service = emulator.module("services.s3")
    error = internals.function(service, "_error", "code", "message", "status", "resource", "extra", "headers")
    owner_of = internals.function(service, "_bucket_owner_account", "name")

    def texts(body: bytes, name: str) -> list[str]:
        try:
            elements = service.fromstring(body).iter()
        except (ElementTree.ParseError, ValueError):
            return []  # the emulator refuses it
        return [element.text or "" for element in elements if element.tag.rpartition("}")[2] == name]

    def replication(bucket_name: str, body: bytes) -> Answer:
        if service._bucket_versioning.get(bucket_name) != "Enabled":
            return None  # the emulator refuses it
        message = refusals.destinations(texts(body, "Bucket"), lambda name: owner_of(name) is not None)
        return error("InvalidRequest", message, 400) if message else None

    def versioning(name: str, body: bytes) -> Answer:
        replicates = service._bucket_replication.get(name) is not None
        message = refusals.versioning("".join(texts(body, "Status")), replicates=replicates)
        return error("InvalidBucketState", message, 409) if message else None

    before(service, "_put_bucket_replication", ("bucket_name", "body"), replication)
    before(service, "_put_bucket_versioning", ("name", "body"), versioning)
