"""A signature on a run's seal: who vouches for it, by a key that is not in the run's folder.

    signing.keygen(Path("drill.key"))                  # Ed25519, for this machine; drill.key.pub goes out
    signing.sign(folder, signing.local(Path("drill.key")))
    signing.sign(folder, signing.kms(client, arn))     # a key that nobody can copy
    signing.problem(folder, line, trusted=Path("drill.key.pub"))

What is signed is the hash of the seal's line, under which every byte of the run is. The public key is stored
beside the signature, so that it can be checked at once; but whoever can write the folder can sign it anew
with a key of their own, so an auditor compares with a key that came another way.
"""

from __future__ import annotations

import base64
import json
import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drlib import chain, seal
from drlib import settings as parameters
from drlib.errors import BadParameters
from drlib.redaction import mask

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

ED25519, ECDSA, RSA_PSS = "ED25519", "ECDSA_SHA_256", "RSASSA_PSS_SHA_256"
OF_KMS = (ECDSA, RSA_PSS)
"""What is asked of KMS, in this order. KMS Developer Guide, "Key spec reference": ECC_NIST_P256 and RSA keys
for signing have these."""
PUBLIC = ".pub"
PRIVATE_MODE = 0o600


@dataclass(frozen=True)
class Signer:
    """Something that signs: its algorithm, its public key as PEM, what it is called, and the act itself."""

    algorithm: str
    public_key: str
    name: str
    sign: Callable[[bytes], bytes]


def keygen(file: Path) -> Path:
    """Make an Ed25519 key for signing: the private half in `file`, for its owner alone, the public beside it.

    Returns the public half's file. Raises BadParameters if one is there already, or if `file` is in `runs/`.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _require_outside_runs(file)
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = file.with_name(file.name + PUBLIC)
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_MODE)
    except FileExistsError:
        raise BadParameters(f"{file} is there already, and a key is never overwritten.") from None
    with os.fdopen(handle, "wb") as out:
        out.write(secret)
    public.write_text(_pem(key.public_key()), encoding="ascii")
    return public


def local(file: Path) -> Signer:
    """Return the signer of a private Ed25519 key in a file.

    Raises BadParameters if it is no such key, if others than its owner may read it, or if it is in `runs/`.
    """
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    _require_outside_runs(file)
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError:
        raise BadParameters(f"The key {file} cannot be read.", remedy="`drlib keygen` makes one.") from None
    except (ValueError, TypeError):
        key = None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadParameters(f"{file} holds no private Ed25519 key.", remedy="`drlib keygen` makes one.")
    if mode & 0o077:
        raise BadParameters(
            f"Others than its owner may read the private key {file}.", remedy=f"`chmod 600 {file}`."
        )
    return Signer(ED25519, _pem(key.public_key()), "a local key", key.sign)


def kms(client: Any, key_id: str) -> Signer:
    """Return the signer of an asymmetric KMS key: `kms:GetPublicKey` and `kms:Sign` are needed.

    Raises BadParameters if the key is not for signing, or has neither of the algorithms.
    """
    from cryptography.hazmat.primitives import serialization

    told = client.get_public_key(KeyId=key_id)
    algorithm = next((name for name in OF_KMS if name in told.get("SigningAlgorithms", ())), "")
    if not algorithm:
        raise BadParameters(
            f"The KMS key {mask(key_id)} does not sign with {' or '.join(OF_KMS)}.",
            remedy="Make one with key usage SIGN_VERIFY and key spec ECC_NIST_P256.",
        )

    def sign_there(message: bytes) -> bytes:
        answer = client.sign(KeyId=key_id, Message=message, MessageType="RAW", SigningAlgorithm=algorithm)
        return bytes(answer["Signature"])

    public = serialization.load_der_public_key(told["PublicKey"])
    return Signer(algorithm, _pem(public), f"KMS, {mask(key_id)}", sign_there)


def sign(folder: Path, signer: Signer) -> Path:
    """Sign a run's seal, and return the file of the signature. A run that is not sealed is sealed first."""
    line = seal.last(chain.lines(folder)) or seal.close(folder)
    content = {
        "algorithm": signer.algorithm,
        "key": signer.name,
        "public_key": signer.public_key,
        "signature": base64.b64encode(signer.sign(message(folder, line, signer.name))).decode(),
    }
    chain.write(folder / seal.SIGNATURE, _text(content))
    return folder / seal.SIGNATURE


