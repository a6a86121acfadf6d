"""The pages, and how one is put together from its template."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader

from console.data import as_data
from console.sources import next_id
from sandbox import tags
from sandbox.home import NOTICE
from sandbox.templates import environment

HERE = Path(__file__).resolve().parent
FRAGMENT = "X-Fragment"
"""The header by which a page asks for one block of itself anew, instead of being loaded again."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the console.

    Attributes:
        path: its address.
        title: what it is called in the navigation.
        plain: what one is looking at, in one or two sentences that need no knowledge of the subject.
    """

    path: str
    title: str
    plain: str


FLOW = Page(
    "/",
    "Flow",
    "Somebody is arrested, and the jail takes fingerprints. This page shows who is told about it, step by step: the"
    " state, the FBI, Homeland Security (DHS) with its immigration authority (ICE), and what the jail is then asked and"
    " does. All people are invented.",
)
LAB = Page(
    "/lab",
    "Policy lab",
    "When the immigration authority (ICE) asks a jail to hold somebody (a detainer), what does the law have the jail"
    " do? Here the same invented people are booked again under each law that you choose, so that whatever differs comes"
    " from the law. Change a law, or write one, and see for whom something changes.",
)
MATRIX = Page(
    "/laws",
    "One booking, thirty laws",
    "One arrested person, and what each of some thirty real and proposed laws would have the jail do: tell the"
    " immigration authority (ICE), hold the person past release, hand them over, or not.",
)
LEDGER = Page(
    "/ledger",
    "My ledger",
    "Every time one agency tells another something about a person, a line is written that cannot be changed unnoticed."
    " Here an invented person reads their own lines, and this browser checks each of them by itself.",
)
LOG = Page(
    "/log",
    "The log",
    "Whenever one agency tells another something about a person, a line is written. All lines together make a log. Two"
    " outside witnesses sign it as it grows, so that not even its keeper can rewrite the past. Here you see it grow,"
    " and can try to tamper with a copy.",
)
CLAIMS = Page(
    "/claims",
    "Both sides",
    "The same invented people, counted in several ways that are all correct and suggest opposite things. Below:"
    " what supporters and critics of the program said, when, and the number here that bears on it. The sandbox takes"
    " no side.",
)
MATCHING = Page(
    "/matching",
    "Matching",
    "A computer compares fingerprints with millions of others. It is almost always right, and here is when it is not:"
    " how often it errs depends on how many people are on file and on how sure it has to be.",
)
PAGES = (FLOW, LAB, MATRIX, LEDGER, LOG, CLAIMS, MATCHING)


def page_of(path: str) -> Page | None:
    """The page that has this address, or one beneath it; None where no page has."""
    first = "/" + path.strip("/").partition("/")[0]
    beneath = FLOW.path if first == "/flow" else first
    return next((page for page in PAGES if page.path == beneath), None)


def show(request: Request, page: Page, template: str, context: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """A page, or the one block of it that the request asks for (`X-Fragment`).

    Args:
        request: whose address keeps the page's state.
        page: which one it is, for the navigation.
        template: a file of `console/templates`.
        context: what the template shows.
        status: the HTTP status.
    """
    loaded = _environment().get_template(template)
    everything = {"page": page, "pages": PAGES, "notice": NOTICE, "request": request, **context}
    block = request.headers.get(FRAGMENT)
    if block is None or block not in loaded.blocks:
        return HTMLResponse(loaded.render(everything), status_code=status)
    drawn = "".join(loaded.blocks[block](loaded.new_context(everything)))
    return HTMLResponse(drawn, status_code=status)


@cache
def _environment() -> Environment:
    pages = environment(FileSystemLoader(HERE / "templates"))
    pages.globals |= {"tags": tags, "next_id": next_id}
    pages.filters["data"] = as_data
    return pages
