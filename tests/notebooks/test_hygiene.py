"""What every stored runbook keeps to. Read from the files; nothing is run."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from functools import cache
from pathlib import Path
from typing import Any

import nbformat
import pytest

from drlib.checks import troubleshoot
from drlib.core.errors import HANDBOOK
from drlib.parameters import GROUPS, PARAMETERS
from drlib.runner import lab, parameters_cell
from tests.notebooks import normalise, stage
from tests.notebooks import parameters as common
from tests.notebooks.stage import ROOT

SECTIONS = (
    "Purpose", "Parameters", "Validate", "Preflight", "Plan", "Approve", "Act", "Verify", "Evidence", "Next",
)  # fmt: skip
READ_ONLY = {"00-preflight", "20-verify", "70-report"}
NEEDED = {
    **dict.fromkeys(stage.RUNBOOKS, set(SECTIONS)),
    **dict.fromkeys(READ_ONLY, set(SECTIONS) - {"Plan", "Approve", "Act"}),
    "90-troubleshoot": {"Purpose", "Parameters", "Validate", "Next"},
}
FORBIDDEN = (
    ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Try, ast.TryStar, ast.For, ast.While, ast.Lambda,
)  # fmt: skip
MOST_CELLS, MOST_LINES, MOST_BYTES = 22, 12, 200_000
NOT_TO_BE_SHOWN = {
    "an account id": r"(?<![\w.])(?<!-[0-9a-f]{4}-)\d{12}(?![\w.])",  # and no part of a payment's id
    "an ARN": r"arn:aws[\w-]*:",
    "an access key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.",
    "an absolute path": r"(?<![\w.:/])/(?:home|root|Users|tmp|var|private|usr|opt|work|mnt)/",
    "a Windows path": r"\b[A-Z]:\\",
    "an object's address": r"\bat 0x[0-9a-f]{6,}",
}
every_runbook = pytest.mark.parametrize("name", stage.RUNBOOKS)


@cache
def notebook(name: str) -> dict[str, Any]:
    return normalise.load(stage.NOTEBOOKS / f"{name}.ipynb")


def code(name: str) -> list[dict[str, Any]]:
    return [cell for cell in notebook(name)["cells"] if cell["cell_type"] == "code"]


def parameters(name: str) -> dict[str, Any]:
    (cell,) = [cell for cell in code(name) if "parameters" in cell["metadata"].get("tags", [])]
    return cell


def words(name: str) -> str:
    return "\n\n".join(c["source"] for c in notebook(name)["cells"] if c["cell_type"] == "markdown")


def headings(name: str) -> list[str]:
    return re.findall(r"^## +(.+)$", words(name), flags=re.MULTILINE)


def shown(name: str) -> list[str]:
    """Every text in the outputs, pictures left out: their base64 may spell anything."""
    texts = []
    for output in (output for cell in code(name) for output in cell["outputs"]):
        texts += [output["text"]] if output["output_type"] == "stream" else []
        texts += [str(data) for mime, data in output.get("data", {}).items() if not mime.startswith("image/")]
    return [re.sub(r"data:image/[\w+]+;base64,[\w+/=]+", "", text) for text in texts]


def test_the_runbooks_are_those_of_the_index() -> None:
    assert sorted(file.stem for file in stage.NOTEBOOKS.glob("*.ipynb")) == sorted(stage.RUNBOOKS)


@every_runbook
def test_title_and_sections_come_in_order(name: str) -> None:
    assert notebook(name)["cells"][0]["source"].startswith(f"# {name[:2]} ")
    known = [
        next((part for part in SECTIONS if title.split(":")[0] == part), title) for title in headings(name)
    ]
    assert set(known) <= set(SECTIONS), "an H2 that is not a section's name (or `Act: what it does`)"
    # A runbook with two acts that need an approval asks for each right before it.
    order = ["Act" if part == "Approve" else part for part in known]
    assert order == sorted(order, key=SECTIONS.index)
    assert known.index("Approve") < known.index("Act") if {"Approve", "Act"} <= set(known) else True
    assert set(known) >= NEEDED[name]


HEAD = r"\*when \*not\* to use", r"^- \*takes\*: .*sandbox.*aws", r"^- \*needs\*: .*aws", r"^- \*tell\*: \S"
ACT = ("effect", "expected time", "undo", "if it is red")
# What an act calls; a cell has one of them. Bookkeeping and what only reads is no act.
ACTS = re.compile(
    r"\b\w+\.(?:start|inject|restore|perform|up|destroy|announce|set|fail_over|release|arm|clear|fence|flip|"
    r"lift|rest)\("
)


def missing_in_head(purpose: str) -> list[str]:
    """Return what the head of a runbook does not say."""
    return [said for said in HEAD if not re.search(said, purpose, flags=re.IGNORECASE | re.MULTILINE)]


def missing_in_act(about: str) -> list[str]:
    """Return what the words before an act do not say, a link from its red line to an entry included."""
    missing = [
        part for part in ACT if not re.search(rf"^- \*{part}\*: \S", about, re.MULTILINE | re.IGNORECASE)
    ]
    (red,) = re.findall(r"^- \*If it is red\*: .*", about, re.MULTILINE) or [""]
    return missing if f"]({HANDBOOK}.ipynb#" in red else [*missing, "a link to an entry"]


def broken_links(text: str) -> list[str]:
    """Return the links to a file that does not exist, or to an entry that is not in the handbook."""
    links = re.findall(r"\]\((?!https?:|attachment:)([^)#\s]*)#?([^)\s]*)\)", text)
    missing = [file for file, _ in links if not (stage.NOTEBOOKS / file).exists()]
    entries = {entry.name for group in troubleshoot.groups() for entry in group.entries}
    named = {name for file, name in links if file == f"{HANDBOOK}.ipynb" and name}
    return missing + sorted(named - entries)


@every_runbook
def test_the_head_says_when_not_how_long_with_which_rights_and_whom_to_tell(name: str) -> None:
    assert not missing_in_head(words(name).split("## Parameters")[0])


@every_runbook
def test_each_act_is_announced(name: str) -> None:
    section, before = "", ""
    for cell in notebook(name)["cells"]:
        if cell["cell_type"] == "markdown":
            before = cell["source"]
            section = next(iter(re.findall(r"^## +(\w+)", before, flags=re.MULTILINE)), section)
        elif section == "Act":
            assert not missing_in_act(before), cell["source"]
            before = ""


@every_runbook
def test_a_cell_has_one_act(name: str) -> None:
    assert not [cell["source"] for cell in code(name) if len(ACTS.findall(cell["source"])) > 1]


def test_an_act_without_one_of_its_lines_is_found() -> None:
    lines = [
        "- *Effect*: none.",
        "- *Expected time*: at once.",
        "- *Undo*: none needed.",
        f"- *If it is red*: wait. See [fence]({HANDBOOK}.ipynb#fence).",
    ]
    assert not missing_in_act("\n".join(lines))
    for at, part in enumerate(ACT):
        left = lines[:at] + lines[at + 1 :]
        assert part in missing_in_act("\n".join(left))
    assert missing_in_act("\n".join([*lines[:3], "- *If it is red*: wait."])) == ["a link to an entry"]
    assert missing_in_act("") == [*ACT, "a link to an entry"]


def test_a_head_without_one_of_its_lines_is_found() -> None:
    lines = [
        "**When *not* to use it**: never.",
        "- *Takes*: 1 s in the sandbox; on AWS 2.",
        "- *Needs*: on AWS, nothing.",
        "- *Tell*: nobody.",
    ]
    assert not missing_in_head("\n".join(lines))
    for at, said in enumerate(HEAD):
        assert missing_in_head("\n".join(lines[:at] + lines[at + 1 :])) == [said]
    assert missing_in_head("\n".join(lines).replace("on AWS 2", "done")) == [HEAD[1]]


def test_two_acts_in_one_cell_are_found() -> None:
    assert len(ACTS.findall("fault = restore.restore(here, fault, run)\nrest = effects.rest(here)")) == 2
    assert not ACTS.findall("switch.latch(here)\nstack.plan(here)")


def test_a_link_that_leads_nowhere_is_found() -> None:
    assert not broken_links(f"[a](00-preflight.ipynb), [b]({HANDBOOK}.ipynb#fence), [c](https://x.org/#y)")
    assert broken_links(f"[a](05-none.ipynb), [b]({HANDBOOK}.ipynb#no-entry)") == [
        "05-none.ipynb",
        "no-entry",
    ]


@every_runbook
def test_the_parameters_are_what_papermill_sees(name: str) -> None:
    from papermill import inspect_notebook

    lines = ast.parse(parameters(name)["source"]).body
    assert all(isinstance(line, ast.AnnAssign) and line.value is not None for line in lines)
    seen = inspect_notebook(str(stage.NOTEBOOKS / f"{name}.ipynb"))
    assert [line.target.id for line in lines] == list(seen)  # type: ignore[attr-defined]
    for line in lines:
        told = seen[line.target.id]  # type: ignore[attr-defined]
        assert told["inferred_type_name"] == ast.unparse(line.annotation)  # type: ignore[attr-defined]
        assert ast.literal_eval(told["default"]) == ast.literal_eval(line.value)  # type: ignore[attr-defined]
        assert told["help"]


@every_runbook
def test_the_common_parameters_are_those_of_the_settings(name: str) -> None:
    from papermill import inspect_notebook

    seen = list(inspect_notebook(str(stage.NOTEBOOKS / f"{name}.ipynb")).values())[: len(PARAMETERS)]
    for told, (known, (kind, default, help_text)) in zip(seen, PARAMETERS.items(), strict=True):
        assert told["name"] == known
        assert told["inferred_type_name"] == getattr(kind, "__name__", kind)
        assert ast.literal_eval(told["default"]) == default
        assert told["help"] == help_text


@every_runbook
def test_the_parameters_cell_begins_with_the_common_block(name: str) -> None:
    assert f"{parameters(name)['source']}\n".startswith(f"{common.block()}\n")


@every_runbook
def test_the_groups_are_read_from_the_cell(name: str) -> None:
    groups = parameters_cell.grouped(stage.NOTEBOOKS / f"{name}.ipynb")
    assert list(groups)[: len(GROUPS)] == list(GROUPS.values())
    assert [next(iter(group)) for group in groups.values()][: len(GROUPS)] == list(GROUPS)


@pytest.mark.parametrize("file", sorted(ROOT.glob("params/*.yaml")), ids=lambda file: file.name)
def test_a_parameter_file_has_the_order_and_the_groups_of_the_cell(file: Path) -> None:
    assert not common.disorder(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("# the stack\nsuffix: a\ntarget: aws\n", "target"),
        ("# the stack\ntarget: aws\nseed: 1\n", "seed"),
        ("# the sandbox\nseed: 1\n# the stack\ntarget: aws\n", "target"),
        ("# the stack\nmode: plan\n", "mode"),
        ("target: aws\n", "target"),
    ],
)
def test_disorder_is_found(text: str, said: str) -> None:
    assert said in common.disorder(text)
    assert not common.disorder(
        "# about the file\n\n# the stack\n# why\ntarget: aws\n# the sandbox\nseed: 1\n"
    )


def test_the_common_block_is_written_before_what_a_runbook_adds() -> None:
    before = 'target: str = "aws"  # old\n# its own\ndecision: str = "stay"  # flip or stay\nseed: int = 9'
    added = '# its own\ndecision: str = "stay"  # flip or stay'
    assert common.own(before) == added
    assert common.own(common.block()) == ""


def test_a_stale_common_block_is_named_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "00-preflight.ipynb"
    fresh = (stage.NOTEBOOKS / file.name).read_text(encoding="utf-8")
    file.write_text(fresh.replace("# the stack", "# the stick"), encoding="utf-8")
    assert common.main(["--check"], folder=tmp_path) == 1
    assert file.name in capsys.readouterr().err
    file.write_text(fresh.replace("seed: int = 1 ", "seed: int = 2 "), encoding="utf-8")
    assert common.main([], folder=tmp_path) == common.main(["--check"], folder=tmp_path) == 0
    assert file.read_text(encoding="utf-8") == fresh


@every_runbook
def test_cells_are_short_and_plain(name: str) -> None:
    assert len(code(name)) <= MOST_CELLS
    for cell in code(name):
        source = cell["source"]
        if "parameters" not in cell["metadata"].get("tags", []):
            lines = [line for line in source.splitlines() if not line.startswith("from drlib")]
            assert len(lines) <= MOST_LINES, source
        tree = ast.parse(source)  # a magic or a shell line is a SyntaxError
        assert not [node for node in ast.walk(tree) if isinstance(node, FORBIDDEN)], source
        called = {node.func.id for node in ast.walk(tree) if _is_plain_call(node)}  # type: ignore[attr-defined]
        assert not called & {"input", "exit", "quit", "exec", "eval", "get_ipython"}, source
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        assert ";" not in [token.string for token in tokens if token.type == tokenize.OP], source


def _is_plain_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name)


@every_runbook
def test_nothing_is_kept_from_comparison(name: str) -> None:
    for cell in code(name):
        assert "nbval" not in cell["source"].lower()
        assert set(cell["metadata"].get("tags", [])) <= {"parameters"}


@every_runbook
def test_every_cell_was_run_and_something_is_compared(name: str) -> None:
    assert [cell["execution_count"] for cell in code(name)] == list(range(1, len(code(name)) + 1))
    outputs = [output for cell in code(name) for output in cell["outputs"]]
    assert any(output["output_type"] == "stream" or output["data"].get("text/plain") for output in outputs)
    assert {output["output_type"] for output in outputs} <= {"stream", "display_data", "execute_result"}
    assert "stderr" not in {output.get("name") for output in outputs}
    mimes = {mime for output in outputs for mime in output.get("data", {})}
    assert mimes <= {"text/plain", "text/html", "image/png", "image/svg+xml"}


@every_runbook
@pytest.mark.parametrize("what", NOT_TO_BE_SHOWN)
def test_outputs_hold_no_identity_secret_or_place(name: str, what: str) -> None:
    assert not [text for text in shown(name) if re.search(NOT_TO_BE_SHOWN[what], text)]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an account id", "role of 123456789012 here"),
        ("an ARN", "arn:aws-us-gov:sns:us-east-2:1:x"),
        ("an access key", "AKIAIOSFODNN7EXAMPLE"),
        ("a private key", "-----BEGIN RSA PRIVATE KEY-----"),
        ("a token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc"),
        ("an absolute path", "see /home/me/runs"),
        ("a Windows path", r"C:\Users"),
        ("an object's address", "<Plan at 0x7f3a2b1c4d5e>"),
    ],
)
def test_the_patterns_find_what_they_are_for(what: str, text: str) -> None:
    assert re.search(NOT_TO_BE_SHOWN[what], text)
    harmless = "runs/20260102T030405Z: 1767322800.123456789012 s, https://pay.drill.test/home/x, "
    harmless += "0173dd20-bb38-58ee-b367-106957828672, vpce-65a270453589279b0, 14 payments"
    assert not re.search(NOT_TO_BE_SHOWN[what], harmless)


@every_runbook
def test_the_file_is_small_and_in_the_stored_form(name: str) -> None:
    text = (stage.NOTEBOOKS / f"{name}.ipynb").read_text(encoding="utf-8")
    assert len(text.encode()) <= MOST_BYTES
    assert text == normalise.dumps(normalise.normalise(notebook(name)))


@every_runbook
def test_links_lead_somewhere(name: str) -> None:
    assert not broken_links(words(name))


@every_runbook
def test_where_a_runbook_acts_is_said_once(name: str) -> None:
    lines = [line for cell in code(name) for line in cell["source"].splitlines()]
    opened = sum(line.startswith("here = ") for line in lines)
    assert sum(line.startswith("# here:") for line in lines) == opened
    assert opened == (0 if name == "90-troubleshoot" else 1), "90 starts nothing"


@every_runbook
def test_the_metadata_are_those_that_jupyterlab_writes(name: str) -> None:
    from ipykernel.ipkernel import IPythonKernel

    metadata = lab.opened(notebook(name))["metadata"]
    assert metadata["language_info"] == IPythonKernel.language_info
    assert metadata["kernelspec"] == {
        "display_name": "Python 3 (ipykernel)",
        "language": "python",
        "name": "python3",
    }
    assert notebook(name)["nbformat_minor"] == nbformat.current_nbformat_minor
