"""Whether an allowed signer signed the seal of a run.

    ssh-keygen -Y sign -n drlib -f KEY runs/RUN_ID/manifest.json      # writes manifest.json.sig beside it
    signature.check(folder, sealed=True, allowed=Path("allowed_signers"))

OpenSSH signs and verifies. The signature covers the manifest, which has the hash of every file of the run
and of the journal's last line before the seal. ssh-keygen(1), "ALLOWED SIGNERS", describes the file
of allowed signers.
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
            f"{allowed} is not a file.",
            remedy="--allowed-signers needs a file of lines such as `NAME ssh-ed25519 AAAA...`.",
        )


def check(folder: Path, *, sealed: bool, allowed: Path, identity: str = "") -> Finding:
    """Verify the signature of a run's seal.

    Args:
        folder: the folder of the run.
        sealed: whether the last line of the journal is the seal.
        allowed: file of allowed signers.
        identity: the required signer; by default, any signer in `allowed`.

    Raises:
        BadParameters: `allowed` is not a file.
        PreflightFailed: this machine has no `ssh-keygen`.
    """
    require_file(allowed)
    name = f"signature: by {identity or 'an allowed signer'}"
    if not (folder / seal.SIGNATURE).is_file():
        return Finding(name, f"The run is not signed: {seal.SIGNATURE} is missing.")
    if not (folder / seal.MANIFEST).is_file():
        return Finding(name, f"The run is signed, but {seal.MANIFEST} is missing.")
    if not sealed:
        return Finding(name, "The run continued after it was signed: the signature is for an earlier seal.")
    if not identity:
        identity, wrong = _find(folder, allowed)
        if wrong:
            return Finding(name, wrong)
    return Finding(f"signature: by {identity}", _verify(folder, allowed, identity))


def _find(folder: Path, allowed: Path) -> tuple[str, str]:
    """Return the name of the signer in `allowed`, or a sentence if there is none."""
    found = _run("find-principals", "-s", folder / seal.SIGNATURE, "-f", allowed)
    names = found.stdout.splitlines()
    if found.returncode == 0 and names:
        return names[0], ""
    return "", f"{allowed} does not name the signer of the run.{_quoted(found)}"


def _verify(folder: Path, allowed: Path, identity: str) -> str:
    """Return a sentence if the signature is not valid, or ""."""
    found = _run(
        "verify",
        *("-f", allowed, "-I", identity, "-n", NAMESPACE, "-s", folder / seal.SIGNATURE),
        content=(folder / seal.MANIFEST).read_bytes(),
    )
    if found.returncode == 0:
        return ""
    return f"{seal.SIGNATURE} is not a valid signature of {seal.MANIFEST} by {identity}.{_quoted(found)}"


def _run(act: str, *options: str | Path, content: bytes = b"") -> subprocess.CompletedProcess[str]:
    command = [PROGRAM, "-Y", act, *map(str, options)]
    try:
        ran = subprocess.run(  # noqa: S603 - a fixed program, and no shell
            command, input=content, capture_output=True, timeout=LONGEST_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        why = "is not installed" if isinstance(error, FileNotFoundError) else "cannot be run"
        raise PreflightFailed(
            f"{PROGRAM}, which verifies signatures, {why}.",
            remedy="Install the OpenSSH client (on Debian: `apt-get install openssh-client`).",
        ) from None
    out, err = (text.decode("utf-8", "replace") for text in (ran.stdout, ran.stderr))
    return subprocess.CompletedProcess(command, ran.returncode, out, err)


def _quoted(found: subprocess.CompletedProcess[str]) -> str:
    """Return the error output of the program as a sentence."""
    lines = dict.fromkeys(line.strip().rstrip(".") for line in found.stderr.splitlines() if line.strip())
    return f" {PROGRAM} says: {'; '.join(lines)}." if lines else ""
