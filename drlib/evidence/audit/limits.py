"""Sentences on what an audit of a run's files cannot prove."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drlib.core.samples import SIMULATED

NO_SIGNATURE = (
    "That the whole folder was not forged: anybody who can write to it can replace it by another consistent "
    "one. The hash of the seal, noted elsewhere (`drlib verify --head`), reveals a forgery, and so does a "
    "signature of the manifest (`ssh-keygen -Y sign -n drlib -f KEY manifest.json`)."
)
NOT_CHECKED = (
    "Who signed it: the run has a signature that was not verified. `drlib verify --allowed-signers FILE` "
    "verifies it."
)
KEY = "That the signer was honest: a signature shows who signed the run, not that the run is true."
UNSEALED = (
    "That the journal is complete: the run is not sealed, so lines removed from the end of the journal leave "
    "no trace."
)
OLDER = (
    "The content of the evidence: the run continued after the evidence was written, so only the files were "
    "checked. The next evidence cell updates the evidence."
)
MADE_UP = "That the samples are genuine: samples can be invented before they are hashed."
CLOCKS = (
    "That the clocks were right: all instants come from the machine that ran the drill, without a trusted "
    "timestamp."
)
IN_SANDBOX = (
    "Anything about AWS: the run was simulated in a local process. It shows that the design and the runbooks "
    "work, as far as the sandbox behaves like AWS (drlib/sandbox/FIDELITY.md)."
)
PREDICTION = "The prediction: it was made before the drill, and is not computed again."
CODE = "That the run used the code of the commit: {why}."


def sentences(
    evidence: Mapping[str, Any], *, older: bool, sealed: bool, signed: bool, trusted: bool, noted: bool
) -> Iterator[str]:
    """Yield what the audit of this run does not prove.

    Args:
        evidence: the evidence of the run.
        older: whether the run continued after the evidence was written.
        sealed: whether the last line of the journal is a seal.
        signed: whether the run has a signature.
        trusted: whether an allowed signer made the signature.
        noted: whether the caller gave the hash of the seal.
    """
    if evidence["origin"] == SIMULATED:
        yield IN_SANDBOX
    if older:
        yield OLDER
    if not sealed:
        yield UNSEALED
    if trusted:
        yield KEY
    elif signed:
        yield NOT_CHECKED
    elif not noted:
        yield NO_SIGNATURE
    yield MADE_UP
    yield CLOCKS
    if evidence["rto"]["predicted_seconds"] is not None:
        yield PREDICTION
    if evidence["git_dirty"]:
        yield CODE.format(why="files in the checkout differed from the commit")
    elif not evidence["git_commit"]:
        yield CODE.format(why="the run names no commit, because it was not made from a checkout")
