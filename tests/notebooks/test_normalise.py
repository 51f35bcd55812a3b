"""The stored form of a notebook: one form for one content, whoever ran it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest

from tests.notebooks import normalise


def messy() -> dict[str, Any]:
    """A notebook as an editor and a headless run might leave it."""
    code = nbformat.v4.new_code_cell("print(1)\n", id="twin", execution_count=7)
    code["metadata"] = {"tags": ["parameters"], "execution": {"iopub.status.busy": "2026"}, "collapsed": True}
    code["outputs"] = [
        nbformat.v4.new_output("stream", name="stdout", text="1\n"),
        nbformat.v4.new_output("stream", name="stdout", text="2\n"),
        nbformat.v4.new_output(
            "execute_result",
            execution_count=7,
            data={"text/plain": "x", "image/png": "aGVs\nbG8=\n"},
            metadata={"image/png": {"width": 3}},
        ),
    ]
    other = nbformat.v4.new_code_cell("2", id="other", execution_count=3)
    words = nbformat.v4.new_markdown_cell("# Title\n", id="words")
    notebook = nbformat.v4.new_notebook(cells=[words, code, other])
    other["id"] = code["id"]
    notebook["metadata"] = {
        "kernelspec": {"name": "mine", "display_name": "Mine"},
        "papermill": {"duration": 1},
    }
    return notebook


def test_counts_metadata_and_outputs_take_one_form() -> None:
    result = normalise.normalise(messy())
    words, code, other = result["cells"]
    assert result["metadata"] == normalise.METADATA
    assert (code["metadata"], words["metadata"]) == ({"tags": ["parameters"]}, {})
    assert (code["execution_count"], other["execution_count"]) == (1, 2)
    stream, value = code["outputs"]
    assert stream["text"] == "1\n2\n"
    assert (value["execution_count"], value["metadata"], value["data"]["image/png"]) == (1, {}, "aGVsbG8=")


def test_ids_are_kept_and_made_unique() -> None:
    result = normalise.normalise(messy())
    assert [cell["id"] for cell in result["cells"]] == ["words", "twin", "2"]
    nbformat.validate(nbformat.from_dict(result))


def test_the_text_is_stable_and_readable_again(tmp_path: Path) -> None:
    text = normalise.dumps(normalise.normalise(messy()))
    file = tmp_path / "x.ipynb"
    file.write_text(text, encoding="utf-8")
    assert normalise.dumps(normalise.normalise(normalise.load(file))) == text
    assert text.endswith("}\n")
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_the_input_is_not_changed() -> None:
    notebook = messy()
    normalise.normalise(notebook)
    assert notebook == messy()


def test_check_names_a_file_and_leaves_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.ipynb"
    text = json.dumps(messy())
    file.write_text(text, encoding="utf-8")
    assert normalise.main(["--check", str(file)]) == 1
    assert "x.ipynb" in capsys.readouterr().out
    assert file.read_text(encoding="utf-8") == text
    assert normalise.main([str(file)]) == 0
    assert normalise.main(["--check", str(file)]) == 0
