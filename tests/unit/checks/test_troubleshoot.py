"""Every error and check has its entry in 90-troubleshoot; every entry has its owner; links arrive."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import drlib
from drlib.checks import incident, planes, preflight, steady_state, troubleshoot
from drlib.core.aws_calls import Recorder
from drlib.core.errors import HANDBOOK, BadParameters, DrError, StepFailed, see, slug
from drlib.deployed.fence import Fence
from drlib.show import checklist
from drlib.show.checklist import Checks, Failed, Probe
from drlib.stack.rules.catalogue import CATALOGUE
from drlib.stack.rules.rule import ENTRY
from drlib.switch import failback_gates
from drlib.switch.planned_move import prepare, rest
from tests.notebooks import handbook, normalise
from tests.red import first_design, sabotages
from tests.two_regions import PRIMARY, STANDBY

ROOT = Path(drlib.__file__).resolve().parent
SOURCES = sorted(file for file in ROOT.rglob("*.py"))
NOTEBOOK = handbook.FILE


def errors(kind: type[DrError] = DrError) -> list[type[DrError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in errors(child))]


@pytest.fixture(scope="module")
def everything() -> None:
    """Import all of drlib, so that every class of error is there."""
    for module in pkgutil.walk_packages(drlib.__path__, "drlib."):
        if not module.name.startswith("drlib.sandbox."):
            importlib.import_module(module.name)


@pytest.fixture
def asked(monkeypatch):
    """The questions that drlib puts, by the place that puts them. None of them is answered."""
    found: dict[tuple[str, int], list[list[Probe]]] = {}

    def make(title, probes, **_):
        caller = sys._getframe(1)
        where = (Path(caller.f_code.co_filename).relative_to(ROOT).as_posix(), caller.f_lineno)
        found.setdefault(where, []).append(list(probes))
        return Checks(title, tuple(checklist.Check(probe.id, probe.name, "passed") for probe in probes))

    monkeypatch.setattr(checklist, "make", make)
    return found


def put_all(here, deployment, run, monkeypatch):
    """Have every list of questions put once."""
    here.calls = Recorder()
    preflight.preflight(here)
    preflight.look(here.settings)
    preflight.teardown_ready(here)
    steady_state.steady_state(here, deployment)
    steady_state.drill_ready(here, deployment)
    steady_state.standby_ready(here, deployment)
    planes.planes_proof(here, deployment)
    planes.planes_proof(here, deployment, planned=True)
    incident.decide(SimpleNamespace(speaks_for_it=[], readiness=steady_state.standby_ready(here, deployment)))
    monkeypatch.setattr(failback_gates, "moved", lambda *_: True)
    failback_gates.gates(here, deployment, run)
    move = prepare.plan(here, deployment)
    prepare.ready(here, deployment, move)
    rest.at_rest(here, deployment, move, Fence(PRIMARY, True, STANDBY, 0.0, 1.0))


def lists(asked) -> list[list[Probe]]:
    return [probes for found in asked.values() for probes in found]


def entry_of(probe: Probe) -> str:
    (found,) = re.findall(rf"{HANDBOOK}#([a-z0-9-]+)", probe.advice())
    return found


def sites() -> set[tuple[str, int]]:
    """Every place in drlib that puts questions."""
    return {
        (file.relative_to(ROOT).as_posix(), line)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "checklist.make"
        for line in (node.lineno,)
    }


def named_in_code() -> set[str]:
    """The entries that code names: `entry=` of an error, and whatever is written as a link."""
    found = set()
    for file in SOURCES:
        text = file.read_text(encoding="utf-8")
        found |= set(re.findall(rf"{HANDBOOK}#([a-z0-9-]+)", text))
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call):
                found |= {
                    word.value.value
                    for word in node.keywords
                    if word.arg == "entry" and isinstance(word.value, ast.Constant)
                }
    return found


def headings() -> list[str]:
    words = "\n".join(
        cell["source"] for cell in normalise.load(NOTEBOOK)["cells"] if cell["cell_type"] == "markdown"
    )
    return re.findall(r"^#{3,4} (.+)$", words, flags=re.MULTILINE)


def test_every_error_and_check_has_an_entry_and_no_entry_is_left_over(
    everything, asked, here, deployment, aws, run, monkeypatch
):
    put_all(here, deployment, run, monkeypatch)
    owners = {
        "errors": {slug(kind.__name__) for kind in errors() if kind.__module__.startswith("drlib.")},
        "checks": {entry_of(probe) for probes in lists(asked) for probe in probes},
        "rules": {ENTRY},
        "named": named_in_code(),
    }
    known = troubleshoot.entries().keys()
    missing = {kind: sorted(names - known) for kind, names in owners.items() if names - known}
    assert not missing, "these have no entry in drlib/checks/troubleshoot.yaml"
    assert sorted(known - set().union(*owners.values())) == [], "these entries belong to nothing"


def test_every_list_of_questions_was_looked_at(asked, here, deployment, aws, run, monkeypatch):
    put_all(here, deployment, run, monkeypatch)
    assert sites() == asked.keys()


def test_every_id_is_a_slug_unique_in_its_list_and_explained(asked, here, deployment, aws, run, monkeypatch):
    put_all(here, deployment, run, monkeypatch)
    known = troubleshoot.entries().keys()
    for probes in lists(asked):
        ids = [probe.id for probe in probes]
        assert ids == [slug(one) for one in ids]
        assert len(set(ids)) == len(ids)
        assert {entry_of(probe) for probe in probes} <= known
    assert all(one.id == slug(one.id) for one in CATALOGUE.values())


def test_one_question_has_one_id_and_one_name(asked, here, deployment, aws, run, monkeypatch):
    """Two spellings of a name, or two ids, would be two checks for whoever reads the evidence."""
    put_all(here, deployment, run, monkeypatch)
    ids: dict[str, set[str]] = {}
    for probe in (probe for probes in lists(asked) for probe in probes):
        ids.setdefault(probe.name, set()).add(probe.id)
    assert {name: found for name, found in ids.items() if len(found) > 1} == {}
    (name,) = {probe.name for probes in lists(asked) for probe in probes if probe.id == "no-fault-in-force"}
    assert name == "no fault is in force"


ANSWERED_WITHOUT_A_QUESTION = {
    "show/checklist.py": "answers every probe",
    "stack/rules/catalogue.py": "a rule's id is its check's, and its entry's",
    "runs/approval.py": "the calls of a plan, explained under `only-planned`",
    "switch/failback_gates.py": "nothing has moved: always passed",
}


def test_a_check_without_a_probe_is_made_in_known_places_alone():
    made = {
        file.relative_to(ROOT).as_posix()
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Check", "checklist.Check")
    }
    assert made == ANSWERED_WITHOUT_A_QUESTION.keys()


def test_the_runbook_has_each_heading_once_and_is_what_the_entries_say():
    groups = troubleshoot.groups()
    expected = [*(group.name for group in groups), *troubleshoot.entries(), "contents"]
    assert sorted(headings()) == sorted(expected)
    assert len(set(expected)) == len(expected)
    stored = normalise.load(NOTEBOOK)
    assert normalise.dumps(normalise.normalise(handbook.written(stored))) == normalise.dumps(stored)


@pytest.mark.parametrize("entry", troubleshoot.entries().values(), ids=lambda entry: entry.name)
def test_an_entry_says_all_four_things_in_sentences_and_its_links_arrive(entry):
    parts = (entry.symptom, entry.cause, entry.test, entry.cure)
    assert all(len(part.split()) >= 2 or part.startswith("`") for part in parts)
    assert len(set(parts)) == 4
    for text in parts:
        for words, to in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", text):
            file, _, anchor = to.partition("#")
            assert words
            assert not file or (NOTEBOOK.parent / file).exists(), to
            assert not anchor or anchor in headings(), to


def test_a_heading_is_its_own_anchor_for_every_reader():
    assert all(re.fullmatch(r"[a-z0-9]+(?:-[a-z0-9]+)*", heading) for heading in headings())


def test_an_error_links_to_its_class_or_to_what_it_names():
    assert StepFailed("no").see == see("step-failed")
    assert StepFailed("no", entry="stages").see == see("stages")
    assert StepFailed("no", remedy="Wait.")._render_traceback_()[-1] == f"  more:  {see('step-failed')}"
    assert Failed("red").see == see("failed")


def test_a_red_check_links_in_text_and_in_html(monkeypatch):
    def ask() -> str:
        raise Failed("<off>")

    made = checklist.make("One", [Probe("the-worker-is-on", "the worker is on", ask).of("primary")])
    (row,) = made.rows
    assert row.hint == f"See {see('the-worker-is-on')}."
    link = '<a href="90-troubleshoot.ipynb#the-worker-is-on">90-troubleshoot#the-worker-is-on</a>'
    assert link in made._repr_mimebundle_()["text/html"]
    monkeypatch.setenv("DRLIB_RUNBOOKS", "../../notebooks/")
    assert f'href="../../notebooks/{NOTEBOOK.name}#' in made._repr_mimebundle_()["text/html"]


@pytest.mark.parametrize(
    "name",
    ["the worker is on (standby)", "the-worker-is-on", "90-troubleshoot#the-worker-is-on", "NotApproved"],
)
def test_explain_takes_a_name_in_any_form(name):
    (found,) = troubleshoot.explain(name)
    assert found.name in ("the-worker-is-on", "not-approved")
    assert "](" not in str(found)


def test_explain_finds_words_and_says_when_there_are_none():
    assert "fence" in [entry.name for entry in troubleshoot.explain("retry-after planned")]
    with pytest.raises(BadParameters, match="No entry and no rule matches 'meteor'"):
        troubleshoot.explain("meteor")


def test_the_red_suite_names_checks_that_exist(asked, here, deployment, aws, run, monkeypatch):
    put_all(here, deployment, run, monkeypatch)
    known = {probe.id for probes in lists(asked) for probe in probes}
    named = {one for case in (*sabotages.CASES, *first_design.CASES) for one in (*case.red, *case.echo)}
    assert named
    assert named - known == set()


@pytest.mark.parametrize("name", CATALOGUE)
def test_explain_answers_a_rules_name_by_the_rule_itself(name):
    assert name not in troubleshoot.entries()
    assert troubleshoot.explain(name) == [CATALOGUE[name]]


def test_explain_finds_words_of_a_rule():
    assert CATALOGUE["sqs-visibility"] in troubleshoot.explain("visibility_timeout_seconds six times")
