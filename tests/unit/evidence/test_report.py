"""The report: one page that needs nothing beside it, says the verdict first, and leaves no exception out."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from drlib.evidence import bundle, evidence, report
from drlib.evidence.report import page, regions
from drlib.evidence.report.regions import Share
from drlib.payments.ledger import Attempt, Ledger
from tests.fakes import Nowhere
from tests.unit.evidence.bundles import PRIMARY, STANDBY, attempts, complete, drilled, live

SECTIONS = (
    *("verdict", "rto", "availability", "payments", "timeline", "hypothesis", "gates", "restore", "moves"),
    *("checks", "planes", "limits", "versions"),
)
VOID = {"meta", "img", "br", "link", "hr"}


class Page(HTMLParser):
    """A page taken apart: its elements, its attributes, its words; and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.open: list[str] = []
        self.crossed: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Iterable[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open.pop() != tag:
            self.crossed.append(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def count(self, tag: str) -> int:
        return [name for name, _ in self.elements].count(tag)

    def all(self, attribute: str) -> list[str]:
        return [attrs[attribute] for _, attrs in self.elements if attribute in attrs]


@pytest.fixture
def sealed(here: Nowhere) -> Path:
    return complete(here).folder


def read(folder: Path) -> str:
    return (folder / page.REPORT).read_text(encoding="utf-8")


def test_the_page_stands_alone(sealed: Path) -> None:
    text = read(sealed)
    page = Page(text)
    assert (page.open, page.crossed) == ([], [])
    assert page.count("h1") == 1
    for banned in ("script", "link", "iframe", "object", "embed", "form", "base"):
        assert page.count(banned) == 0, banned
    assert all(source.startswith("data:image/png;base64,") for source in page.all("src"))
    assert all(href.startswith("#") for href in page.all("href"))
    assert not [attrs for _, attrs in page.elements if any(name.startswith("on") for name in attrs)]
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    assert "url(" not in text


def test_every_section_is_there_and_every_link_leads_to_one(sealed: Path) -> None:
    page = Page(read(sealed))
    ids = page.all("id")
    assert [name for name in SECTIONS if name not in ids] == []
    assert len(ids) == len(set(ids))
    assert {href[1:] for href in page.all("href")} <= set(ids)


def test_it_reads_on_a_phone_and_on_paper(sealed: Path) -> None:
    page = Page(read(sealed))
    viewports = [attrs for tag, attrs in page.elements if tag == "meta" and attrs.get("name") == "viewport"]
    assert viewports[0]["content"].startswith("width=device-width")
    style = (Path(report.__file__).parent / "style.css").read_text()
    assert "@media print" in style
    assert "break-inside:avoid" in style
    assert "@media (max-width" in style


def test_the_verdict_comes_first_and_says_it_in_words(here: Nowhere) -> None:
    run = complete(here, {"rto_target_seconds": 30})
    page = Page(read(run.folder))
    words = " ".join(" ".join(page.words).split())
    reasons = evidence.load(run.folder).reasons
    assert reasons
    before = words.partition("Recovery time, stage by stage")[0]
    assert all(reason in before for reason in reasons)
    assert before.index("failed") < before.index(reasons[0])
    assert "simulated" in before


def test_every_exception_is_named_by_its_id(sealed: Path) -> None:
    words = set(Page(read(sealed)).words)
    ids = bundle.build(sealed)["rpo"]["payment_ids"]
    exceptions = {one for name, named in ids.items() if name != "acknowledged" for one in named}
    assert exceptions
    assert exceptions <= words


def test_what_a_run_says_is_text_and_never_markup(here: Nowhere) -> None:
    run = drilled(here)
    losses: dict[str, Any] = run.load("losses")
    run.save("losses", losses | {"stranded": ["<script>alert(1)</script>"]})
    evidence.refresh(run)
    page = Page(evidence.report(run).read_text())
    assert page.count("script") == 0
    assert "<script>alert(1)</script>" in page.words


def test_a_live_page_never_says_simulated(home: Path) -> None:
    here, values = live(home)
    run = complete(here, values)
    body = read(run.folder).partition("<body>")[2]
    assert "simulated" not in body
    assert ">live<" in body


def test_nothing_claims_that_a_framework_is_met(sealed: Path) -> None:
    assert "complian" not in read(sealed).lower()


def test_a_run_that_measured_nothing_has_a_page(here: Nowhere) -> None:
    from drlib import parameters
    from drlib.runs import folders

    run = folders.open_run(parameters.make({}), here)
    evidence.refresh(run)
    text = evidence.report(run).read_text()
    for words in (
        "No recovery time was measured",
        "No payments were sent",
        "not reconciled",
        "No step changed",
    ):
        assert words in text


def test_each_stage_stands_beside_its_prediction(sealed: Path) -> None:
    words = [text.strip() for text in Page(read(sealed)).words if text.strip()]
    rto = evidence.load(sealed).content["rto"]
    row = words.index("check unhealthy")
    measured = list(rto["stages"].values())
    place = list(rto["stages"]).index("unhealthy")
    assert words[row + 1 : row + 4] == [
        f"{measured[place]:.1f} s",
        f"{rto['predicted_stages']['unhealthy']:.1f} s",
        f"{sum(measured[: place + 1]):.1f} s",
    ]


def test_the_figure_of_the_notebook_stands_once_beside_the_stages(sealed: Path) -> None:
    text = read(sealed)
    png = base64.b64encode((sealed / "figures/waterfall.png").read_bytes()).decode()
    assert png in text.partition('<section id="rto">')[2].partition("</section>")[0]
    assert text.count(png) == 1


def test_availability_counts_a_payment_for_the_region_that_it_was_sent_to(tmp_path: Path) -> None:
    zero = 1_800_000_000.0
    rows = [placed(row) for row in attempts(zero, origin="simulated")]
    Ledger(rows).save(tmp_path)
    content = {"restore": {"injected_at": zero}, "rto": {"measured_seconds": 60.0}}
    parts = regions.availability(tmp_path, content)
    assert parts is not None
    assert parts.phases == ["before the fault", "fault to recovery", "after recovery"]
    found = {region.name: region.shares for region in parts.regions}
    assert found[PRIMARY] == [Share(9, 9), Share(30, 1), Share(0, 0)]
    assert found[STANDBY] == [Share(0, 0), Share(0, 0), Share(21, 21)]
    assert found["all payments"][1].percent == "3.3 %"
    strip = next(region.slices for region in parts.regions if region.name == PRIMARY)
    assert (strip[0], strip[20], strip[-1]) == ("full", "none", "idle")


def placed(row: Attempt) -> Attempt:
    """Give each region an address of its own; what failed was sent to the primary's."""
    from dataclasses import replace

    return replace(row, address="127.0.0.12" if row.region == STANDBY else "127.0.0.11")
