"""The audit: every changed byte is found, and every figure that the samples do not bear out."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from drlib.core import samples
from drlib.core.clock import Clock
from drlib.core.errors import BadParameters, VerdictRed
from drlib.core.samples import Stamp
from drlib.evidence import bundle, evidence, schema
from drlib.evidence.audit import audit
from drlib.evidence.audit.figures import differences
from drlib.payments import ledger
from drlib.runs import folders, journal, seal
from tests.fakes import Nowhere
from tests.unit.evidence.bundles import PRIMARY, STANDBY, complete, drilled, live

MUTATIONS = 1000


@pytest.fixture
def sealed(here: Nowhere) -> Path:
    """The folder of a sealed run that passed."""
    run = complete(here)
    assert evidence.load(run.folder).verdict == "passed"
    return run.folder


def rewrite(folder: Path, name: str, change: Callable[[Any], Any]) -> None:
    """Change a JSON file, and write it as its writer would."""
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def rehash(folder: Path) -> None:
    """Do what a forger would do who has read the source: make hashes, chain, evidence and seal anew."""
    entries = [line for line in journal.lines(folder) if line["step"] != seal.STEP]
    (folder / journal.JOURNAL).unlink()
    for line in entries:
        detail = line["detail"]
        if "file" in detail and (folder / detail["file"]).exists():
            detail["sha256"] = journal.sha256((folder / detail["file"]).read_bytes())
        if line["step"] == "open":
            detail["parameters_sha256"] = journal.sha256((folder / "parameters.json").read_bytes())
            detail["run_sha256"] = journal.sha256((folder / "run.json").read_bytes())
        journal.append(folder, {key: line[key] for key in line.keys() - {"seq", "prev", "hash"}})
    bundle.write(folder)
    seal.close(folder)


def test_a_sealed_run_holds_and_nothing_of_it_is_uncovered(sealed: Path) -> None:
    found = audit.verify(sealed)
    assert found.wrong == []
    assert found.uncovered == ()
    assert found.again == evidence.load(sealed).content
    assert found.require() is found


def test_every_one_of_a_thousand_changed_bytes_is_found(sealed: Path) -> None:
    chance = random.Random(20260102)
    files = [file for file in sorted(sealed.rglob("*")) if file.is_file() and file.stat().st_size]
    names = {file.relative_to(sealed).as_posix() for file in files}
    assert {"report.html", "evidence.json", "manifest.json", "journal.jsonl", "kernels.log"} <= names
    assert {"30-drill-failover.ipynb", "run.json", "parameters.json", "ledger.parquet"} <= names
    missed = []
    for number in range(MUTATIONS):
        file = files[number % len(files)]
        whole = file.read_bytes()
        place = chance.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= chance.randrange(1, 256)
        file.write_bytes(bytes(changed))
        if not audit.verify(sealed).wrong:
            missed.append((file.name, place, whole[place], changed[place]))
        file.write_bytes(whole)
    assert missed == []
    assert audit.verify(sealed).wrong == []


@pytest.mark.parametrize("name", ["report.html", "evidence.json", "journal.jsonl", "manifest.json"])
def test_a_byte_added_or_taken_at_the_end_is_found(sealed: Path, name: str) -> None:
    whole = (sealed / name).read_bytes()
    for changed in (whole + b" ", whole[:-1]):
        (sealed / name).write_bytes(changed)
        assert audit.verify(sealed).wrong


@pytest.mark.parametrize(
    "name", ["report.html", "kernels.log", "30-drill-failover.ipynb", "samples/holdings.parquet", "run.json"]
)
def test_a_file_that_is_gone_is_found(sealed: Path, name: str) -> None:
    (sealed / name).unlink()
    if name == "run.json":
        with pytest.raises(BadParameters, match=r"holds no run\.json"):
            audit.verify(sealed)
    else:
        assert f"{name} is missing." in " ".join(audit.verify(sealed).wrong)


def test_a_file_that_was_added_is_found(sealed: Path) -> None:
    (sealed / "notes.txt").write_text("all was well")
    assert audit.verify(sealed).wrong == ["notes.txt was added after the seal."]


def test_a_journal_without_its_last_lines_does_not_go_with_the_manifest(sealed: Path) -> None:
    lines = (sealed / journal.JOURNAL).read_text().splitlines(keepends=True)
    (sealed / journal.JOURNAL).write_text("".join(lines[:-1]))
    assert "lines were cut off" in " ".join(audit.verify(sealed).wrong)


def test_the_same_in_other_bytes_is_found(sealed: Path) -> None:
    for name in (journal.JOURNAL, bundle.EVIDENCE):
        whole = (sealed / name).read_text()
        (sealed / name).write_text(whole.replace(":", ": ", 1) if name == journal.JOURNAL else whole + "\n")
        assert audit.verify(sealed).wrong
        (sealed / name).write_text(whole)
    assert audit.verify(sealed).wrong == []


def test_figures_that_were_made_up_and_hashed_are_told_one_by_one(sealed: Path) -> None:
    measured = evidence.load(sealed).content["rto"]["measured_seconds"]
    stages = {"client_error": 12.0}

    def faster(recovery: dict[str, Any]) -> None:
        recovery.update(measured_seconds=12.0, stages=stages)

    rewrite(sealed, "saved/recovery.json", faster)
    rewrite(sealed, "saved/losses.json", lambda losses: losses.update(stranded=[], rpo_seconds=0.0))
    rehash(sealed)
    stated = evidence.load(sealed)
    assert (stated.verdict, stated.content["rto"]["measured_seconds"]) == ("passed", 12.0)
    found = audit.verify(sealed)
    told = " ".join(found.wrong)
    assert f"rto.measured_seconds is stated as 12.0, but the samples give {measured}" in told
    assert "rpo.stranded is stated as 0, but the samples give 1" in told
    assert "rpo.seconds is stated as 0.0" in told
    assert found.again["rto"]["measured_seconds"] == measured


def test_a_verdict_that_the_samples_do_not_bear_out_is_told(here: Nowhere) -> None:
    run = complete(here, {"rto_target_seconds": 30})
    assert evidence.load(run.folder).verdict == "failed"
    rewrite(run.folder, "saved/recovery.json", lambda it: it.update(measured_seconds=1.0, stages={"a": 1.0}))
    rehash(run.folder)
    assert evidence.load(run.folder).verdict == "passed"
    told = " ".join(audit.verify(run.folder).wrong)
    assert "verdict is stated as 'passed', but the samples give 'failed'" in told


def test_a_hypothesis_that_the_samples_do_not_bear_out_is_told(sealed: Path) -> None:
    rewrite(sealed, "saved/sightings.json", lambda seen: seen["detected"].update({"health-checks": 1.0}))
    rehash(sealed)
    told = " ".join(audit.verify(sealed).wrong)
    assert "detected.health-checks is stated as 1.0" in told
    assert "hypothesis.seen.detected.health-checks" in told


def test_a_move_that_took_longer_than_is_stated_is_told(here: Nowhere) -> None:
    run = drilled(here)
    move = {"kind": "switchover", "source": PRIMARY, "destination": STANDBY, "seconds": 60.0}
    kept = run.folder / "samples/watch.30-drill-failover.parquet"
    shutil.copy(kept, kept.with_name("watch.60-switchover.parquet"))
    run.save("move.60-switchover", move)
    evidence.refresh(run)
    assert audit.verify(run.folder).wrong == []
    run.save("move.60-switchover", move | {"seconds": 5.0})
    evidence.refresh(run)
    assert "60-switchover states 5.0 s, but the samples give 60.0 s." in audit.verify(run.folder).wrong
    run.save("move.50-incident-failover", move | {"kind": "incident"})
    evidence.refresh(run)
    assert "50-incident-failover: a move is stated without samples" in " ".join(
        audit.verify(run.folder).wrong
    )


def test_what_is_wrong_may_be_the_code_that_checks(sealed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rewrite(sealed, "saved/sightings.json", lambda seen: seen.update(both_served=9))
    rehash(sealed)
    commit = evidence.load(sealed).content["git_commit"]
    assert "another commit" not in str(audit.verify(sealed).remedy)
    monkeypatch.setattr(bundle, "git_commit", lambda: ("0" * 40, False))
    with pytest.raises(VerdictRed, match=f"made by another commit, {commit[:12]}"):
        audit.verify(sealed).require()


def test_a_ledger_with_fewer_failures_does_not_go_with_the_figures(sealed: Path) -> None:
    rows = [row for row in ledger.Ledger.load(sealed).attempts() if row.outcome != "fail"]
    ledger.Ledger(rows, stamp=samples.read(sealed / ledger.FILE).stamp).save(sealed)
    rehash(sealed)
    told = " ".join(audit.verify(sealed).wrong)
    assert "failed is stated as" in told


def test_a_fault_that_began_at_another_instant_is_told(sealed: Path) -> None:
    rewrite(sealed, "saved/fault.json", lambda fault: fault.update(at=fault["at"] + 30.0))
    rehash(sealed)
    told = audit.verify(sealed).wrong
    assert "The recovery time does not start at the instant of the fault." in told
    assert "The loss does not start at the instant of the fault." in told


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("samples/watch.30-drill-failover.parquet", "A recovery time is stated without samples"),
        ("samples/holdings.parquet", "stated without scans of the regions"),
    ],
)
def test_figures_without_samples_do_not_hold(sealed: Path, file: str, said: str) -> None:
    (sealed / file).unlink()
    entries = [line for line in journal.lines(sealed) if line["detail"].get("file") != file]
    (sealed / journal.JOURNAL).unlink()
    for line in entries:
        journal.append(sealed, {key: line[key] for key in line.keys() - {"seq", "prev", "hash"}})
    rehash(sealed)
    assert said in " ".join(audit.verify(sealed).wrong)


def forged_to_live(folder: Path, *, also: tuple[str, ...] = ()) -> None:
    """Say that a simulated run was live: in its parameters, and in the parts that are named."""
    rewrite(folder, "parameters.json", lambda values: values.update(target="aws"))
    if "run" in also:
        rewrite(folder, "run.json", lambda it: it.update(origin="live", clock={"scale": 1.0, "anchor": 0.0}))
        entries = journal.lines(folder)
        (folder / journal.JOURNAL).unlink()
        for line in entries:
            facts = {key: line[key] for key in line.keys() - {"seq", "prev", "hash"}}
            if line["step"] == "open":
                facts["detail"] = {**line["detail"], "origin": "live"}
            journal.append(folder, facts)
    if "saved" in also:
        rewrite(folder, "saved/fault.json", lambda fault: fault.update(target="aws", instance_id="aws"))
        rewrite(folder, "saved/recovery.json", lambda recovery: recovery.update(origin="live"))
    if "samples" in also:
        for file in (folder / ledger.FILE, *samples.files(folder)):
            kept = samples.read(file)
            columns = {
                name: column for name, column in kept.columns.items() if name not in ("origin", "clock")
            }
            types = {name: type(column[0]) for name, column in columns.items()}
            samples.write(file, columns, types, stamp=Stamp("live", Clock()), about=kept.about)
    rehash(folder)


@pytest.mark.parametrize(
    "also", [(), ("run",), ("saved",), ("run", "saved"), ("run", "samples"), ("run", "saved", "samples")]
)
def test_a_simulated_run_never_prints_as_live(here: Nowhere, also: tuple[str, ...]) -> None:
    run = complete(here)
    forged_to_live(run.folder, also=also)
    assert bundle.build(run.folder)["origin"] == "simulated"
    assert "contradicts itself on its origin" in " ".join(audit.verify(run.folder).wrong)
    with pytest.raises(VerdictRed, match="counts as simulated"):
        evidence.report(run.folder, to=run.folder / "again.html")


def test_one_simulated_sample_among_live_ones_is_enough(home: Path) -> None:
    here, values = live(home)
    run = drilled(here, values)
    assert evidence.load(run.folder).content["origin"] == "live"
    import pyarrow
    import pyarrow.parquet

    file = run.folder / ledger.FILE
    table = pyarrow.parquet.read_table(file)
    origins = ["simulated", *table["origin"].to_pylist()[1:]]
    place = table.schema.get_field_index("origin")
    pyarrow.parquet.write_table(table.set_column(place, "origin", pyarrow.array(origins)), file)
    content = evidence.refresh(run).content
    assert content["origin"] == "simulated"
    assert "contradicts itself" in " ".join(audit.verify(run.folder).wrong)


def test_a_live_run_holds_as_one(home: Path) -> None:
    here, values = live(home)
    run = complete(here, values)
    found = audit.verify(run.folder)
    assert found.wrong == []
    assert (found.again["origin"], found.again["clock"]["kind"]) == ("live", "wall")
    assert not [limit for limit in found.limits if "simulated" in limit]


def test_an_open_run_holds_up_to_where_it_is(here: Nowhere) -> None:
    run = drilled(here)
    found = audit.verify(run.folder)
    assert found.wrong == []
    assert found.uncovered == ("kernels.log",)
    assert any("not sealed" in limit for limit in found.limits)
    run.save("takeover", {"region": "x", "at": 1.0})
    half_way = audit.verify(run.folder)
    assert half_way.wrong == []
    assert any("continued after" in limit for limit in half_way.limits)
    (run.folder / "figures/waterfall.png").write_bytes(b"")
    assert audit.verify(run.folder).wrong == ["figures/waterfall.png was changed after it was written."]


def test_a_run_that_goes_on_after_its_seal_is_open_until_the_next(here: Nowhere) -> None:
    run = complete(here)
    run.note("resume")
    (run.folder / "kernels.log").write_text("more\n")
    found = audit.verify(run.folder)
    assert found.wrong == []
    assert "kernels.log" in found.uncovered
    evidence.refresh(run)
    evidence.close(run)
    assert audit.verify(run.folder).uncovered == ()


def test_a_notebook_that_is_being_written_again_is_no_forgery(here: Nowhere) -> None:
    run = drilled(here)
    run.note("runbook", "intent", detail={"notebook": "30-drill-failover.ipynb"})
    (run.folder / "30-drill-failover.ipynb").write_text("half")
    assert audit.verify(run.folder).wrong == []


def test_a_line_that_was_cut_off_is_told(here: Nowhere) -> None:
    run = drilled(here)
    with (run.folder / journal.JOURNAL).open("ab") as file:
        file.write(b'{"seq":99')
    assert "last line is not whole" in " ".join(audit.verify(run.folder).wrong)


def test_a_note_of_the_seal_tells_a_run_that_was_written_anew(sealed: Path) -> None:
    noted = journal.lines(sealed)[-1]["hash"]
    for head in (noted, noted[:16]):
        assert audit.verify(sealed, head=head).wrong == []
    assert audit.verify(sealed, head=noted[:15]).wrong, "too short to tell"
    rewrite(sealed, "parameters.json", lambda values: values.update(seed=2))
    rehash(sealed)
    assert audit.verify(sealed).wrong == []
    assert ", not in" in " ".join(audit.verify(sealed, head=noted).wrong)


def test_the_page_of_a_sealed_run_stays_and_another_may_be_written_elsewhere(sealed: Path) -> None:
    before = (sealed / "report.html").read_bytes()
    evidence.report(sealed)
    assert (sealed / "report.html").read_bytes() == before
    other = evidence.report(sealed, to=sealed.parent / "other.html")
    assert other.read_text().startswith("<!doctype html>")
    assert audit.verify(sealed).wrong == []


def test_every_evidence_fits_the_published_schema(here: Nowhere, home: Path) -> None:
    published = json.loads(schema.FILE.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(published)
    assert schema.text() == schema.FILE.read_text(encoding="utf-8"), "run python -m drlib.evidence.schema"
    empty = folders.open_run(folders.find(complete(here).run_id).settings, here)
    evidence.update(empty)
    for file in sorted((home / "runs").glob("*/evidence.json")):
        content = json.loads(file.read_text())
        jsonschema.validate(content, published)
        assert schema.problem(content) == ""
    assert "schema: verdict" in schema.problem(content | {"verdict": "fine"})
    assert "rpo" in schema.problem({key: content[key] for key in content.keys() - {"rpo"}})


def test_differences_are_named_by_their_place() -> None:
    assert list(differences({"a": {"b": [1]}, "c": None}, {"a": {"b": [1, 2]}, "c": 2.0})) == [
        "a.b is stated as 1 entries, but the samples give 2 entries",
        "c is stated as nothing, but the samples give 2.0",
    ]


def test_a_copy_of_a_run_holds_wherever_it_is(sealed: Path, tmp_path: Path) -> None:
    copy = tmp_path / "elsewhere" / sealed.name
    shutil.copytree(sealed, copy)
    assert audit.verify(copy).wrong == []
