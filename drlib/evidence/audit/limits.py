"""What an audit of a run's files cannot prove, in plain sentences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from drlib.core.samples import SIMULATED

NO_SIGNATURE = (
    "That nobody wrote all of it anew: whoever can write this folder can make another one that holds as "
    "well. A note of the seal's hash that is kept elsewhere (`drlib verify --head`) shows it, and so does a "
    "signature of the seal's manifest (`ssh-keygen -Y sign -n drlib -f KEY manifest.json`)."
)
NOT_CHECKED = (
    "Who signed it: the run has a signature, and it was not checked. `drlib verify --allowed-signers FILE` "
    "checks it."
)
KEY = "That the key's holder was honest: a signature says who vouches for the run, and not that it is true."
UNSEALED = (
    "That nothing is missing at its end: the run is not sealed, and lines that were cut off the journal "
    "leave no trace."
)
OLDER = (
    "What the evidence says: the run went on since it was written, and only the files are checked. Its next "
    "evidence cell brings it up to date."
)
MADE_UP = "That what was observed is what happened: samples can be made up before they are hashed."
CLOCKS = (
    "That the clocks were right: instants are those of the machine that ran the drill, and no authority "
    "stamped them."
)
IN_SANDBOX = (
    "Anything about AWS: the run was simulated, in a local process. It shows that the design and the "
    "runbooks work, as far as the sandbox does what AWS does (drlib/sandbox/FIDELITY.md)."
)
PREDICTION = "The prediction: it was made before the drill, and is taken as it was stored."
CODE = "That the code was that of the commit: {why}."


def sentences(
    evidence: Mapping[str, Any], *, older: bool, sealed: bool, signed: bool, trusted: bool, noted: bool
) -> Iterator[str]:
    """Yield what is not proven of this run.

    Args:
        evidence: its evidence.
        older: whether the run went on since that was written.
        sealed: whether it ends in a seal.
        signed: whether it has a signature.
        trusted: whether the signature is that of somebody whom the caller trusts.
        noted: whether the caller had a note of the seal's hash.
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
        yield CODE.format(why="files in the checkout differed from it")
    elif not evidence["git_commit"]:
        yield CODE.format(why="the run did not come from a checkout, and names none")
