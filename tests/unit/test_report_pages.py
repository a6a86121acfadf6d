"""What people see of a report: on the terminal, and as a page that needs nothing but itself."""

from html.parser import HTMLParser
from io import StringIO
from re import search
from typing import Any

import pytest
from rich.console import Console

from sandbox import show
from sandbox.expected import Matcher, growth
from sandbox.fit import Fitted
from sandbox.home import NOTICE
from sandbox.pages import report_page
from sandbox.published import published_rows, section
from sandbox.report import disclosures, totals
from sandbox.scenario import Explanation
from tests.unit.tables import a_run
from tests.unit.test_published import ALL, REMOVED, figure, matched, scenario

VOID = {"meta", "br", "rect", "line", "circle"}
FITTED = {"pickup.untold_rate": {"figure": "removed", "between": [0, 1], "value": 0.5}}
EXPLANATIONS = {
    "charge": {"title": "A charge counts", "says": "Level 1 was by charge.", "source": "a slide", "tag": "R"},
    "left-out": {"title": "No level left out", "says": "The count left people out.", "source": "memory", "tag": "K"},
}


def a_result(*, explained: bool = False) -> dict[str, Any]:
    """What `interop run --json` prints, of a run in which one person of four was removed."""
    case = REMOVED | {"on_file": True, "told": True, "hold": True, "hold_why": "may used: (a) <custom>"}
    run = a_run(9, case | {"convicted": True, "level_by_charge": "level_1"}, {}, {}, {})
    known = {name: Explanation.model_validate({**row, "fit": FITTED}) for name, row in EXPLANATIONS.items()}
    sections = []
    for name in known if explained else [None]:
        held = scenario(
            figure(label="fitted"),
            figure(figure="memory", tag="B", place="Georgia", source="<b>tables</b>", note="not for & of a place"),
            explanations=known if explained else {},
            explanation=name,
        )
        rows = published_rows(held, [matched(100, count) for count in (24, 25, 26)], ALL, {})
        sections.append(section(rows, held, totals(run)))
    return {
        "scenario": "boston-2008-2010",
        "title": "Boston <then>",
        "seed": 7,
        "seeds": [7, 8, 9],
        "runid": "heron-run-7",
        "via": "streams",
        "bookings": 9,
        "policy": "us-full-cooperation",
        "regime": "ice-r1-levels-2008",
        "totals": totals(run),
        "growth": growth(totals(run)["accuracy"]["ident"], Matcher("ident-2004", 2, 10_000, 1e-5)),
        "entries": {"{0}:booking.recorded.v1": 9},
        "disclosures": disclosures({("LEA", "ICE", ("release_date",)): 41}),  # type: ignore[arg-type]
        "published": sections[0]["published"],
        "score": sections[0]["score"],
        "explanations": sections if explained else [],
        "notice": NOTICE,
    }


def printed(result: dict[str, Any], width: int = 100) -> str:
    """The report as a terminal of that width shows it."""
    console = Console(file=StringIO(), width=width)
    show.report(console, result)
    return console.file.getvalue()  # type: ignore[attr-defined]


