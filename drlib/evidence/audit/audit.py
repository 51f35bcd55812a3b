"""An independent check of a run's evidence, by somebody who did not make the run.

    found = audit.verify(folder)
    found.require()

Everything is computed again from the run's folder: the hash chain of the journal, the hash of every file, the
evidence, and, from the raw samples, the recovery time, the counts, the loss and the verdict. The result also
lists what an audit of files cannot prove (`drlib.evidence.audit.limits`).
"""

from __future__ import annotations

import contextlib
import gc
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from drlib.core.errors import BadParameters
from drlib.evidence import bundle
from drlib.evidence.audit import consistency, figures, files, limits, signature
from drlib.evidence.audit.finding import Audit, Finding
from drlib.runs import seal

NOT_REPRODUCIBLE = "The evidence cannot be computed again: files that the run saved are damaged."
FORGERY_ERRORS = (LookupError, TypeError, ValueError, AttributeError, OSError)  # that a forged file can cause


def verify(folder: Path, *, head: str = "", allowed_signers: Path | None = None, identity: str = "") -> Audit:
    """Check the evidence of a run.

    Args:
        folder: the folder of the run.
        head: the hash of the seal, noted elsewhere: its first 16 digits or more.
        allowed_signers: file of allowed signers, in the format of `ssh-keygen`.
        identity: the required signer; by default, any signer in the file.

    Raises:
        BadParameters: the folder has no evidence, or there is no such file of signers.
        PreflightFailed: a signature must be verified, but this machine has no `ssh-keygen`.
    """
    with _without_collection():
        return _verify(folder, head, allowed_signers, identity)


def _verify(folder: Path, head: str, allowed: Path | None, identity: str) -> Audit:
    if allowed:
        signature.require_file(allowed)
    text = _text(folder)
    try:
        evidence = json.loads(text)
    except ValueError:
        return Audit(folder.name, (Finding(bundle.EVIDENCE, f"{bundle.EVIDENCE} is not valid JSON."),))
    entries, broken = files.journal(folder)
    if not entries:  # without the journal nothing can be verified
        return Audit(folder.name, (Finding(files.CHAIN, broken),))
    expected = seal.expected(folder, entries)
    findings = [Finding(files.CHAIN, broken), *_noted(entries, head), *files.check(folder, expected)]
    if allowed:
        sealed = expected.sealed is not None
        findings.append(signature.check(folder, sealed=sealed, allowed=allowed, identity=identity))
    again: dict[str, Any] = {}
    if not _wrong(findings):  # the content of changed files is not trusted
        more, again = _content(folder, entries, expected, text, evidence)
        findings += more
    if _wrong(findings):
        return Audit(folder.name, tuple(findings), again, remedy=_remedy(evidence))
    unproven = limits.sentences(
        evidence,
        older=not expected.sealed and files.is_older(evidence, entries),
        sealed=expected.sealed is not None,
        signed=(folder / seal.SIGNATURE).is_file(),
        trusted=allowed is not None,
        noted=bool(head),
    )
    return Audit(folder.name, tuple(findings), again, files.uncovered(folder, expected), tuple(unproven))


def _content(
    folder: Path,
    entries: list[dict[str, Any]],
    expected: seal.Expected,
    text: str,
    evidence: dict[str, Any],
) -> tuple[list[Finding], dict[str, Any]]:
    """Compute the evidence again from the saved files, and its figures from the samples."""
    try:
        if not expected.sealed and files.is_older(evidence, entries):
            return list(consistency.folder(folder, entries)), {}
        made = bundle.text_of(bundle.build(folder, head=evidence.get("chain_head", "")))
        findings = [*files.evidence(folder, expected, text, made), *consistency.folder(folder, entries)]
        findings += consistency.check(folder, entries, evidence)
        more, again = figures.check(folder, entries, evidence, json.loads(made))
    except FORGERY_ERRORS:
        return [Finding("evidence: the same when made again", NOT_REPRODUCIBLE)], {}
    return [*findings, *more], again


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Pause the garbage collector: it would scan all samples again and again, without effect."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _wrong(findings: list[Finding]) -> bool:
    return any(finding.wrong for finding in findings)


def _remedy(evidence: dict[str, Any]) -> str:
    """Return what to do if a finding is wrong. Another commit may define a figure differently."""
    made = str(evidence.get("git_commit", ""))
    differs = made != bundle.git_commit()[0]
    other = f" It was made by another commit, {made[:12]}: check it with that commit too." if differs else ""
    return f"Do not rely on this evidence.{other}"


def _noted(entries: list[dict[str, Any]], head: str) -> Iterator[Finding]:
    if head:
        known = len(head) >= 16 and str(entries[-1]["hash"]).startswith(head.lower())
        wrong = "" if known else f"The journal ends in {entries[-1]['hash'][:16]}, not in {head}."
        yield Finding("journal: it ends in the hash that was noted", wrong)


def _text(folder: Path) -> str:
    """Return the text of the evidence. Raises BadParameters where there is none."""
    for name in (bundle.EVIDENCE, "parameters.json", "run.json"):
        if not (folder / name).is_file():
            raise BadParameters(f"{folder} holds no {name}: it is not the folder of a finished run.")
    return (folder / bundle.EVIDENCE).read_bytes().decode("utf-8", "surrogateescape")
