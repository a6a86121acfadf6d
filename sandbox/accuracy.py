"""How the searches did, against the truth: what came of each, as one of six kinds that add up to all searches.

A search errs in two ways, and a record in a third that no search can help: another person's record is returned (a
false match), somebody's own is not (a missed mate), or it is, and says what is no longer true (a stale status).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

Counted = Mapping[str, int]
"""What came of the searches of one gallery, by kind; see `KINDS`."""

GALLERY_WORDS: Final = {"ident": "DHS (IDENT)", "iafis": "FBI (IAFIS)"}

TITLE: Final = "How the searches did, against the truth"


@dataclass(frozen=True, slots=True)
class Kind:
    """What can come of a search: its words, and of what its share is taken."""

    words: str
    of: str
    part: bool = False
    """Whether it is a part of the kind above it, and so counted there."""


MATCHES, ON_FILE, STRANGERS = "matches", "on file", "strangers"
ON_FILE_COUNT, STRANGERS_COUNT = "on_file", "strangers"

KINDS: Final[Mapping[str, Kind]] = {
    "true_matches": Kind("right person, record true (a true match)", MATCHES),
    "stale_matches": Kind("right person, status out of date (stale)", MATCHES),
    "false_matches": Kind("another person's record (a false match)", MATCHES),
    "missed_mates": Kind("on file, and not found (a missed mate)", ON_FILE),
    "missed_for_want_of_fingers": Kind("too few fingers to search", ON_FILE, part=True),
    "known_encounters": Kind("known only from an earlier arrest", STRANGERS),
    "strangers_not_found": Kind("not on file, and nobody found", STRANGERS),
}
"""The kinds, in the order of the table. Those that are no part of another add up to all searches."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A count, and its share in what the row's shares are taken of; None where there is nothing to take it of."""

    count: int
    share: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """A kind under each gallery; None where a gallery does not have it."""

    kind: Kind
    cells: Mapping[str, Cell | None]


def of_bookings(bookings: pl.DataFrame) -> dict[str, dict[str, int]]:
    """What the bookings tell of the searches, by gallery: all that adds up over parts of a population.

    Of IDENT, which of the matches are true, stale or false stands in the cases; `against_the_truth` adds it.
    """
    asked_of_ident, known_to_ident = pl.col("searched").is_not_null(), pl.col("in_ident")
    asked_of_iafis = (pl.col("handled") == "submitted") & pl.col("identified").is_not_null()
    return {
        "ident": _counts(
            bookings.filter(asked_of_ident),
            {
                **_found_or_not(known_to_ident, pl.col("searched") == "match"),
                "strangers_not_found": ~known_to_ident & ~pl.col("searched").is_in(["match", "known_encounter"]),
                "missed_for_want_of_fingers": known_to_ident & (pl.col("searched") == "error"),
                "known_encounters": ~known_to_ident & (pl.col("searched") == "known_encounter"),
            },
        ),
        "iafis": _counts(
            bookings.filter(asked_of_iafis),
            {
                **_found_or_not(pl.col("in_iafis"), pl.col("identified")),
                "true_matches": pl.col("identified") & ~pl.col("misidentified"),
                "false_matches": pl.col("misidentified"),
            },
        ),
    }


def against_the_truth(searches: Mapping[str, Counted], cases: pl.DataFrame) -> dict[str, dict[str, int]]:
    """What came of all searches, by gallery and kind.

    Args:
        searches: what `of_bookings` told.
        cases: the matches in IDENT.

    Returns:
        `ident` and `iafis`, each with the counts of `KINDS`, and two more: `on_file` and `strangers`, how many
        searches were for somebody on file and for somebody who is not. A rap sheet has no status, so that `iafis`
        knows nothing of `stale_matches`; nor does it of fingers, which are not in the tables.
    """
    false, stale = (int(cases.get_column(name).sum()) for name in ("false_match", "stale"))
    matches = {"true_matches": cases.height - false - stale, "stale_matches": stale, "false_matches": false}
    order = (*KINDS, ON_FILE_COUNT, STRANGERS_COUNT)
    told = {"ident": {**searches["ident"], **matches}, "iafis": searches["iafis"]}
    return {gallery: {name: counted[name] for name in order if name in counted} for gallery, counted in told.items()}


def rows(told: Mapping[str, Counted]) -> Iterator[Row]:
    """The table: a row for each kind, with counts and shares for each gallery.

    Args:
        told: what `against_the_truth` returns.
    """
    for name, kind in KINDS.items():
        cells = {gallery: _cell(name, kind, counted) for gallery, counted in told.items()}
        yield Row(kind, cells)


def of_policies(compared: Sequence[Mapping[str, Any]]) -> list[tuple[list[str], Mapping[str, Counted]]]:
    """What policies that are compared came to, where the searches differ, with the names of those that agree on it.

    All agree, and no name is needed, unless the policies say how far prints go.
    """
    found: list[tuple[list[str], Mapping[str, Counted]]] = []
    for policy in compared:
        told = policy["totals"]["accuracy"]
        same = next((names for names, other in found if other == told), None)
        if same is None:
            found.append(([policy["policy"]], told))
        else:
            same.append(policy["policy"])
    return found if len(found) > 1 else [([], told) for _, told in found]


def _found_or_not(on_file: pl.Expr, found: pl.Expr) -> dict[str, pl.Expr]:
    return {
        ON_FILE_COUNT: on_file,
        STRANGERS_COUNT: ~on_file,
        "missed_mates": on_file & ~found,
        "strangers_not_found": ~on_file & ~found,
    }


def _counts(bookings: pl.DataFrame, kinds: Mapping[str, pl.Expr]) -> dict[str, int]:
    counted = bookings.lazy().select(where.sum().alias(name) for name, where in kinds.items()).collect()
    return {name: int(counted.item(0, name)) for name in kinds}


def _cell(name: str, kind: Kind, counted: Counted) -> Cell | None:
    if name not in counted:
        return None
    wholes = {
        MATCHES: sum(counted.get(each, 0) for each in ("true_matches", "stale_matches", "false_matches")),
        ON_FILE: counted[ON_FILE_COUNT],
        STRANGERS: counted[STRANGERS_COUNT],
    }
    whole = wholes[kind.of]
    return Cell(counted[name], counted[name] / whole if whole else None)
