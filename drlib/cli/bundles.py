"""One run's evidence: verify, report, seal, sign."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from drlib.cli.app import RunFolder, app, say, short
from drlib.errors import BadParameters

KMS_ARN_PARTS = 6


@app.command()
def verify(
    folder: RunFolder,
    head: Annotated[
        str, typer.Option(metavar="HASH", help="The seal's hash as it was noted: 16 digits of it or more.")
    ] = "",
    public_key: Annotated[
        Path | None, typer.Option(metavar="FILE", help="The public key that it must be signed with.")
    ] = None,
) -> None:
    """Check a run again: every byte, and all figures from the raw samples. Exit code 1 if one is wrong."""
    from drlib import evidence

    audit = evidence.verify(folder, head=head, public_key=public_key)
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
    from drlib import evidence

    say(short(evidence.report(folder, to=to)))


@app.command()
def seal(folder: RunFolder) -> None:
    """Put the hash of every file of a run under its journal's last line, as a drill does at its end."""
    from drlib import evidence

    say(f"Sealed: {evidence.close(folder)}")


@app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key goes; not in runs/.")],
) -> None:
    """Make a key to sign runs with. FILE.pub is the half to hand to an auditor."""
    from drlib import signing

    say(f"Private key: {short(file)}\nPublic key:  {short(signing.keygen(file))}")


@app.command()
def sign(
    folder: RunFolder,
    key: Annotated[Path | None, typer.Option(metavar="FILE", help="A key of `drlib keygen`.")] = None,
    kms: Annotated[str | None, typer.Option(metavar="ARN", help="An asymmetric KMS key for signing.")] = None,
) -> None:
    """Sign a run's seal, with a local key or with one in KMS. `drlib verify --public-key` checks it."""
    from drlib import clients, evidence, signing

    if (key is None) == (kms is None):
        raise BadParameters("A signature needs either --key FILE or --kms ARN.")
    evidence.load(folder)
    if key is not None:
        signer = signing.local(key)
    else:
        arn = str(kms).split(":")
        if len(arn) != KMS_ARN_PARTS or arn[2] != "kms":
            raise BadParameters("--kms must be the ARN of a key, such as arn:aws:kms:REGION:ACCOUNT:key/ID.")
        client = clients.account_session().client("kms", region_name=arn[3], **clients.account_options())
        signer = signing.kms(client, str(kms))
    written = signing.sign(folder, signer)
    say(f"Signed: {short(written)}\nKey:    {signing.fingerprint(signer.public_key)}")
