"""What an example is, and the documents and archives that examples share."""

from __future__ import annotations

import atexit
import io
import json
import shutil
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from drlib.sandbox.provider.values import ARCHIVE, MARK

from ..engine import PRIMARY, Engine, Inputs

Meddle = Callable[[Callable[..., Any], str, Inputs], None]


ACCOUNT = "000000000000"


@dataclass(frozen=True)
class Example:
    """See the module. `survives` says that deleting leaves something that can still be read."""

    inputs: Callable[[Engine], Inputs]
    change: Inputs | None = None
    replacement: Inputs | None = None
    drift: Meddle | None = None
    drifted: str = "tags"
    survives: bool = False
    also: tuple[str, ...] = ()
    delete_first: bool = False


def trust(service: str) -> str:
    """A trust policy."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def deny(resource: str, action: str = "sqs:*") -> str:
    """A resource policy that denies plain text."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": resource,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@cache
def archive(text: str = "one") -> str:
    """Path of a zip with a handler that answers `text`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr(zipfile.ZipInfo("main.py"), f"def handler(event, context):\n    return {text!r}\n")
    folder = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, folder)
    path = folder / f"{text}.zip"
    path.write_bytes(content.getvalue())
    return str(path)


def code(text: str = "one") -> Inputs:
    """An archive as the engine sends it."""
    path = archive(text)
    return {MARK: ARCHIVE, "path": path, "hash": sha256(Path(path).read_bytes()).hexdigest()}


def regional(**inputs: Any) -> Inputs:
    """Inputs in the primary region."""
    return {"region": PRIMARY, **inputs}
