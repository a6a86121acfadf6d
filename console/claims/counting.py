"""What the page tells of a run: one dot for each removal, and the numbers that claims are about.

Only the process that counts imports this: polars and the lab take most of a second to load.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import exp
from typing import Any

import polars as pl

from console.claims.order import INSTEAD, Order
from sandbox import report
from sandbox.lab.assumptions import COSTS_A_DAY, REARRESTS
from sandbox.lab.flow import simulate
from sandbox.metrics import CITIZEN, REMOVED, count
from sandbox.population import People, people
from sandbox.results import LEVELS, Results
from sandbox.scenario import Scenario, load_scenario, resolve

Row = dict[str, Any]
"""A number of the run: its `words`, the `part` and its `unit`, and what it is a share `of`. Where `instead` is true it
was counted under another policy or setting, and `of` is the number as it was."""

OnStep = Callable[[int, int, str], None]
"""Told how many of how many steps are done, and what the next one is."""

HOURS_A_DAY = 24
DRIVING_UNDER_THE_INFLUENCE = "5404"
DRUGS, WEAPONS = "35", "52"
"""Blocks of NCIC's offence codes."""

SCARCE = "scarce"
SCARCE_A_DAY = 1.0
"""Detainers that each office can lodge in a day, where capacity is made scarce."""

_LEVEL_WORDS = {"level_1": "Level 1", "level_2": "Level 2", "level_3": "Level 3", "none": "no level"}
_LEVEL_1 = pl.col("level_by_conviction") == "level_1"
_LEVEL_1_BY_CHARGE = pl.col("level_by_charge") == "level_1"
_LOW_BY_CHARGE = pl.col("level_by_charge").is_in(["level_2", "level_3"])


@dataclass(frozen=True, slots=True)
class Counted:
    """A run, and the same people again under other policies."""

    scenario: Scenario
    results: Results
    totals: report.Totals
    others: Mapping[str, Results]

    @property
    def removals(self) -> pl.DataFrame:
        """The cases that ended with a removal or a return."""
        return self.results.cases.filter(REMOVED)


def count_run(order: Order, on_step: OnStep) -> dict[str, Any]:
    """Everything that the page tells of a run, as plain JSON data.

    People are searched for as `interop run` does with galleries of the scenario's own size, but for chance matches
    with strangers, of whom there is less than one in a run of this size.

    Raises:
        InteropError: a scenario or an explanation that is unknown or has mistakes.
    """
    steps = len(INSTEAD) + 2
    on_step(0, steps, f"booking {order.bookings:,} invented people")
    scenario = load_scenario(order.scenario, order.explanation)
    crowd = people(scenario, order.seed, order.bookings)
    results = _simulate(scenario, crowd, order)
    others: dict[str, Results] = {}
    for done, (name, policy) in enumerate(INSTEAD.items(), start=1):
        on_step(done, steps, f"the same people under {policy}")
        others[name] = _simulate(scenario, crowd, order, policy)
    on_step(steps - 1, steps, "the same people with fewer officers")
    limits = dict.fromkeys(scenario.capacity_per_day, SCARCE_A_DAY)
    scarce = scenario.model_copy(update={"capacity_per_day": limits})
    others[SCARCE] = _simulate(scarce, crowd, order)
    told = report.totals(results)
    counted = Counted(scenario, results, told, others)
    return {
        "dots": dots(results.cases),
        "matches": results.cases.height,
        "totals": told,
        "framings": report.framings(told),
        "numbers": {name: list(rows(counted)) for name, rows in NUMBERS.items()},
    }


def dots(cases: pl.DataFrame) -> list[list[int]]:
    """One entry for each removal, in the order of booking.

    Returns:
        The places of the two levels in `LEVELS`, by charge or conviction and by conviction alone; whether there was a
        conviction; and what else is known without one: the place in `report.WITHOUT_CONVICTION`.
    """
    kinds = [pl.when(where).then(place) for place, where in enumerate(report.WITHOUT_CONVICTION.values())]
    removals = (
        cases.lazy()
        .filter(REMOVED)
        .sort("number")
        .select(
            pl.col("level_by_charge").cast(pl.String).replace_strict(list(LEVELS), range(len(LEVELS))),
            pl.col("level_by_conviction").cast(pl.String).replace_strict(list(LEVELS), range(len(LEVELS))),
            pl.col("convicted").cast(pl.Int8),
            pl.coalesce(*kinds, pl.lit(-1)).alias("otherwise"),
        )
        .collect()
    )
    return [list(row) for row in removals.iter_rows()]


