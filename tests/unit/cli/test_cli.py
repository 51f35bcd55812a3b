"""The command line: one plain sentence and the right exit code, whatever goes wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from drlib import parameters, target
from drlib.cli.main import main
from drlib.core import errors
from drlib.core.errors import DrError
from drlib.evidence import evidence
from drlib.faults.scenario import every
from drlib.runner import drill, notebook
from drlib.runs import folders
from drlib.runs.run import Run
from drlib.sandbox.process import life
from drlib.sandbox.process.state import Status
from tests.fakes import Nowhere
from tests.unit.runner import notebooks

ROOT = Path(__file__).resolve().parents[3]
HEAVY = {
    "pandas",
    "matplotlib",
    "pulumi",
    "pulumi_aws",
    "papermill",
    "ministack",
    "boto3",
    "pydantic",
    "IPython",
}

Drlib = Callable[..., int]


@pytest.fixture
def drlib(home: Path, monkeypatch: pytest.MonkeyPatch) -> Drlib:
    """Run the command line in this process and return its exit code."""

    def call(*arguments: str) -> int:
        monkeypatch.setattr(sys, "argv", ["drlib", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    return call


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "No such command 'nope'."),
        (["drill"], "A drill needs either -f FILE or --resume RUN_ID."),
        (["drill", "-f", "a", "--resume", "b"], "A drill needs either -f FILE or --resume RUN_ID."),
        (["drill", "--resume", "b", "--scenario", "c"], "--scenario cannot change a run that is resumed."),
        (["drill", "--zz"], "No such option: --zz"),
        (["drill", "-f", "none.yaml"], "The parameter file none.yaml does not exist."),
        (["drill", "--resume", "x"], "There is no run 'x'."),
        (["drill", "-f", "params/sandbox.yaml", "--scenario", "meteor"], "scenario must be one of"),
        (["run", "99"], "There is no runbook '99'."),
        (["run", "30", "-p", "seed"], "-p needs a name and a value."),
        (["params"], "Missing argument"),
        (["verify", "."], "holds no evidence.json"),
        (["report", "."], "holds no evidence.json"),
        (["inject", "meteor"], "scenario must be one of"),
        (["sandbox", "up", "-f", "none.yaml"], "The parameter file none.yaml does not exist."),
    ],
)
def test_bad_usage_is_a_sentence_and_exit_code_2(
    drlib: Drlib,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(ROOT)
    assert drlib(*arguments) == 2
    err = capsys.readouterr().err
    assert said in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def classes(kind: type[DrError] = DrError) -> list[type[DrError]]:
    return [kind, *(below for child in kind.__subclasses__() for below in classes(child))]


@pytest.mark.parametrize("kind", [c for c in classes() if c.__module__ == errors.__name__])
def test_each_error_has_its_exit_code(
    drlib: Drlib, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: type[DrError]
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise kind("It is so.", remedy="Do this.")

    monkeypatch.setattr(drill, "drill", fail)
    assert drlib("drill", "-f", "x") == kind.exit_code
    assert capsys.readouterr().err == f"It is so. Do this. See {errors.see(errors.slug(kind.__name__))}.\n"


def test_the_drills_exit_code_is_passed_on(drlib: Drlib, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def fake(file: Path | None, **options: Any) -> int:
        seen.update(options, file=file)
        return 4

    monkeypatch.setattr(drill, "drill", fake)
    assert drlib("drill", "-f", "p.yaml", "--scenario", "region-outage", "--keep") == 4
    assert seen["file"] == Path("p.yaml")
    assert (seen["scenario"], seen["keep"], seen["resume"]) == ("region-outage", True, None)


def test_ctrl_c_says_how_to_check(
    drlib: Drlib, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(drill, "drill", interrupted)
    assert drlib("drill", "-f", "x") == 5
    assert "`drlib restore`" in capsys.readouterr().err


def test_parameters_are_given_in_pairs_many_times(
    drlib: Drlib, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(
        notebook,
        "run",
        lambda notebook, values, pairs, *, say: seen.append((notebook, values, pairs)) or tmp_path,
    )
    (tmp_path / "p.yaml").write_text("seed: 3\n")
    file = str(tmp_path / "p.yaml")
    assert drlib("run", "30", "-p", "seed", "4", "-f", file, "-p", "approval", "a b=c") == 0
    assert seen == [("30", {"seed": 3}, [("seed", "4"), ("approval", "a b=c")])]


def test_params_explains_a_runbook(drlib: Drlib, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert drlib("params", str(notebooks.write(tmp_path, "10-passes"))) == 0
    out = capsys.readouterr().out
    assert 'decision    str    "stay"     flip or stay' in out


def test_params_prints_the_groups(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    assert drlib("params", "00-preflight") == 0
    lines = capsys.readouterr().out.splitlines()
    headings = [line.removeprefix("# ") for line in lines if line.startswith("# ")]
    assert headings == list(parameters.GROUPS.values())
    assert lines[lines.index("# the sandbox") + 1].split()[:3] == ["time_scale", "float", "10.0"]


def test_a_rule_is_printed_whole(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    from drlib.stack.rules.catalogue import CATALOGUE

    for asked in ("sqs-visibility", "SQS visibility"):
        assert drlib("rules", asked) == 0
        told = capsys.readouterr().out
        rule = CATALOGUE["sqs-visibility"]
        assert all(part in told for part in (rule.id, rule.severity, rule.requires, rule.source, rule.fix))
    assert drlib("explain", "sqs-visibility") == 0
    assert capsys.readouterr().out == told


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sqs-visibilty", "There is no rule 'sqs-visibilty'. Did you mean sqs-visibility"),
        ("meteor", "There is no rule 'meteor'. `drlib rules` lists all rules."),
    ],
)
def test_an_unknown_rule_is_a_plain_error(
    drlib: Drlib, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert drlib("rules", name) == errors.BadParameters.exit_code
    assert said in capsys.readouterr().err


def test_rules_are_listed_with_their_sources(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    assert drlib("rules") == 0
    out = capsys.readouterr().out
    assert "sqs-visibility (critical)" in out
    assert "Lambda Developer Guide" in out


def test_scenarios_are_listed(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    assert drlib("scenarios") == 0
    out = capsys.readouterr().out
    assert all(f"{scenario.name}: " in out for scenario in every())


def test_scenarios_are_data_for_programs(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    assert drlib("scenarios", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == [scenario.name for scenario in every()]
    assert found[0]["expect"]["traffic"] == "moves"


@pytest.mark.parametrize("words", [("drill",), ("inject", "region-outage")], ids=["drill", "inject"])
def test_a_scenario_that_cannot_run_there_is_a_bad_parameter(
    drlib: Drlib, capsys: pytest.CaptureFixture[str], tmp_path: Path, words: tuple[str, ...]
) -> None:
    file = tmp_path / "aws.yaml"
    file.write_text("target: aws\ndomain_name: pay.acme.io\nstate_backend: s3://x\n")
    assert drlib(*words, "-f", str(file)) == 2
    assert "scenario region-outage can run on sandbox, and target is aws." in capsys.readouterr().err


def test_a_deadline_is_a_positive_number_of_seconds(drlib: Drlib, capsys: pytest.CaptureFixture[str]) -> None:
    assert drlib("inject", "region-outage", "--deadline", "0") == 2
    assert "--deadline" in capsys.readouterr().err


def test_good_evidence_is_verified_and_a_forgery_is_red(
    drlib: Drlib,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    here: Nowhere,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    evidence.update(run, here)
    assert drlib("report", str(run.folder)) == 0
    assert (run.folder / "report.html").exists()
    assert drlib("verify", str(run.folder)) == 0
    assert "The evidence holds. Its verdict: aborted." in capsys.readouterr().out
    monkeypatch.chdir(run.folder)
    assert drlib("verify", ".") == 0
    (run.folder / "parameters.json").write_text("{}")
    assert drlib("verify", str(run.folder)) == 1
    assert "parameters.json was changed" in capsys.readouterr().err


def test_restore_ends_what_is_in_force(
    drlib: Drlib,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    here: Nowhere,
) -> None:
    here.down = {"us-east-2": {}}
    monkeypatch.setattr(target, "open", lambda _, *, start: here)
    assert drlib("restore") == 0
    assert capsys.readouterr().out == "Restored: us-east-2\nNo fault is in force.\n"
    assert here.down == {}


def test_restore_starts_no_sandbox(drlib: Drlib, capsys: pytest.CaptureFixture[str], home: Path) -> None:
    assert drlib("restore") == 0
    assert capsys.readouterr().out == "No sandbox is running. No fault is in force.\n"
    assert life.status() is None


def test_the_open_run_says_which_target_is_meant(
    drlib: Drlib, monkeypatch: pytest.MonkeyPatch, here: Nowhere
) -> None:
    folders.open_run(parameters.make({"suffix": "mine"}), here)
    opened: list[parameters.Settings] = []
    monkeypatch.setattr(target, "open", lambda chosen, *, start: opened.append(chosen) or here)
    assert drlib("restore") == 0
    assert opened[0].suffix == "mine"


def test_a_sandbox_that_does_not_run_has_no_endpoints(
    drlib: Drlib, capsys: pytest.CaptureFixture[str]
) -> None:
    assert drlib("sandbox", "status", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {}
    assert drlib("sandbox", "status") == 0
    assert "No sandbox is running." in capsys.readouterr().out
    assert drlib("sandbox", "down") == 0
    assert "No sandbox was running." in capsys.readouterr().out


def test_status_names_every_endpoint(
    sandbox: Status,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    drlib: Drlib,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DRLIB_HOME", str(Path(sandbox.folder).parents[2]))
    same = tmp_path / "same.yaml"
    same.write_text(f"time_scale: {sandbox.time_scale}\n")
    assert drlib("sandbox", "up", "-f", str(same), "--json") == 0, "it runs already"
    facts = json.loads(capsys.readouterr().out)
    assert {"aws_endpoint", "dns", "edges", "ca_file", "time_scale", "pid", "instance_id"} <= set(facts)
    assert facts["pid"] == sandbox.pid
    assert drlib("sandbox", "status") == 0
    out = capsys.readouterr().out
    assert sandbox.edges["us-east-2"] in out
    assert sandbox.dns in out


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from drlib import cli; print(*(name for name in sys.modules if '.' not in name))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert HEAVY & set(found.stdout.split()) == set()


@pytest.mark.parametrize(
    "module",
    [
        "parameters",
        "show.output",
        "target",
        "runs.folders",
        "evidence.evidence",
        "runner.notebook",
        "runner.drill",
    ],
)
def test_a_notebooks_imports_are_light(module: str) -> None:
    code = f"import sys; import drlib.{module}; print(*(name for name in sys.modules if '.' not in name))"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert (HEAVY - {"pydantic"}) & set(found.stdout.split()) == set()
