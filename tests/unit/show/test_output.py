"""What a cell displays: constant plain text, what varies beside it, and nothing secret in either."""

from __future__ import annotations

from typing import Any

import pytest

from drlib.core.errors import StepFailed
from drlib.show import output


def test_a_table_is_aligned_and_leaves_out_what_varies() -> None:
    table = output.Table(
        ("check", "seen", "ok"), [("a", 12.3456, True), ("longer", None, False)], varying=["seen"]
    )
    assert str(table) == "check   ok\na       yes\nlonger  no"
    assert "12.3456" in table.html()
    assert table._repr_mimebundle_()["text/plain"] == str(table)


def test_a_table_escapes_html() -> None:
    assert "<script>" not in output.Table(("a",), [("<script>",)], title="<b>").html()


@pytest.mark.parametrize(("rows", "varying"), [([("a",)], []), ([("a", "b")], ["nope"])])
def test_a_table_refuses_rows_and_columns_that_do_not_fit(rows: list[Any], varying: list[str]) -> None:
    with pytest.raises(ValueError, match="every row needs|no such column"):
        output.Table(("one", "two"), rows, varying=varying)


def test_a_verdict_keeps_its_figures_out_of_the_plain_text() -> None:
    bundle = output.Verdict("RTO", True, says="within target", detail="141.2 s")._repr_mimebundle_()
    assert bundle["text/plain"] == "RTO: within target (passed)"
    assert "141.2 s" in bundle["text/html"]
    assert not output.Verdict("RTO", False)
    assert str(output.Verdict("RTO", False)) == "RTO: failed"


class Cell:
    """Stands in for a notebook: keeps what is displayed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shown: list[dict[str, str]] = []
        monkeypatch.setattr(output, "in_notebook", lambda: True)
        monkeypatch.setattr("IPython.display.display", self.display)

    def display(self, data: dict[str, str], *, raw: bool, display_id: bool) -> Cell:
        assert raw
        assert display_id
        self.shown.append(dict(data))
        return self

    def update(self, data: dict[str, str], *, raw: bool) -> None:
        self.shown.append(dict(data))


def test_a_live_output_keeps_its_text_and_its_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(monkeypatch)
    live = output.Live("Recovery: figure")
    live.show(png=b"1", html="a")
    live.show(png=b"2")
    assert [data["text/plain"] for data in cell.shown] == ["Recovery: figure"] * 2
    assert cell.shown[1] == {"text/plain": "Recovery: figure", "image/png": b"2", "text/html": "a"}
    only_html = output.Live("x")
    only_html.show(html="a")
    with pytest.raises(ValueError, match="had text/html, text/plain only"):
        only_html.show(png=b"1")


def test_a_figure_is_png_and_the_same_each_time() -> None:
    from matplotlib.figure import Figure

    def drawn() -> bytes:
        figure = Figure(figsize=(2, 1))
        figure.subplots().plot([1, 2])
        return output.png(figure)

    assert drawn() == drawn()
    assert drawn().startswith(b"\x89PNG")
    assert b"Matplotlib" not in drawn()


def test_progress_in_a_notebook_is_one_output(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(monkeypatch)
    monkeypatch.setattr(output, "BETWEEN_UPDATES_SECONDS", 0.0)
    with output.Progress("Deploy", total=4) as progress:
        progress.update(count=1, phase="create <x>")
        progress.update(count=9)
    assert {data["text/plain"] for data in cell.shown} == {"Deploy: progress"}
    assert 'max="4" value="4"' in cell.shown[-1]["text/html"]
    assert "create &lt;x&gt;" in cell.shown[1]["text/html"]
    assert "9 of 4, done" in cell.shown[-1]["text/html"]


def test_progress_is_shown_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    cell = Cell(monkeypatch)
    monkeypatch.setattr(output, "BETWEEN_UPDATES_SECONDS", 3600.0)
    with output.Progress("Deploy", total=100) as progress:
        for count in range(100):
            progress.update(count=count)
    assert len(cell.shown) == 2, "the start and the end, whatever came between"


def test_progress_in_a_terminal_is_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StepFailed), output.Progress("Deploy") as progress:
        progress.update(count=3)
        raise StepFailed("no.")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Deploy: 3, stopped, ")


def test_a_line_keeps_what_varies_in_the_html() -> None:
    line = output.Line("Gates: 3 of 3 passed", detail="after <4> s")
    assert str(line) == "Gates: 3 of 3 passed"
    assert line._repr_mimebundle_() == {
        "text/plain": "Gates: 3 of 3 passed",
        "text/html": "Gates: 3 of 3 passed, after &lt;4&gt; s",
    }
