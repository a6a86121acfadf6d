"""The lab in a process of its own: `python -m console.lab.worker`, asked and answering in lines of JSON.

It keeps what one comparison can leave to the next, so a change costs only what depends on it. A line `{"cancel": ID}`
ends the job of that number at its next step. When nobody can ask any more, it ends.
"""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TextIO

from console.lab.view import view_of
from console.working import Tell, teller, told_error
from sandbox.compare import Comparison, Kept, compare
from sandbox.lab.assumptions import COSTS_A_DAY, COUNSEL, HEARINGS, REARRESTS, Assumptions, assumption
from sandbox.pages import comparison_page
from sandbox.runs import Request
from sandbox.scenario import HOME, Scenario, load_scenario, names_in, span
from sandbox.scenario.levers import standing
from sandbox.usual import LARGE_GALLERY
from services.chassis.errors import InteropError

Job = Mapping[str, Any]


class CancelledError(Exception):
    """Somebody does not want the answer any more."""


def main() -> None:
    """Answers until nobody can ask any more."""
    serve(sys.stdin, teller())


def serve(asked: TextIO, tell: Tell) -> None:
    """Takes jobs one after the other, and hears meanwhile which of them nobody wants any more."""
    jobs: SimpleQueue[Job | None] = SimpleQueue()
    cancelled: set[int] = set()

    def listen() -> None:
        for line in asked:
            message = json.loads(line)
            if "cancel" in message:
                cancelled.add(message["cancel"])
            else:
                jobs.put(message)
        jobs.put(None)
        cancelled.add(EVERYTHING)

    Thread(target=listen, daemon=True).start()
    tell({"scenarios": [about(load_scenario(name)) for name in names_in(HOME / "scenarios")]})
    kept = Kept()
    while (job := jobs.get()) is not None:
        _answer(job, kept, cancelled, tell)


EVERYTHING = -1
"""In place of a job's number: nobody is there to hear any answer."""


def _answer(job: Job, kept: Kept, cancelled: set[int], tell: Tell) -> None:
    number, reached = job["id"], 0.0

    def step(share: float, words: str) -> None:
        nonlocal reached
        # Laws on how far prints go have people of their own to make; what was reached stays reached.
        reached = max(reached, share)
        if cancelled & {number, EVERYTHING}:
            raise CancelledError
        tell({"id": number, "share": round(reached, 3), "words": words})

    try:
        step(0, "reading the policies")
        tell({"id": number, "done": _do(job, kept, step)})
    except CancelledError:
        tell({"id": number, "cancelled": True})
    except InteropError as error:
        tell({"id": number, **told_error(error)})


def _do(job: Job, kept: Kept, step: Callable[[float, str], None]) -> dict[str, Any]:
    """The comparison, as what is wanted of it."""
    path = Path(job["path"]) if job["kind"] in ("html", "json", "parquet") else None
    comparison = comparison_of(job["state"], path if job["kind"] == "parquet" else None)
    bookings = comparison.request.bookings

    def on_bookings(done: int) -> None:
        step(0.8 * done / bookings, f"{done:,} of {bookings:,} people made and searched")

    def on_policy(done: int, of: int) -> None:
        step(0.8 + 0.2 * done / of, f"{done + 1} of {of} policies")

    result = compare(comparison, on_bookings=on_bookings, on_policy=on_policy, kept=kept)
    if path is None:
        return view_of(result)
    if job["kind"] == "html":
        path.write_text(comparison_page(result), encoding="utf-8")
    if job["kind"] == "json":
        path.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return {}


def comparison_of(state: Mapping[str, Any], parquet: Path | None = None) -> Comparison:
    """What is to be compared, as `interop compare` has it from its options.

    Raises:
        InteropError: `bad-assumption`, when one is neither a number nor a preset.
    """
    request = Request(
        state["scenario"],
        state["bookings"],
        state["seed"],
        explanation=state["explanation"],
        seeds=0,
        gallery_rows=LARGE_GALLERY,
        search="mates",
        levers=state["levers"],
    )
    given = state["assumptions"]
    years = assumption("--rearrest-years", given.get("rearrest_years"), {}, most=20)
    assumptions = Assumptions(
        cost_a_day=assumption("--cost-a-day", given.get("cost_a_day"), COSTS_A_DAY, most=100_000),
        rearrests_a_year=assumption("--rearrests", given.get("rearrests"), REARRESTS, most=100),
        hearing_share=assumption("--hearings", given.get("hearings"), HEARINGS, most=1),
        counsel_share=assumption("--counsel", given.get("counsel"), COUNSEL, most=1),
        at_large_share=assumption("--at-large", given.get("at_large"), {}, most=1),
        rearrest_years=1.0 if years is None else years.value,
    )
    return Comparison(request, tuple(state["policies"]), assumptions, parquet)


def about(scenario: Scenario) -> dict[str, Any]:
    """What the page has to know of a scenario to offer it."""
    name = scenario.scenario
    explained = {each: load_scenario(name, each) for each in scenario.explanations} or {"": scenario}
    days = span(scenario).days
    volume = scenario.real_volume
    matches_a_day = (
        None if volume is None else volume * scenario.people.in_ident / days / len(scenario.capacity_per_day)
    )
    return {
        "scenario": name,
        "title": scenario.title,
        "place": scenario.place,
        "agencies": [agency.name for agency in scenario.agencies.values()],
        "from": scenario.period.since.isoformat(),
        "until": scenario.period.until.isoformat(),
        "volume": volume,
        "in_ident": scenario.people.in_ident,
        "days": days,
        "policy": scenario.policy,
        "regime": scenario.regime,
        "explanations": [
            {"name": each, "title": explanation.title, "says": explanation.says}
            for each, explanation in scenario.explanations.items()
        ],
        "levers": {each: standing(loaded) for each, loaded in explained.items()},
        "matches_a_day": matches_a_day,
    }


if __name__ == "__main__":
    main()