def _simulate(scenario: Scenario, crowd: People, order: Order, policy: str | None = None) -> Results:
    settings = resolve(scenario, seed=order.seed, bookings=order.bookings, policy=policy)
    return simulate(crowd, settings, only_on_file=True)


def _row(words: str, part: float, of: float | None = None, unit: str = "people") -> Row:
    return {"words": words, "part": part, "of": of, "unit": unit, "instead": False}


def _row_instead(words: str, part: int, before: int, unit: str = "people") -> Row:
    """A number under another policy or setting, beside what it was: not a share, for it can be more."""
    return {"words": words, "part": part, "of": before, "unit": unit, "instead": True}


def _removals_by_level(run: Counted) -> Iterator[Row]:
    removals = run.totals["removals"]
    for reading, words in report.READINGS.items():
        for level, level_words in _LEVEL_WORDS.items():
            yield _row(f"removed, {level_words}, {words}", removals[reading][level], removals["total"])


def _convicted_or_minor(run: Counted) -> Iterator[Row]:
    removals = run.totals["removals"]
    by_conviction, total = removals["by_conviction"], removals["total"]
    without = sum(removals["without_conviction"].values())
    yield _row("removed, with a conviction of whatever level", total - without, total)
    yield _row(
        "removed, with none or no more than two misdemeanours", by_conviction["none"] + by_conviction["level_3"], total
    )
    yield _row("removed, with no conviction", without, total)


def _serious(run: Counted) -> Iterator[Row]:
    removals = run.totals["removals"]
    total = removals["total"]
    yield _row("removed, Level 1 if a charge counts", removals["by_charge_or_conviction"]["level_1"], total)
    yield _row("removed, Level 1 if only a conviction counts", removals["by_conviction"]["level_1"], total)


def _feedback(run: Counted) -> Iterator[Row]:
    ended = sum(run.totals["outcomes"].values())
    told = ended if run.scenario.feedback else 0
    yield _row("outcomes that the arresting agency was told", told, ended, "outcomes")


def _dangerous_only(run: Counted) -> Iterator[Row]:
    yield from _instead(run, "dangerous_only", "with Level 1 by conviction alone as the ground")


def _instead(run: Counted, name: str, words: str) -> Iterator[Row]:
    """Removals under another policy, in those as it was: all of them, and the gravest under both readings."""
    other = run.others[name].cases.filter(REMOVED)
    yield _row_instead(f"removed {words}", other.height, run.removals.height)
    for reading, where in (("a charge counts", _LEVEL_1_BY_CHARGE), ("only a conviction counts", _LEVEL_1)):
        yield _row_instead(f"of them at Level 1 if {reading}", count(other, where), count(run.removals, where))


def _holds(run: Counted) -> Iterator[Row]:
    custody = run.totals["custody"]
    yield _row(
        "held past their release, of those with a request on file", custody["holds"], custody["detainers_on_file"]
    )
    yield _row("hours held, in all", custody["hold_hours"], unit="hours")


def _hold_cost(run: Counted) -> Iterator[Row]:
    days = run.totals["custody"]["hold_hours"] / HOURS_A_DAY
    for preset in COSTS_A_DAY.values():
        yield _row(
            f"what the held days cost, if declared as: {preset.source}", round(days * preset.value), unit="dollars"
        )
    yield _row("removed at Level 1 by conviction, of those held", *_held_and_gravest(run))


def _held_and_gravest(run: Counted) -> tuple[int, int]:
    held = run.results.cases.filter(pl.col("held"))
    return count(held, REMOVED & _LEVEL_1), held.height


def _groups(run: Counted) -> Iterator[Row]:
    bookings, cases = run.results.bookings, run.results.cases
    for words, where in (("matched", pl.lit(value=True)), ("removed", REMOVED)):
        for group in ("A", "B"):
            mine = pl.col("group") == group
            yield _row(f"group {group}: {words}, of those booked", count(cases, mine & where), count(bookings, mine))
    for group in ("A", "B"):
        yield _row(
            f"group {group}: booked, of all who were", count(bookings, pl.col("group") == group), bookings.height
        )


def _checked_by_group(run: Counted) -> Iterator[Row]:
    bookings = run.results.bookings
    for group in ("A", "B"):
        mine = pl.col("group") == group
        relayed = mine & (pl.col("handled") == "submitted") & pl.col("searched").is_not_null()
        yield _row(
            f"group {group}: searched in IDENT, of those booked", count(bookings, relayed), count(bookings, mine)
        )


