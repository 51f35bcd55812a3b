"""One run's evidence: verify, report, seal."""

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
        str, typer.Option(metavar="HASH", help="The seal's hash as it was noted: 16 digits of it or more.")
    ] = "",
    allowed_signers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Who may have signed it: a file of allowed signers of ssh-keygen."),
    ] = None,
    identity: Annotated[str, typer.Option(metavar="NAME", help="Which of them must have signed it.")] = "",
) -> None:
    """Check a run again: every byte, and all figures from the raw samples. Exit code 1 if one is wrong."""
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
        Path | None, typer.Option(metavar="FILE", help="Where to; a sealed run's own page stays as it is.")
    ] = None,
) -> None:
    """Write a run's report.html, from its evidence."""
    from drlib.evidence import evidence

    say(short(evidence.report(folder, to=to)))


@app.command()
def seal(folder: RunFolder) -> None:
    """Put the hash of every file of a run under its journal's last line, as a drill does at its end."""
    from drlib.evidence import evidence

    say(f"Sealed: {evidence.close(folder)}")