class Page(HTMLParser):
    """Reads a page, and fails where its elements do not nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes += [(tag, name, value) for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def values(self, name: str) -> list[str]:
        """What an attribute says, wherever it stands."""
        return [value or "" for _, known, value in self.attributes if known == name]


@pytest.mark.parametrize("explained", [False, True])
def test_a_page_is_well_formed_marked_as_simulated_and_needs_nothing_but_itself(explained: bool) -> None:
    text = report_page(a_result(explained=explained))
    page = Page(text)

    assert page.text.count(NOTICE) == 2
    assert "://" not in text
    assert not {tag for tag, _, _ in page.attributes} & {"script", "link", "img", "iframe"}
    assert not [value for name in ("src", "href") for value in page.values(name)]
    assert search(r"url\(|@import", text) is None


def test_every_drawing_of_a_page_has_a_title_and_a_description() -> None:
    page = Page(report_page(a_result(explained=True)))
    named = [value.split() for value in page.values("aria-labelledby")]
    ids = page.values("id")

    assert len(named) == len([tag for tag, name, _ in page.attributes if (tag, name) == ("svg", "role")]) == 8
    assert sorted(ids) == sorted(each for pair in named for each in pair)
    assert len(ids) == len(set(ids))


def test_what_a_scenario_says_is_text_on_a_page_and_never_markup() -> None:
    text = report_page(a_result())

    assert "Boston &lt;then&gt;" in text
    assert "&lt;b&gt;tables&lt;/b&gt; [B, unverified]" in text
    assert "may used: (a) &lt;custom&gt;" in text


def test_a_page_of_a_run_in_which_nothing_happened_can_be_read() -> None:
    nothing = a_result() | {"totals": totals(a_run()), "published": [], "disclosures": []}
    page = Page(report_page(nothing))

    assert "No detainer was on file" in page.text
    assert "Published and simulated" not in page.text


@pytest.mark.parametrize("show_it", [printed, lambda result: Page(report_page(result)).text])
def test_explanations_that_compete_are_told_in_the_same_form(show_it: Any) -> None:
    text = " ".join(show_it(a_result(explained=True)).split())

    for explanation in EXPLANATIONS.values():
        assert explanation["title"] in text
        assert explanation["says"] in text
    assert text.count("predictions: 1 within") + text.count("prediction: 1 within") == 2
    assert "[K, unverified]" in text


@pytest.mark.parametrize("show_it", [printed, lambda result: Page(report_page(result)).text])
def test_a_report_says_what_each_side_counts(show_it: Any) -> None:
    text = " ".join(show_it(a_result()).split())

    for words in (
        "citizens of the United States",
        "lawfully here, and removable",
        "a false match",
        "The same numbers, read twice",
        "nothing was chosen for it",
        "Georgia",
    ):
        assert words in text


@pytest.mark.parametrize("show_it", [printed, lambda result: Page(report_page(result)).text])
def test_totals_that_stand_alone_say_under_which_explanation_they_came_to_be(show_it: Any) -> None:
    result = a_result(explained=True) | {"explanation": "left-out"}
    assert "one of 2 explanations" not in show_it(result)

    alone = result | {"explanations": [row | {"totals": None} for row in result["explanations"]]}
    text = " ".join(show_it(alone).split())

    assert "Run under 'No level left out', one of 2 explanations that compete; none of them is preferred" in text


def test_a_fit_says_what_it_found_and_whether_the_file_has_it() -> None:
    found = Fitted({"charge": {"pickup.untold_rate": 0.125}}, "1ef56305", {"charge": {"removed": 0.25}})
    console = Console(file=StringIO(), width=100)

    show.fit(console, found, "0ld")
    show.fit(console, found, "1ef56305")

    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert next(line.split() for line in text.splitlines() if "pickup" in line) == [
        "pickup.untold_rate",
        "0.125",
        "removed",
        "0.25",
    ]
    assert "hash 1ef56305, where the file had 0ld" in text
    assert "hash 1ef56305, as the file has it" in text


def test_scenarios_are_listed_with_what_they_are_held_against() -> None:
    console = Console(file=StringIO(), width=100)
    row = {"scenario": "live", "title": "Bookings by hand", "from": "2008-10-27", "until": "2010-06-30"}

    show.scenarios(console, [row | {"submissions": None, "figures": 0, "explanations": []}])

    assert "Bookings by hand" in console.file.getvalue()  # type: ignore[attr-defined]


def test_a_report_fits_a_terminal_of_eighty_columns() -> None:
    assert max(len(line) for line in printed(a_result(explained=True), 80).splitlines()) <= 80


def test_a_run_without_streams_does_not_speak_of_a_ledger() -> None:
    log = {"size": 41, "published": 41, "quorum": 2, "age_seconds": 0.4}
    streams = a_result() | {"reconciled": True, "dead_letters": 0, "log": log}

    assert "log reconciled, 0 dead letters." in printed(streams)
    assert "9 events, 41 disclosures, without streams or ledger." in printed(a_result())


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        ({"published": 41, "age_seconds": 0.4}, "all published: 2 witnesses have cosigned them."),
        ({"published": 30, "age_seconds": 65.0}, "30 published 65 s ago: its witnesses have still to cosign the rest."),
        ({"published": 0, "age_seconds": None}, "none published: its witnesses have still to cosign."),
    ],
)
def test_a_run_tells_how_much_of_its_log_the_witnesses_have_cosigned(log: dict[str, Any], sentence: str) -> None:
    result = a_result() | {"reconciled": True, "dead_letters": 0, "log": {"size": 41, "quorum": 2} | log}

    assert f"The log has 41 entries, {sentence}" in " ".join(printed(result).split())


def test_a_scenario_without_published_figures_has_no_table_of_them() -> None:
    bare = {key: value for key, value in a_result().items() if key not in ("published", "score", "explanations")}

    assert "Published and simulated" not in printed(bare)
