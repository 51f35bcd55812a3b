"""Masks identities and secrets in every text that leaves drlib.

Account ids, ARNs, access keys, tokens and signatures are recognised by their form. Other secrets are
recognised by the word before them, or by the environment: the value of a variable with a secret's name is
masked in every text. Names, payment ids, hashes and instants are not masked.

AWS: IAM User Guide, IAM identifiers: unique identifiers; S3 User Guide, Authenticating requests: query
parameters (AWS Signature Version 4).
"""

from __future__ import annotations

import json
import os
import re
import sys
import traceback
from collections.abc import Mapping
from types import TracebackType
from typing import IO, Any

VEIL = "***"
SHORTEST_SECRET = 8  # a shorter value may be an ordinary word
SECRET_NAMES = re.compile(
    r"(?i)SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|CREDENTIAL|(?:^|_)(?:API|ACCESS|PRIVATE)?KEY(?:_|$)"
)
PLACE_NAMES = re.compile(r"(?i)_(?:FILE|PATH|DIR|SOCK|URI|URL)$")
"""Variables that contain the location of a secret, not the secret."""
SECRET_KEYS = re.compile(
    r"(?i)(?:secret|password|passphrase|session_?token|access_?key(?:_?id)?|private_?key|credentials?)$"
)
"""Keys of JSON-like values whose text is a secret, such as `SecretAccessKey`."""

UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
QUOTE = r"(?:[\"']|&quot;|&#(?:39|x27|34);)"
FORMS = re.compile(
    rf"(?P<uuid>{UUID})"  # first, and never masked: its last part may look like an account id
    r"|(?P<arn>arn:aws[\w-]*:[\w-]*:[\w-]*:[\w*]*:(?P<name>[^\s\"'<>,]+))"
    r"|(?P<pem>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z))"
    r"|(?P<key>\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b)"
    r"|(?P<jwt>\beyJ[\w-]+\.[\w-]+\.[\w-]*)"
    r"|(?P<session>\b(?:IQoJb3JpZ2lu|FwoGZXIvYXdz|FQoGZXIvYXdz)[\w/+=%]{16,})"
    r"|(?P<lead>(?i:X-Amz-(?:Signature|Credential|Security-Token)=|\bSignature=|\bAWSAccessKeyId="
    r"|\bBearer\s+|\b[\w-]*(?:secret[\w-]*|passphrase|passw(?:or)?d|(?:session|security|access|auth|id)[_-]?token)"
    rf"(?:{QUOTE}\s*:\s*{QUOTE}|\s*=\s*{QUOTE}?)))(?P<value>[^\s\"'<>,;&)]{{6,}})"
    r"|(?P<login>(?<=://)[^\s/:@]+:[^\s/@]+(?=@))"
    r"|(?P<bare>(?<![\w/+=.-])(?=[\w/+]*[a-z])(?=[\w/+]*[A-Z])(?=[\w/+]*\d)[A-Za-z0-9/+]{40}(?![\w/+=.-]))"
    # twelve digits within a hash, a longer number or a fraction are not an account id
    r"|(?P<account>(?<![0-9A-Za-z])(?<!\d\.)\d{12}(?!\.?[0-9])(?![A-Za-z]))",
    re.DOTALL,
)
PLAIN = re.compile(rf"{UUID}|(?!.*\d{{12}})[a-z0-9._-]{{0,39}}")
"""Most texts of samples: ids, regions and words, which contain nothing to mask. This test is fast."""
IMAGE = "image/"
OUTPUTS = frozenset(("stream", "display_data", "execute_result", "update_display_data", "error"))


def mask(text: str) -> str:
    """Return a text in which account ids, ARNs, keys, tokens and secrets are masked."""
    return _masked(text, _secrets())


def mask_all(value: Any, *, key: str = "") -> Any:
    """Return a JSON-like value in which every text is masked, except images.

    Args:
        value: texts, numbers, lists and mappings.
        key: the name of the value; the whole text is masked if this is the name of a secret.
    """
    return _masked_value(value, key, _secrets())


def mask_json(text: str) -> str:
    """Return the content of a JSON file, such as a notebook, in which every text is masked."""
    return json.dumps(mask_all(json.loads(text)), indent=1, ensure_ascii=False) + "\n"


def copy_lines(source: IO[str], destination: IO[str]) -> None:
    """Copy a stream line by line, masked, until it ends; then close both streams."""
    with source, destination:
        for line in source:
            destination.write(mask(line))
            destination.flush()


def excepthook(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Print an uncaught exception, masked. Use it as `sys.excepthook`."""
    sys.stderr.write(mask("".join(traceback.format_exception(kind, error, where))))


def watch_kernel() -> None:
    """In a Jupyter kernel, mask each output before it is sent; elsewhere, do nothing. Idempotent.

    A kernel sends each output (text, html, an error with its traceback) as one message of its session.
    """
    if "IPython" not in sys.modules:
        return
    from IPython import get_ipython

    session = getattr(getattr(get_ipython(), "kernel", None), "session", None)
    if session is None or getattr(session.send, "masks", False):
        return
    send = session.send

    def masked(stream: Any, message: Any, content: Any = None, *more: Any, **options: Any) -> Any:
        kind = message if isinstance(message, str) else message["msg_type"]
        if kind in OUTPUTS:
            if isinstance(message, str):
                content = mask_all(content)
            else:
                message = {**message, "content": mask_all(message["content"])}
        return send(stream, message, content, *more, **options)

    masked.masks = True  # type: ignore[attr-defined]
    session.send = masked


def _secrets() -> list[str]:
    """Return the values of the secret environment variables, the longest first."""
    found = {
        value for name, value in os.environ.items() if len(value) >= SHORTEST_SECRET and _is_secret(name)
    }
    return sorted(found, key=len, reverse=True)


def _is_secret(variable: str) -> bool:
    return bool(SECRET_NAMES.search(variable)) and not PLACE_NAMES.search(variable)


def _masked_value(value: Any, key: str, secrets: list[str]) -> Any:
    if isinstance(value, str):
        if key.startswith(IMAGE):
            return value
        secret = SECRET_KEYS.search(key) or (key.isupper() and _is_secret(key))
        return VEIL if secret and len(value) >= SHORTEST_SECRET else _masked(value, secrets)
    if isinstance(value, Mapping):
        items = value.items()
        return {_masked(str(name), secrets): _masked_value(item, str(name), secrets) for name, item in items}
    if isinstance(value, list | tuple):
        return [_masked_value(item, key, secrets) for item in value]
    return value


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, VEIL)
    return text if PLAIN.fullmatch(text) else FORMS.sub(_veil, text)


def _veil(found: re.Match[str]) -> str:
    if found["uuid"]:
        return found["uuid"]
    if found["arn"]:
        return f"arn:{VEIL}:{FORMS.sub(_veil, found['name'])}"
    return f"{found['lead'] or ''}{VEIL}"
