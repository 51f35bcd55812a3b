"""The evidence, checked again by someone who was not there.

    found = audit.verify(folder)
    found.require()

Everything is worked out anew from the run's folder: the chain of the journal, the hash of every file, the
evidence itself, and from the raw samples the recovery time, the counts, the loss and the verdict. What no
audit of files can prove is said, too (`drlib.evidence.audit.limits`).
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

CANNOT = "The evidence cannot be made again: what the run saved is no longer whole."

BROKEN = (LookupError, TypeError, ValueError, AttributeError, OSError)  # whatever a forged file may lead to


def verify(folder: Path, *, head: str = "", allowed_signers: Path | None = None, identity: str = "") -> Audit:
    """Check a run's evidence again.

    Args:
        folder: the run's.
        head: the seal's hash as it was noted elsewhere, or the first 16 digits of it or more.
        allowed_signers: file of those who may have signed the seal, as `ssh-keygen` reads it.
        identity: which of them it must be; by default, any.

    Raises:
        BadParameters: the folder is no run, or holds no evidence, or there is no such file of signers.
        PreflightFailed: a signature is to be verified, and this machine has no `ssh-keygen`.
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
    if not entries:  # what else it says cannot be relied on
        return Audit(folder.name, (Finding(files.CHAIN, broken),))
    expected = seal.expected(folder, entries)
    findings = [Finding(files.CHAIN, broken), *_noted(entries, head), *files.check(folder, expected)]
    if allowed:
        sealed = expected.sealed is not None
        findings.append(signature.check(folder, sealed=sealed, allowed=allowed, identity=identity))
    again: dict[str, Any] = {}
    if not _wrong(findings):  # of changed files, nothing that they say can be relied on
        more, again = _content(folder, entries, expected, text, evidence)
        findings += more
    if _wrong(findings):
        return Audit(folder.name, tuple(findings), again, remedy=_remedy(evidence))
    told = limits.sentences(
        evidence,
        older=not expected.sealed and files.is_older(evidence, entries),
        sealed=expected.sealed is not None,
        signed=(folder / seal.SIGNATURE).is_file(),
        trusted=allowed is not None,
        noted=bool(head),
    )
    return Audit(folder.name, tuple(findings), again, files.uncovered(folder, expected), tuple(told))


def _content(
    folder: Path,
    entries: list[dict[str, Any]],
    expected: seal.Expected,
    text: str,
    evidence: dict[str, Any],
) -> tuple[list[Finding], dict[str, Any]]:
    """Make the evidence again, from what was saved, and its figures from the samples."""
    try:
        if not expected.sealed and files.is_older(evidence, entries):
            return list(consistency.folder(folder, entries)), {}
        made = bundle.text_of(bundle.build(folder, head=evidence.get("chain_head", "")))
        findings = [*files.evidence(folder, expected, text, made), *consistency.folder(folder, entries)]
        findings += consistency.check(folder, entries, evidence)
        more, again = figures.check(folder, entries, evidence, json.loads(made))
    except BROKEN:
        return [Finding("evidence: the same when made again", CANNOT)], {}
    return [*findings, *more], again


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector still: it would walk over all samples again and again, and find nothing."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _wrong(findings: list[Finding]) -> bool:
    return any(finding.wrong for finding in findings)


def _remedy(evidence: dict[str, Any]) -> str:
    """Return what to do about what does not hold. Other code than the run's may define a figure otherwise."""
    made, here = str(evidence.get("git_commit", "")), bundle.git_commit()[0]
    other = (
        f" It was made by another commit, {made[:12]}: check it with that one, too." if made != here else ""
    )
    return f"Do not rely on this evidence.{other}"


def _noted(entries: list[dict[str, Any]], head: str) -> Iterator[Finding]:
    if head:
        known = len(head) >= 16 and str(entries[-1]["hash"]).startswith(head.lower())
        wrong = "" if known else f"The journal ends in {entries[-1]['hash'][:16]}, and not in {head}."
        yield Finding("journal: it ends in the hash that was noted", wrong)


def _text(folder: Path) -> str:
    """Return the text of the evidence. Raises BadParameters where there is none."""
    for name in (bundle.EVIDENCE, "parameters.json", "run.json"):
        if not (folder / name).is_file():
            raise BadParameters(f"{folder} holds no {name}: it is no finished run.")
    return (folder / bundle.EVIDENCE).read_bytes().decode("utf-8", "surrogateescape")