def _grounds(run: Counted) -> Iterator[Row]:
    removals = run.totals["removals"]
    neither, total = removals["without_conviction"]["neither"], removals["total"]
    yield _row("removed, with a conviction, an order or an earlier removal", total - neither, total)
    yield _row("removed, with none of these", neither, total)
    without = removals["without_conviction"]
    yield _row("removed without a conviction, with an order", without["order"], sum(without.values()))
    yield _row(
        "removed without a conviction, back after a removal, no order", without["re_entry"], sum(without.values())
    )


def _offences(run: Counted, blocks: Mapping[str, str]) -> Iterator[Row]:
    """Removals by what the arrest was for; `blocks` are beginnings of NCIC codes and their words."""
    charged = run.results.cases.join(run.results.bookings.select("number", "charge"), on="number", how="left")
    removed = charged.filter(REMOVED)
    for block, words in blocks.items():
        places = [place for place, each in enumerate(run.scenario.charges) if each.ncic.startswith(block)]
        if not places:
            yield _row(f"{words}: none of this scenario's charges, so nobody", 0)
            continue
        there = pl.col("charge").is_in(places)
        yield _row(f"matched, arrested for {words}", count(charged, there), charged.height)
        yield _row(f"removed, arrested for {words}", count(removed, there), removed.height)
        yield _row(
            f"of these at Level 1 by conviction, arrested for {words}", count(removed, there & _LEVEL_1), removed.height
        )


def _stated(run: Counted) -> Iterator[Row]:
    lodged = run.results.cases.filter(pl.col("decided") == "lodged")
    yield _row(
        "requests whose record names the priority that they rest on",
        count(lodged, pl.col("priority").is_not_null()),
        lodged.height,
        "requests",
    )


def _partition(run: Counted) -> Iterator[Row]:
    yield from _not_relayed(run, "partition")
    yield from _instead(run, "partition", "with only serious felonies relayed")


def _not_relayed(run: Counted, name: str) -> Iterator[Row]:
    bookings = run.others[name].bookings
    kept = (pl.col("handled") == "submitted") & pl.col("searched").is_null()
    yield _row(
        "prints that would not have gone on from the FBI to DHS", count(bookings, kept), bookings.height, "prints"
    )


def _opt_out(run: Counted) -> Iterator[Row]:
    yield from _not_relayed(run, "opt_out")
    yield from _instead(run, "opt_out", "where the place has not opted in")


def _refusal(run: Counted) -> Iterator[Row]:
    yield from _relayed(run)
    yield from _not_relayed(run, "refusal")


def _scarce(run: Counted) -> Iterator[Row]:
    scarce = run.others[SCARCE].cases
    removed = scarce.filter(REMOVED)
    lodged = pl.col("decided") == "lodged"
    yield _row_instead(
        "requests lodged with room for one a day in each office",
        count(scarce, lodged),
        run.totals["detainers"]["lodged"],
        "requests",
    )
    yield _row("Level 1 by conviction in removals without a limit", count(run.removals, _LEVEL_1), run.removals.height)
    yield _row("Level 1 by conviction in removals with room for one a day", count(removed, _LEVEL_1), removed.height)


def _net(run: Counted) -> Iterator[Row]:
    totals = run.totals
    matches = run.results.cases.height
    yield _row("matches on which a request was lodged", totals["detainers"]["lodged"], matches, "matches")
    for kind, words in report.TRUTH_WORDS.items():
        yield _row(f"matched: {words}", totals["truth"][kind]["matches"], matches)
    yield _row(
        "requests for citizens", totals["truth"]["citizens"]["detainers"], totals["detainers"]["lodged"], "requests"
    )


def _errors(run: Counted) -> Iterator[Row]:
    totals = run.totals
    for kind, words in report.RECORD_WORDS.items():
        yield _row(f"matched {words}", totals["records"][kind]["matches"], run.results.cases.height)
        yield _row(f"held {words}", totals["records"][kind]["holds"], totals["custody"]["holds"])
    yield _row("citizens held", totals["truth"]["citizens"]["holds"], totals["custody"]["holds"])


def _low_level(run: Counted) -> Iterator[Row]:
    cases = run.results.cases
    part, of = count(cases, _LOW_BY_CHARGE & REMOVED), count(cases, _LOW_BY_CHARGE)
    yield _row("removed, of matches at Levels 2 and 3 by charge or conviction", part, of)


