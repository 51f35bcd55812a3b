"""The commands on the evidence of one run: verify, report, seal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drlib.cli.app import RunFolder, app, say, short
from drlib.core.errors import BadParameters


@app.command()
def verify(
    folder: RunFolder,
    head: Annotated[
        str,
        typer.Option(metavar="HASH", help="Hash of the seal, noted elsewhere: its first 16 digits or more."),
    ] = "",
    allowed_signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="File of allowed signers, in the format of ssh-keygen."),
    ] = None,
    identity: Annotated[
        str, typer.Option(metavar="NAME", help="Required signer. Default: any allowed signer.")
    ] = "",
) -> None:
    """Verify every byte of a run, and compute all figures again. Exit code 1 if a check fails."""
    from drlib.evidence import evidence

    if identity and allowed_signers is None:
        raise BadParameters("--identity needs --allowed-signers FILE.")
    audit = evidence.verify(folder, head=head, allowed_signers=allowed_signers, identity=identity)
    for line in audit.lines():
        say(line)
    audit.require()
    say(f"\nThe evidence holds. Its verdict: {evidence.load(folder).verdict}.")


@app.command()
def report(
    folder: RunFolder,
    to: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Output file. The report of a sealed run is not replaced."),
    ] = None,
) -> None:
    """Write report.html from the evidence of a run."""
    from drlib.evidence import evidence

    say(short(evidence.report(folder, to=to)))


@app.command()
def seal(folder: RunFolder) -> None:
    """Seal a run: store the hash of every file, as a drill does at its end."""
    from drlib.evidence import evidence

    say(f"Sealed: {evidence.close(folder)}")
