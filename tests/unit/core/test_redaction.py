"""Nothing secret leaves: canaries are planted wherever one may come in, and every file of a run is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pyarrow.parquet
import pytest
from nbclient import NotebookClient

from drlib import parameters, target
from drlib.core import redaction, samples
from drlib.core.errors import BadParameters, StepFailed
from drlib.core.redaction import mask, mask_all
from drlib.core.samples import Stamp
from drlib.evidence import evidence
from drlib.faults import restore
from drlib.payments.ledger import Attempt, Ledger
from drlib.runner import notebook
from drlib.runs import folders, journal
from drlib.runs.run import Run
from tests.fakes import Nowhere
from tests.unit.runner import notebooks

PAYMENT = "9b2c6e4e-7d0b-5c1a-8a4e-123456789012"
PAID = "9b2c6e4e-7d0b-5c1a-8a4e-1234567890ab"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SESSION = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCXVzLWVhc3QtMSJH"
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
KEY = "AKIAIOSFODNN7EXAMPLE"
PASSPHRASE = "correct horse battery"
ACCOUNT = "123456789012"
CANARIES = (SECRET, SESSION, TOKEN, SIGNATURE, KEY, PASSPHRASE, ACCOUNT, "swordfish-9", "hunter2-hunter2")
URL = f"https://b.s3.amazonaws.com/k?X-Amz-Credential={KEY}%2F20260101&X-Amz-Signature={SIGNATURE}"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("in account 123456789012.", "in account ***."),
        ("arn:aws:sns:us-east-2:123456789012:pay-events", "arn:***:pay-events"),
        ("arn:aws:iam::123456789012:role/pay-latch, and more", "arn:***:role/pay-latch, and more"),
        ("bucket pay-receipts-123456789012-use2", "bucket pay-receipts-***-use2"),
        (
            "https://sqs.us-east-2.amazonaws.com/123456789012/pay",
            "https://sqs.us-east-2.amazonaws.com/***/pay",
        ),
        (f"key {KEY} used", "key *** used"),
        (f"Bearer {TOKEN}", "Bearer ***"),
        (f"token {TOKEN}!", "token ***!"),
        (f"{{'SecretAccessKey': '{SECRET}', 'n': 1}}", "{'SecretAccessKey': '***', 'n': 1}"),
        (f'{{"SessionToken": "{SESSION}"}}', '{"SessionToken": "***"}'),
        (f"&quot;SessionToken&quot;: &quot;{SESSION}&quot;", "&quot;SessionToken&quot;: &quot;***&quot;"),
        (f"the key is {SECRET}", "the key is ***"),
        (f"aws_secret_access_key = {SECRET}", "aws_secret_access_key = ***"),
        (f"x {SESSION} y", "x *** y"),
        ("PULUMI_CONFIG_PASSPHRASE=hunter2-hunter2 pulumi up", "PULUMI_CONFIG_PASSPHRASE=*** pulumi up"),
        ("postgres://me:hunter2@db:5432/x", "postgres://***@db:5432/x"),
        (URL, "https://b.s3.amazonaws.com/k?X-Amz-Credential=***&X-Amz-Signature=***"),
        ("a\n-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nb", "a\n***\nb"),
    ],
)
def test_identities_and_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    "text",
    [
        f"payment {PAYMENT}",
        f"key drill-{PAYMENT}",
        "1700000000123 ms",
        "1767322800.123456789012 s",
        "0.123456789012",
        "1234567890121234ab a123456789012f",
        "us-east-2",
        "run 20260102T030405.678Z-region-outage-1a2b",
        "017451c0aa8f2d3e4b5c6d7e8f90123456789abc",
        "uXPV4ndFtSgDqWGAqKZ0hjBnE9sXYUpbWBnrv1BAXsU=",
        "vpce-65a270453589279b0, sg-0a1b2c3d4e5f67890, Z0123456789ABCDEFGHIJ",
        "journal ends in fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
        "the token was refused, and the passphrase is needed",
        "notebooks/30-drill-failover.ipynb and drlib/sandbox/FIDELITY.md",
        "127.0.0.11:8443, +01:00, 2026-01-02T03:04:05.678901Z",
    ],
)
def test_what_the_drill_needs_stays_readable(text: str) -> None:
    assert mask(text) == text


def test_masking_reaches_into_values_and_leaves_numbers_and_pictures() -> None:
    value = {
        "arns": ("arn:aws:sqs:us-east-2:123456789012:q",),
        "at": 123456789012.5,
        "n": 123456789012,
        "none": None,
        "image/png": f"{KEY}+{ACCOUNT}",
        "SecretAccessKey": "an odd-looking one",
        "env": {"MY_API_TOKEN": "an odd-looking one", "idempotency_key": "drill-1-2-3"},
    }
    masked = mask_all(value)
    assert masked == {
        "arns": ["arn:***:q"],
        "at": 123456789012.5,
        "n": 123456789012,
        "none": None,
        "image/png": f"{KEY}+{ACCOUNT}",
        "SecretAccessKey": "***",
        "env": {"MY_API_TOKEN": "***", "idempotency_key": "drill-1-2-3"},
    }
    assert json.loads(json.dumps(masked)) == masked


def test_the_environments_secrets_are_masked_by_their_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEPLOY_PASSWORD", "swordfish-9")
    monkeypatch.setenv("SHORT_TOKEN", "short")
    monkeypatch.setenv("SSH_KEY_FILE", "/etc/keys/one")
    monkeypatch.setenv("KEYBOARD", "qwerty-layout")
    assert mask("short swordfish-9 /etc/keys/one qwerty-layout") == "short *** /etc/keys/one qwerty-layout"


def test_an_error_is_masked_when_it_is_made() -> None:
    error = StepFailed(f"{KEY} was refused in {ACCOUNT}.", remedy=f"Ask {ACCOUNT}.")
    told = "\n".join([str(error), repr(error.args), *error._render_traceback_()])
    assert KEY not in told and ACCOUNT not in told


def test_what_nobody_caught_is_printed_masked(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError(f"got {TOKEN}")
    except ValueError as error:
        redaction.excepthook(ValueError, error, error.__traceback__)
    told = capsys.readouterr().err
    assert "ValueError: got ***" in told and TOKEN not in told


def test_a_run_with_masked_parameters_goes_on_with_its_own(here: Nowhere) -> None:
    run = folders.open_run(parameters.make({"force_reason": f"ask {ACCOUNT}"}), here)
    assert folders.find(run.run_id).settings.force_reason == f"ask {ACCOUNT}"
    assert ACCOUNT not in (run.folder / "parameters.json").read_text(encoding="utf-8")
    (private,) = (folders.runs().parent / ".drlib" / "parameters").glob("*.json")
    private.unlink()
    with pytest.raises(BadParameters, match="are masked, and .* is gone"):
        folders.find(run.run_id)


LEAKS = (
    "from drlib import parameters\n"
    "from drlib.runs import folders\n"
    "import os, sys, html\n"
    "parameters.from_cell(globals())",
    "print(os.environ['DEPLOY_PASSWORD'], force_reason)",
    "import logging\nlogging.warning(os.environ['PULUMI_CONFIG_PASSPHRASE'])",
    "os.write(2, (os.environ['DEPLOY_PASSWORD'] + chr(10)).encode())",
    "answer = {'Credentials': {'AccessKeyId': KEY, 'SecretAccessKey': SECRET, 'SessionToken': SESSION}}",
    "answer",
    "from IPython.display import HTML\nHTML(html.escape(str(answer)) + URL)",
    "run = folders.join(parameters.make({}), 'leaks')",
    "run.save('answer', answer)\nrun.note('look', detail=answer)",
    "with run.step('refused', resource=f'arn:aws:iam::{ACCOUNT}:role/x'):\n"
    "    raise RuntimeError(f'{TOKEN} {URL} {SECRET} is not allowed in {ACCOUNT}')",
)


def test_no_canary_is_in_any_file_of_a_run(
    tmp_path: Path, here: Nowhere, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(target, "open", lambda _: here)
    monkeypatch.setattr(restore, "pending", lambda _: [])
    monkeypatch.setenv("DEPLOY_PASSWORD", "swordfish-9")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setitem(notebooks.BODIES, "leaks", [known(), *LEAKS])
    parameters = f'{notebooks.PARAMETERS}\nforce_reason: str = ""  # why'
    source = notebooks.write(tmp_path, "leaks", parameters=parameters)
    said: list[str] = []
    reason = f"{KEY} {TOKEN} password=hunter2-hunter2"
    with pytest.raises(StepFailed) as raised:
        notebook.run(str(source), {"force_reason": reason}, say=said.append)
    run = folders.current()
    assert run is not None
    write_everything(run)

    files = [file for file in run.folder.rglob("*") if file.is_file()]
    kinds = {file.name for file in files}
    wanted = "leaks.ipynb journal.jsonl parameters.json answer.json evidence.json report.html kernels.log"
    assert {*wanted.split(), "ledger.parquet", "ledger.jsonl"} <= kinds
    texts = {file.name: readable(file) for file in files}
    told = capfd.readouterr()
    texts["terminal"] = "\n".join([str(raised.value), *said, told.out, told.err])
    found = {(name, canary) for name, text in texts.items() for canary in CANARIES if canary in text}
    assert not found
    assert "***" in texts["leaks.ipynb"] and "RuntimeError" in texts["leaks.ipynb"]
    assert texts["kernels.log"].count("***") >= 1, "it was written, masked"
    assert PAID in texts["ledger.jsonl"]


def test_a_kernel_sends_nothing_that_is_not_masked(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_PASSWORD", "swordfish-9")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", PASSPHRASE)
    monkeypatch.setitem(notebooks.BODIES, "leaks", [known(), *LEAKS])
    parameters = f'{notebooks.PARAMETERS}\nforce_reason: str = "{KEY} hangs here"  # why'
    content = nbformat.read(notebooks.write(tmp_path, "leaks", parameters=parameters), as_version=4)
    NotebookClient(content, kernel_name="python3", allow_errors=True, timeout=60).execute()
    outputs = [output for cell in content.cells for output in cell.get("outputs", [])]
    assert {output["output_type"] for output in outputs} == {"stream", "execute_result", "error"}
    assert not [canary for canary in CANARIES if canary in str(outputs)]
    assert "*** hangs here" in str(outputs)


def known() -> str:
    """Return a cell that knows the canaries."""
    names = ("KEY", "SECRET", "SESSION", "TOKEN", "URL", "ACCOUNT")
    return "\n".join(f"{name} = {globals()[name]!r}" for name in names)


def write_everything(run: Run) -> None:
    """Have the ledger, the evidence and the report written as well."""
    ledger = Ledger(log=run.folder / "ledger.jsonl")
    row: dict[str, Any] = {"cohort": "obeys-ttl", "client": 1, "idempotency_key": "k-1", "amount_minor": 1}
    row |= {"payment_id": PAID, "started_at": 1.0, "finished_at": 2.0}
    row |= {"status": 0, "region": "", "address": ""}
    ledger.close(Attempt(seq=1, outcome="indeterminate", error=f"reset: {URL}", **row))
    ledger.save(run.folder)
    file = run.folder / "samples" / "answers.parquet"
    columns = {"text": [URL, "200", URL]}
    samples.write(file, columns, {"text": str}, stamp=Stamp(), about={"who": ACCOUNT})
    evidence.refresh(run)
    evidence.report(run)
    assert journal.broken_link(journal.lines(run.folder)) == ""


def readable(file: Path) -> str:
    """Return everything that a file holds, as text."""
    if file.suffix == ".parquet":
        table = pyarrow.parquet.read_table(file)
        return f"{table.to_pylist()}{table.schema.metadata}"
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".ipynb":  # so that no escape hides anything
        content = nbformat.reads(text, as_version=4)
        return f"{text}\n{content}"
    return text
