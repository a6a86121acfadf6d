"""The report of a run as one page: the same numbers and words as on the terminal, and drawings of some of them."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, Template

from sandbox import accuracy, expected, numerals, published, report, tags
from sandbox.pages import charts
from sandbox.policies.words import LEVER_WORDS
from sandbox.templates import environment


def report_page(result: Mapping[str, Any]) -> str:
    """The report of a run, self-contained.

    Args:
        result: what `interop run --json` prints.
    """
    sections = published.sections_of(result)
    return template("report.html.j2").render(
        result=result,
        parts=[_part(title, totals) for title, totals in published.totals_of(result)],
        alone=published.one_of_several(result),
        sections=sections,
        figures=[charts.range_chart(figure) for figure in published.side_by_side(sections)],
        report=report,
        lever_words=LEVER_WORDS,
        published=published,
    )


def _part(title: str | None, totals: Mapping[str, Any]) -> dict[str, Any]:
    """What is shown of the totals under one explanation."""
    return {
        "title": title,
        "totals": totals,
        "flow": [(words.strip(), words.startswith(" "), number) for words, number in report.flow(totals)],
        "not_shared": report.not_shared(totals),
        "funnels": charts.funnels(totals),
        "levels": charts.levels(totals["removals"]),
        "framings": report.framings(totals),
    }


def template(name: str) -> Template:
    """A page of this folder."""
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    pages = environment(PackageLoader("sandbox.pages", "."))
    pages.globals |= {"accuracy": accuracy, "expected": expected, "numerals": numerals, "tags": tags}
    return pages
