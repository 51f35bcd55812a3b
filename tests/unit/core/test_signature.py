"""Signatures of a run's seal, made and verified by the real ssh-keygen."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drlib.cli.main import main
from drlib.core.errors import BadParameters, PreflightFailed, VerdictRed
from drlib.evidence import evidence
from drlib.evidence.audit import audit, limits, signature
from drlib.runs import seal
from tests.fakes import Nowhere
from tests.unit.evidence.bundles import complete

WHO = "ann@example.com"


def keygen(*arguments: str | Path) -> None:
    program = shutil.which(signature.PROGRAM)
    assert program, "These tests need ssh-keygen: install the OpenSSH client."
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    keygen("-q", "-t", "ed25519", "-N", "", "-C", "", "-f", tmp_path / "key")
    return tmp_path / "key"


@pytest.fixture
def allowed(key: Path) -> Path:
    return trust(key, WHO)


@pytest.fixture
def sealed(here: Nowhere) -> Path:
    return complete(here).folder


def trust(key: Path, who: str) -> Path:
    """Return a file of allowed signers that has one key."""
    file = key.with_name(f"{key.name}.allowed")
    file.write_text(f"{who} {key.with_name(f'{key.name}.pub').read_text()}")
    return file


def sign(folder: Path, key: Path, namespace: str = signature.NAMESPACE) -> Path:
    keygen("-Y", "sign", "-n", namespace, "-f", key, folder / seal.MANIFEST)
    return folder / seal.SIGNATURE


def wrong(folder: Path, allowed: Path, identity: str = "") -> str:
    return " ".join(audit.verify(folder, allowed_signers=allowed, identity=identity).wrong)


def test_a_signed_run_holds_and_names_its_signer(sealed: Path, key: Path, allowed: Path) -> None:
    assert limits.NO_SIGNATURE in audit.verify(sealed).limits
    sign(sealed, key)
    found = audit.verify(sealed)
    assert found.wrong == [], "the signature is no file that was added after the seal"
    assert limits.NOT_CHECKED in found.limits
    for identity in ("", WHO):
        found = audit.verify(sealed, allowed_signers=allowed, identity=identity)
        assert found.wrong == []
        assert f"signature: by {WHO}" in [one.name for one in found.findings]
        assert limits.KEY in found.limits


def test_a_missing_signature_is_red(sealed: Path, allowed: Path) -> None:
    assert wrong(sealed, allowed) == "The run is not signed: manifest.json.sig is missing."


def test_a_signer_who_is_not_allowed_is_red(sealed: Path, key: Path, allowed: Path, tmp_path: Path) -> None:
    keygen("-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "other")
    sign(sealed, tmp_path / "other")
    assert "does not name the signer of the run." in wrong(sealed, allowed)
    assert f"not a valid signature of manifest.json by {WHO}." in wrong(sealed, allowed, WHO)
    assert wrong(sealed, trust(tmp_path / "other", "bob@example.com")) == ""


def test_the_identity_must_be_the_signers(sealed: Path, key: Path, allowed: Path) -> None:
    sign(sealed, key)
    assert "not a valid signature of manifest.json by bob@example.com." in wrong(
        sealed, allowed, "bob@example.com"
    )


def test_a_signature_for_another_purpose_is_red(sealed: Path, key: Path, allowed: Path) -> None:
    sign(sealed, key, namespace="git")
    assert f"not a valid signature of manifest.json by {WHO}." in wrong(sealed, allowed)


def test_a_changed_manifest_is_red(sealed: Path, key: Path, allowed: Path) -> None:
    sign(sealed, key)
    manifest = sealed / seal.MANIFEST
    manifest.write_text(manifest.read_text().replace('"run_id"', '"run_ID"'))
    told = wrong(sealed, allowed)
    assert "manifest.json was changed after the run was sealed." in told
    assert "ssh-keygen says: Signature verification failed" in told
    manifest.unlink()
    assert "The run is signed, but manifest.json is missing." in wrong(sealed, allowed)


def test_another_runs_signature_is_red(here: Nowhere, sealed: Path, key: Path, allowed: Path) -> None:
    other = complete(here).folder
    (other / seal.SIGNATURE).write_bytes(sign(sealed, key).read_bytes())
    assert f"not a valid signature of manifest.json by {WHO}." in wrong(other, allowed)


def test_what_is_no_signature_is_red(sealed: Path, allowed: Path) -> None:
    (sealed / seal.SIGNATURE).write_text("signed, honestly\n")
    assert "does not name the signer of the run." in wrong(sealed, allowed)
    assert "not a valid signature" in wrong(sealed, allowed, WHO)


def test_a_run_that_went_on_needs_another_signature(here: Nowhere, key: Path, allowed: Path) -> None:
    run = complete(here)
    sign(run.folder, key)
    run.note("resume")
    assert "The run continued after it was signed" in wrong(run.folder, allowed)
    evidence.close(run)
    assert wrong(run.folder, allowed) == "The run is not signed: manifest.json.sig is missing."


@pytest.mark.parametrize("text", ["", "no signers\n", f"{WHO} ssh-ed25519 AAAA\n"])
def test_a_file_that_names_no_signer_is_red(sealed: Path, key: Path, tmp_path: Path, text: str) -> None:
    sign(sealed, key)
    (tmp_path / "bad").write_text(text)
    told = wrong(sealed, tmp_path / "bad")
    assert "does not name the signer of the run." in told
    assert "\n" not in told


def test_a_file_that_is_not_there_is_refused(sealed: Path, tmp_path: Path) -> None:
    with pytest.raises(BadParameters, match="none is not a file"):
        audit.verify(sealed, allowed_signers=tmp_path / "none")


def test_a_machine_without_the_program_says_so(
    sealed: Path, key: Path, allowed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign(sealed, key)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PreflightFailed, match="ssh-keygen, which verifies signatures, is not installed"):
        audit.verify(sealed, allowed_signers=allowed)
    assert audit.verify(sealed).wrong == []


def test_the_command_verifies(
    sealed: Path,
    key: Path,
    allowed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def verify(*options: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["drlib", "verify", str(sealed), *map(str, options)])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    assert verify("--allowed-signers", allowed) == VerdictRed.exit_code
    assert "The run is not signed" in capsys.readouterr().err
    sign(sealed, key)
    assert verify("--allowed-signers", allowed, "--identity", WHO) == 0
    assert f"signature: by {WHO}" in capsys.readouterr().out
    assert verify("--allowed-signers", allowed.with_name("none")) == BadParameters.exit_code
    assert verify("--identity", WHO) == BadParameters.exit_code
    monkeypatch.setenv("PATH", "")
    assert verify("--allowed-signers", allowed) == PreflightFailed.exit_code
