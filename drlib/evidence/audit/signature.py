"""Whether a run's seal is signed by somebody whom the reader trusts.

    ssh-keygen -Y sign -n drlib -f KEY runs/RUN_ID/manifest.json      # writes manifest.json.sig beside it
    signature.check(folder, sealed=True, allowed=Path("allowed_signers"))

OpenSSH signs and verifies. The signature covers the manifest, which has the hash of every file of the run
and of the journal's last line before the seal. ssh-keygen(1), "ALLOWED SIGNERS", describes the file that says
whose keys are trusted.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from drlib.core.errors import BadParameters, PreflightFailed
from drlib.evidence.audit.finding import Finding
from drlib.runs import seal

PROGRAM = "ssh-keygen"
NAMESPACE = "drlib"
LONGEST_SECONDS = 30.0


def require_file(allowed: Path) -> None:
    """Raise BadParameters if there is no file of allowed signers."""
    if not allowed.is_file():
        raise BadParameters(
            f"{allowed} is no file.",
            remedy="--allowed-signers needs a file of lines such as `NAME ssh-ed25519 AAAA...`.",
        )


def check(folder: Path, *, sealed: bool, allowed: Path, identity: str = "") -> Finding:
    """Verify the signature of a run's seal.

    Args:
        folder: the run's.
        sealed: whether the seal is the journal's last line.
        allowed: file of allowed signers.
        identity: who must have signed, as `allowed` names them; by default, anybody in it.

    Raises:
        BadParameters: `allowed` is no file.
        PreflightFailed: this machine has no `ssh-keygen`.
    """
    require_file(allowed)
    name = f"signature: by {identity or 'an allowed signer'}"
    if not (folder / seal.SIGNATURE).is_file():
        return Finding(name, f"The run is not signed: {seal.SIGNATURE} is missing.")
    if not (folder / seal.MANIFEST).is_file():
        return Finding(name, f"The run is signed, and {seal.MANIFEST} is missing.")
    if not sealed:
        return Finding(name, "The run went on after it was signed: the signature is for an earlier seal.")
    if not identity:
        identity, wrong = _find(folder, allowed)
        if wrong:
            return Finding(name, wrong)
    return Finding(f"signature: by {identity}", _verify(folder, allowed, identity))


def _find(folder: Path, allowed: Path) -> tuple[str, str]:
    """Return who signed, as `allowed` names them, or a sentence on why that is nobody."""
    found = _run("find-principals", "-s", folder / seal.SIGNATURE, "-f", allowed)
    names = found.stdout.splitlines()
    if found.returncode == 0 and names:
        return names[0], ""
    return "", f"{allowed} names nobody who signed the run.{_quoted(found)}"


def _verify(folder: Path, allowed: Path, identity: str) -> str:
    """Return a sentence on why the signature does not hold, or ""."""
    found = _run(
        "verify",
        *("-f", allowed, "-I", identity, "-n", NAMESPACE, "-s", folder / seal.SIGNATURE),
        content=(folder / seal.MANIFEST).read_bytes(),
    )
    if found.returncode == 0:
        return ""
    return f"{seal.SIGNATURE} is no valid signature of {seal.MANIFEST} by {identity}.{_quoted(found)}"


def _run(act: str, *options: str | Path, content: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "-Y", act, *map(str, options)]
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed program, and no shell
            command, input=content, capture_output=True, timeout=LONGEST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = "is not on this machine" if isinstance(error, FileNotFoundError) else "does not run"
        raise PreflightFailed(
            f"{PROGRAM}, which verifies signatures, {why}.",
            remedy="Install the OpenSSH client (on Debian: `apt-get install openssh-client`).",
        ) from None
    out, told = (text.decode("utf-8", "replace") for text in (ran.stdout, ran.stderr))
    return subprocess.CompletedProcess(command, ran.returncode, out, told)


def _quoted(found: subprocess.CompletedProcess[str]) -> str:
    """Return what the program said, as a sentence of its own."""
    lines = dict.fromkeys(line.strip().rstrip(".") for line in found.stderr.splitlines() if line.strip())
    return f" {PROGRAM} says: {'; '.join(lines)}." if lines else ""