def message(folder: Path, line: Mapping[str, Any], name: str) -> bytes:
    """Return what is signed: that it is a seal of ours, the run's name, the seal's hash, the key's name."""
    facts = {"what": "drlib seal", "run_id": folder.name, "seal": line["hash"], "key": name}
    return chain.canonical(facts).encode()


def fingerprint(public_key: str) -> str:
    """Return the SHA-256 of a public key's text, to be compared by people."""
    return chain.sha256(public_key.strip())


def problem(folder: Path, line: Mapping[str, Any] | None, *, trusted: Path | None = None) -> str:
    """Return a sentence on what is wrong with a run's signature, or "".

    Args:
        folder: the run's.
        line: its seal, or None if it is open.
        trusted: file of the public key that it must be signed with; without it, any will do.

    Raises:
        BadParameters: `trusted` is no public key.
    """
    known = _trusted(trusted) if trusted else ""
    file = folder / seal.SIGNATURE
    if not file.is_file():
        return "The run is not signed." if trusted else ""
    if line is None:
        return "The run is signed, and went on after that: the signature is for an earlier seal."
    text = file.read_bytes().decode("utf-8", "replace")
    try:
        content = json.loads(text)
        genuine = _text(content) == text and _holds(content, message(folder, line, content["key"]))
    except (ValueError, LookupError, TypeError, AttributeError):
        genuine = False
    if not genuine:
        return "The signature is not one of this run's seal, or was changed."
    if known and fingerprint(content["public_key"]) != fingerprint(known):
        return f"The run is signed with another key than {trusted}."
    return ""


def _holds(content: Mapping[str, str], signed: bytes) -> bool:
    """Return whether a signature is genuine, and written as `sign` writes it."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    signature = base64.b64decode(content["signature"], validate=True)
    try:
        key = serialization.load_pem_public_key(content["public_key"].encode())
        _check(key, content["algorithm"], signature, signed)
    except (InvalidSignature, UnsupportedAlgorithm):
        return False
    same_key = _pem(key) == content["public_key"]
    return same_key and base64.b64encode(signature).decode() == content["signature"]


def _check(key: PublicKeyTypes, algorithm: str, signature: bytes, signed: bytes) -> None:
    """Raise InvalidSignature unless the signature is genuine; ValueError if key and algorithm do not go."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    digest = hashes.SHA256()
    if algorithm == ED25519 and isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    elif algorithm == ECDSA and isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(digest))
    elif algorithm == RSA_PSS and isinstance(key, rsa.RSAPublicKey):
        salted = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        key.verify(signature, signed, salted, digest)
    else:
        raise ValueError("no such algorithm for this key")


def _pem(key: Any) -> str:
    from cryptography.hazmat.primitives import serialization

    text: bytes = key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return text.decode()


def _text(content: Mapping[str, str]) -> str:
    return json.dumps(content, indent=1) + "\n"


def _trusted(file: Path) -> str:
    """Return the public key in a file, as we write it."""
    from cryptography.hazmat.primitives import serialization

    try:
        return _pem(serialization.load_pem_public_key(file.read_bytes()))
    except (OSError, ValueError):
        raise BadParameters(f"{file} holds no public key in PEM.") from None


def _require_outside_runs(file: Path) -> None:
    if file.resolve().is_relative_to(parameters.home() / "runs"):
        raise BadParameters(
            f"A private key must not be in runs/, and {file} is.", remedy="Runs are handed on; keys are not."
        )
