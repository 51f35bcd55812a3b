"""The ledger takes whole marks only, and is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fidelity import ledger
from tests.fidelity.__main__ import main

GOOD = 'service="SQS", behaviour="a queue queues", level="documented", source="Developer Guide, Queues"'


@pytest.fixture
def tests(tmp_path: Path) -> Path:
    folder = tmp_path / "tests"
    folder.mkdir()
    (folder / "not_modelled.yaml").write_text(
        "- {service: SQS, behaviour: a queue sings, why: AWS documents no tune}\n"
    )
    return folder


def collect(tests: Path, mark: str) -> list[ledger.Behaviour]:
    text = f"import pytest\n@pytest.mark.fidelity({mark})\ndef test_it(): ...\n"
    (tests / "test_one.py").write_text(text)
    return ledger.collect(tests, tests / "not_modelled.yaml")


def test_a_behaviour_is_listed_with_its_source_and_its_proof(tests: Path) -> None:
    page = ledger.render(collect(tests, GOOD))
    assert "| a queue queues | as AWS documents it | Developer Guide, Queues. [test_it]" in page
    assert "| a queue sings | not modelled: AWS documents no tune |  |" in page
    assert "| SQS | 1 | 0 | 1 |" in page


@pytest.mark.parametrize(
    "mark, said",
    [
        (GOOD.replace(', source="Developer Guide, Queues"', ""), "lacks source"),
        (GOOD.replace("documented", "approximated"), "lacks note"),
        (GOOD.replace("documented", "perfect"), "level is one of documented, approximated"),
        (GOOD + ', remark="x"', "each by its name"),
        (GOOD.replace('"SQS"', "SERVICE"), "plain texts"),
        (GOOD.replace("a queue queues", "a queue sings"), "is in the ledger already"),
    ],
)
def test_a_mark_that_says_too_little_is_refused(tests: Path, mark: str, said: str) -> None:
    with pytest.raises(ledger.BadLedger, match=said):
        collect(tests, mark)


def test_a_mark_that_stands_on_no_test_is_refused(tests: Path) -> None:
    (tests / "test_one.py").write_text(f"import pytest\npytestmark = pytest.mark.fidelity({GOOD})\n")
    with pytest.raises(ledger.BadLedger, match="stands on a test function"):
        ledger.collect(tests, tests / "not_modelled.yaml")


def test_a_stale_page_is_told(
    tests: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ledger, "LEDGER", ledger.ROOT / "drlib" / "sandbox" / "__init__.py")
    assert main(["--check"]) == 1
    assert "run `python -m tests.fidelity`" in capsys.readouterr().err