def _act_on_all(run: Counted) -> Iterator[Row]:
    lodged = count(run.others["act_on_all"].cases, pl.col("decided") == "lodged")
    words = "requests, if every removable match were acted on"
    yield _row_instead(words, lodged, run.totals["detainers"]["lodged"], "requests")
    yield from _instead(run, "act_on_all", "if every removable match were acted on")


def _days(run: Counted) -> Iterator[Row]:
    ended = run.results.cases.filter(pl.col("transferred_on").is_not_null() & pl.col("outcome_on").is_not_null())
    if ended.is_empty():
        yield _row("handed over to ICE, with an outcome", 0)
        return
    mean = ended.select((pl.col("outcome_on") - pl.col("transferred_on")).dt.total_days().mean()).item()
    yield _row("days from the hand-over to the outcome, on average", round(mean, 1), unit="days")


def _released(run: Counted) -> Iterator[Row]:
    released, declined = run.totals["custody"]["released"], run.totals["custody"]["released_hand_over_declined"]
    yield _row("released although a request was on file", released, run.totals["custody"]["detainers_on_file"])
    yield _row("of them, because the agency did not hand over", declined, released)
    for preset in REARRESTS.values():
        expected = released * (1 - exp(-preset.value))
        yield _row(
            f"expected re-arrests of all these in a year, if declared as: {preset.source}", round(expected), released
        )


def _match_share(run: Counted) -> Iterator[Row]:
    yield _row("matched, of prints submitted", run.results.cases.height, run.totals["submissions"])


def _relayed(run: Counted) -> Iterator[Row]:
    bookings = run.results.bookings
    relayed = (pl.col("handled") == "submitted") & pl.col("searched").is_not_null()
    yield _row("bookings whose prints went on to DHS", count(bookings, relayed), bookings.height, "bookings")


def _dual_use(run: Counted) -> Iterator[Row]:
    yield from _relayed(run)
    searched = run.totals["searches"]
    yield _row("searches that found nobody", searched.get("no_match", 0), sum(searched.values()), "searches")
    yield _row("matched, and not removed", run.results.cases.height - run.removals.height, run.results.cases.height)


def _citizens_shared(run: Counted) -> Iterator[Row]:
    bookings = run.results.bookings
    relayed = (pl.col("handled") == "submitted") & pl.col("searched").is_not_null()
    yield _row(
        "citizens, of those whose prints went to DHS", count(bookings, relayed & CITIZEN), count(bookings, relayed)
    )


def _removed_of_matched(run: Counted) -> Iterator[Row]:
    matches, removed = run.results.cases.height, run.removals.height
    yield _row("removed, of those who matched", removed, matches)
    yield _row("not removed, of those who matched", matches - removed, matches)


def _alternatives(run: Counted) -> Iterator[Row]:
    yield _row("removed, as it was", run.removals.height)
    for name, policy in INSTEAD.items():
        yield _row(f"removed, under {policy}", count(run.others[name].cases, REMOVED))


NUMBERS: Mapping[str, Callable[[Counted], Iterator[Row]]] = {
    "removals_by_level": _removals_by_level,
    "convicted_or_minor": _convicted_or_minor,
    "serious": _serious,
    "feedback": _feedback,
    "dangerous_only": _dangerous_only,
    "holds": _holds,
    "hold_cost": _hold_cost,
    "groups": _groups,
    "checked_by_group": _checked_by_group,
    "grounds": _grounds,
    "drugs_and_weapons": partial(_offences, blocks={DRUGS: "a drug offence", WEAPONS: "a weapon offence"}),
    "driving": partial(_offences, blocks={DRIVING_UNDER_THE_INFLUENCE: "driving under the influence"}),
    "stated": _stated,
    "partition": _partition,
    "scarce": _scarce,
    "net": _net,
    "errors": _errors,
    "low_level": _low_level,
    "act_on_all": _act_on_all,
    "days": _days,
    "released": _released,
    "match_share": _match_share,
    "relayed": _relayed,
    "dual_use": _dual_use,
    "citizens_shared": _citizens_shared,
    "removed_of_matched": _removed_of_matched,
    "alternatives": _alternatives,
    "opt_out": _opt_out,
    "refusal": _refusal,
}
"""What a claim may name as `measured`. None of it takes a side."""
