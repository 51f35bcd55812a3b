"""Signatures: who vouches for a run, by a local key or one in KMS; and what is no signature."""

from __future__ import annotations

import base64
import json
import random
import stat
from pathlib import Path
from typing import Any

import boto3
import botocore.stub
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from drlib import audit, chain, clients, evidence, seal, signing
from drlib import sandbox as sandboxes
from drlib.errors import BadParameters
from drlib.redaction import mask

from .bundles import complete, drilled
from .conftest import Nowhere

ARN = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
MUTATIONS = 300


@pytest.fixture
def key(home: Path) -> Path:
    signing.keygen(home / "drill.key")
    return home / "drill.key"


@pytest.fixture
def sealed(here: Nowhere) -> Path:
    return complete(here).folder


def public(key: Path) -> Path:
    return key.with_name(f"{key.name}.pub")


def test_a_signed_run_holds_and_says_whose_word_it_rests_on(sealed: Path, key: Path) -> None:
    assert any("wrote all of it anew" in limit for limit in audit.verify(sealed).limits)
    signing.sign(sealed, signing.local(key))
    found = audit.verify(sealed)
    assert found.wrong == []
    assert any("Who signed it" in limit for limit in found.limits)
    found = audit.verify(sealed, public_key=public(key))
    assert found.wrong == []
    assert any("key's holder was honest" in limit for limit in found.limits)


def test_the_private_half_is_for_its_owner_alone_and_never_in_runs(home: Path, key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert b"PRIVATE" in key.read_bytes()
    assert "PRIVATE" not in public(key).read_text()
    with pytest.raises(BadParameters, match="never overwritten"):
        signing.keygen(key)
    for act in (signing.keygen, signing.local):
        with pytest.raises(BadParameters, match=r"must not be in runs/"):
            act(home / "runs" / "x" / "drill.key")
    key.chmod(0o640)
    with pytest.raises(BadParameters, match="Others than its owner may read"):
        signing.local(key)
    with pytest.raises(BadParameters, match="cannot be read"):
        signing.local(home / "none.key")
    public(key).chmod(0o600)
    with pytest.raises(BadParameters, match="no private Ed25519 key"):
        signing.local(public(key))


def test_an_open_run_is_sealed_when_it_is_signed_and_needs_another_after_it_went_on(
    here: Nowhere, key: Path
) -> None:
    run = drilled(here)
    signing.sign(run.folder, signing.local(key))
    assert seal.last(chain.lines(run.folder)) is not None
    assert audit.verify(run.folder).wrong == []
    run.note("resume")
    assert "went on after that" in " ".join(audit.verify(run.folder).wrong)
    evidence.close(run)
    assert audit.verify(run.folder).wrong == [], "a new seal takes the old signature away"
    assert audit.verify(run.folder, public_key=public(key)).wrong == ["The run is not signed."]


def test_another_key_and_another_run_are_told(home: Path, here: Nowhere, sealed: Path, key: Path) -> None:
    signing.keygen(home / "other.key")
    signing.sign(sealed, signing.local(home / "other.key"))
    assert "signed with another key" in " ".join(audit.verify(sealed, public_key=public(key)).wrong)
    other = complete(here)
    (other.folder / seal.SIGNATURE).write_bytes((sealed / seal.SIGNATURE).read_bytes())
    assert "not one of this run's seal" in " ".join(audit.verify(other.folder).wrong)
    with pytest.raises(BadParameters, match="no public key"):
        audit.verify(sealed, public_key=key)


def test_every_changed_byte_of_a_signature_is_found(sealed: Path, key: Path) -> None:
    file = signing.sign(sealed, signing.local(key))
    whole = file.read_bytes()
    line = seal.last(chain.lines(sealed))
    chance = random.Random(7)
    missed = []
    for _ in range(MUTATIONS):
        changed = bytearray(whole)
        place = chance.randrange(len(whole))
        changed[place] ^= chance.randrange(1, 256)
        file.write_bytes(bytes(changed))
        if not signing.problem(sealed, line) and not signing.problem(sealed, line, trusted=public(key)):
            missed.append((place, whole[place], changed[place]))
    assert missed == []


def kms_key(spec: str) -> tuple[Any, dict[str, Any]]:
    """Return a private key, and what KMS would say of it."""
    made: Any = (
        ec.generate_private_key(ec.SECP256R1())
        if spec.startswith("ECC")
        else rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )
    algorithms = {
        "ECC_NIST_P256": ["ECDSA_SHA_256"],
        "RSA_2048": ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PSS_SHA_256"],
    }
    der = made.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return made, {"KeyId": ARN, "PublicKey": der, "SigningAlgorithms": algorithms[spec]}


@pytest.mark.parametrize("spec", ["ECC_NIST_P256", "RSA_2048"])
def test_a_kms_key_signs_and_its_name_is_masked(sealed: Path, spec: str, tmp_path: Path) -> None:
    made, told = kms_key(spec)
    line = seal.last(chain.lines(sealed))
    assert line is not None
    message = signing.message(sealed, line, f"KMS, {mask(ARN)}")
    if spec.startswith("ECC"):
        signature, algorithm = made.sign(message, ec.ECDSA(hashes.SHA256())), "ECDSA_SHA_256"
    else:
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
        signature, algorithm = made.sign(message, pss, hashes.SHA256()), "RSASSA_PSS_SHA_256"
    client = boto3.client("kms", "us-west-2", aws_access_key_id="x", aws_secret_access_key="y")
    asked = {"KeyId": ARN, "Message": message, "MessageType": "RAW", "SigningAlgorithm": algorithm}
    with botocore.stub.Stubber(client) as stubber:
        stubber.add_response("get_public_key", told, {"KeyId": ARN})
        stubber.add_response("sign", {"Signature": signature}, asked)
        file = signing.sign(sealed, signing.kms(client, ARN))
    (tmp_path / "kms.pub").write_text(json.loads(file.read_text())["public_key"])
    assert audit.verify(sealed, public_key=tmp_path / "kms.pub").wrong == []
    assert "111122223333" not in file.read_text()


def test_a_kms_key_that_does_not_sign_is_refused() -> None:
    client = boto3.client("kms", "us-west-2", aws_access_key_id="x", aws_secret_access_key="y")
    with botocore.stub.Stubber(client) as stubber:
        stubber.add_response("get_public_key", {"KeyId": ARN, "PublicKey": b"x"}, {"KeyId": ARN})
        with pytest.raises(BadParameters, match="does not sign with"):
            signing.kms(client, ARN)


def test_a_key_in_the_sandboxs_kms_signs(sealed: Path, sandbox: sandboxes.Status) -> None:
    client = clients.sandbox_session().client(
        "kms", region_name="us-west-2", **clients.sandbox_options(sandbox.aws_endpoint)
    )
    made = client.create_key(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyMetadata"]
    file = signing.sign(sealed, signing.kms(client, made["Arn"]))
    assert audit.verify(sealed).wrong == []
    content = json.loads(file.read_text())
    line = seal.last(chain.lines(sealed))
    assert line is not None
    answer = client.verify(
        KeyId=made["KeyId"],
        Message=signing.message(sealed, line, content["key"]),
        Signature=base64.b64decode(content["signature"]),
        SigningAlgorithm=content["algorithm"],
    )
    assert answer["SignatureValid"] is True
