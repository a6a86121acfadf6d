"""Writing the files of an hour: `class.html`, `cards.html` and `teacher.html`, each complete in itself."""

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader
from markupsafe import Markup

from console.classroom.answers import answers_of
from console.classroom.bundle import joined
from console.classroom.cards import CASES, ROLES
from console.classroom.laws import laws_for_class
from console.classroom.notes import SOURCES
from console.classroom.population import HOURS, Crowded, population_of
from console.classroom.yardsticks import CHOSEN, GUESS_LAWS, QUESTIONS, YARDSTICKS
from console.data import as_data
from sandbox.home import NOTICE
from sandbox.lab.crowd import OnBookings
from sandbox.policies.words import LEVER_WORDS
from sandbox.runs import Request
from sandbox.tags import TAGS, tag_in_words
from sandbox.templates import environment
from services.chassis.errors import InteropError

HERE = Path(__file__).resolve().parent
STATIC = HERE.parent / "static"

MAKER = "interop class export"
"""Stands in every file that is written, and so tells whether a file may be written over."""

SCRIPTS = (
    STATIC / "decide.js",
    *(HERE / "page" / f"{name}.js" for name in ("digest", "seal", "people", "law", "code", "parts", "steps", "class")),
)
"""In the order in which they need each other."""

PAGES = ("class.html", "cards.html", "teacher.html")


@dataclass(frozen=True, slots=True)
class Written:
    """What an export has written: the files with their sizes in bytes, and how much is in them."""

    files: Mapping[Path, int]
    laws: int
    cases: int


def export(folder: Path, request: Request, on_bookings: OnBookings = lambda _: None) -> Written:
    """Write the files of an hour.

    Args:
        folder: where to; it is made if it is not there.
        request: whose people the laws are compared on.
        on_bookings: told how many bookings are done.

    Raises:
        InteropError: `not-ours`, where a file of the same name was made by somebody else; a scenario that is unknown
            or has mistakes.
    """
    targets = {name: folder / name for name in PAGES}
    _check_free(folder, targets.values())
    population = population_of(request, on_bookings)
    laws = laws_for_class()
    texts = {
        "class.html": class_page(request, population, laws),
        "cards.html": _page("cards.html.j2", roles=ROLES, cases=CASES),
        "teacher.html": _teacher_page(request, population),
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        targets[name].write_text(text, encoding="utf-8")
    sizes = {targets[name]: len(text.encode()) for name, text in texts.items()}
    return Written(sizes, len(laws["laws"]), population.cases)


def class_page(request: Request, population: Crowded, laws: Mapping[str, Any]) -> str:
    """The page for the phones."""
    data = {
        "population": population.data,
        **laws,
        "questions": [asdict(question) for question in QUESTIONS],
        "guess_laws": GUESS_LAWS,
        "chosen": CHOSEN,
        "hours": HOURS,
        "lever_words": LEVER_WORDS,
        "cards": [asdict(case) for case in CASES],
        "command": command(request, ()),
        "notice": NOTICE,
    }
    data["id"] = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()[:8]
    return _page("class.html.j2", data=data, script=joined(SCRIPTS), bookings=request.bookings, cases=population.cases)


def command(request: Request, policies: Sequence[str]) -> str:
    """The command that says the same of some policies."""
    named = "".join(f" --policy {policy}" for policy in policies)
    return f"interop compare {request.scenario}{named} --bookings {request.bookings} --seed {request.seed}"


def _teacher_page(request: Request, population: Crowded) -> str:
    side = sum(each.often_asked_by == "supporters" for each in YARDSTICKS)
    return _page(
        "teacher.html.j2",
        cases=population.cases,
        yardsticks=YARDSTICKS,
        per_side=side,
        answers=answers_of(request, population),
        guess_laws=GUESS_LAWS,
        command=command(request, GUESS_LAWS),
        sources=SOURCES,
        tags=TAGS[0].lower() + TAGS[1:],
    )


def _check_free(folder: Path, targets: Iterable[Path]) -> None:
    if folder.exists() and not folder.is_dir():
        raise InteropError("not-ours", f"'{folder}' is a file and no folder; name another folder")
    for target in targets:
        is_there = target.is_symlink() or target.exists()
        if is_there and f'content="{MAKER}"' not in _beginning(target):
            message = f"'{target}' was not made by '{MAKER}' and is left alone; move it, or name another folder"
            raise InteropError("not-ours", message)


def _beginning(file: Path) -> str:
    if file.is_symlink() or not file.is_file():
        return ""
    with file.open(encoding="utf-8", errors="replace") as opened:
        return opened.read(2_000)


def _page(name: str, **context: Any) -> str:
    sheets = (STATIC / "console.css", HERE / "page" / "class.css")
    style = "\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets)
    return _environment().get_template(name).render(style=style, maker=MAKER, notice=NOTICE, **context)


def _hashed(text: str) -> Markup:
    """What a page's own policy allows by: the hash of an element's text."""
    digest = b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Markup(f"'sha256-{digest}'")  # noqa: S704  base64


def _inlined(text: str) -> Markup:
    """Our own style or script, which stands in its element as it is."""
    return Markup(text)  # noqa: S704  read from this package


@cache
def _environment() -> Environment:
    templates = environment(PackageLoader("console.classroom", "templates"))
    templates.filters |= {"hashed": _hashed, "inlined": _inlined, "data": as_data, "tag_words": tag_in_words}
    return templates
