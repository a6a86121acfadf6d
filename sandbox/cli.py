"""The `interop` command. Stable and scriptable: `--json` everywhere, one sentence and exit code 2 for bad input."""

import json
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bars, TextColumn, TimeElapsedColumn

from console.classroom.cli import classroom_app
from sandbox import dead_letters as letters, streams
from sandbox.audit.cli import audit_app
from sandbox.bench.cli import bench_app
from sandbox.drive import OnProgress, Progress
from sandbox.house import LIVE_SEED, House, look_back, open_house
from sandbox.lab.assumptions import COSTS_A_DAY, COUNSEL, HEARINGS, REARRESTS, Assumptions, assumption
from sandbox.policies.cli import register as register_policies
from sandbox.stack import CONSOLE
from sandbox.usual import COMPARED_BOOKINGS, LARGE_GALLERY, SEED
from services.audit.events import WATCHED
from services.chassis.errors import InteropError

if TYPE_CHECKING:
    from sandbox.lab.crowd import OnBookings
    from sandbox.runs import OnSeed, Request

Search = Literal["exhaustive", "mates"]
"""As `sandbox.runs` has it; what takes a second to import is imported by the commands that need it."""

DEMO_SCENARIO = "boston-2008-2010"
DEMO_BOOKINGS = 5_000
SEEDS = 8
"""Seeds behind an interval: eight runs of 200,000 bookings take some seconds in the lab."""

MANY_BOOKINGS = 200_000
MOST_EXHAUSTIVE = 100_000
"""Bookings up to which a run in process compares everybody on file: some 20 seconds of it on one core."""

app = typer.Typer(
    help="Interop Sandbox: a running model of the Secure Communities fingerprint-sharing flow, on invented data.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
dlq_app = typer.Typer(help="Dead letters: what could not be processed, and why.", no_args_is_help=True)
scenario_app = typer.Typer(help="Scenario files.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
app.add_typer(dlq_app, name="dlq")
app.add_typer(scenario_app, name="scenario")
app.add_typer(bench_app, name="bench")
app.add_typer(classroom_app, name="class")
register_policies(app)

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
ScenarioName = Annotated[str, typer.Argument(help="A scenario's name, or the path of its file.")]
Seeds = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=100,
        help="How many seeds the intervals beside published figures come from: 8, or 3 above 200,000 bookings.",
    ),
]
Fpir = Annotated[
    float | None,
    typer.Option(help="The share of searches for a stranger that may return somebody: the match threshold."),
]
MatcherLevers = Annotated[
    list[str] | None,
    typer.Option(
        "--matcher",
        help="How the matcher stands, instead of the scenario's: NAME=VALUE, such as preset=ident-2004 or"
        " ident_fingers=2, by the names under 'galleries' other than rows, overlap and fpir. Give several.",
    ),
]
Workers = Annotated[int, typer.Option(min=1, max=8, help="Processes of each service, if none are up yet.")]
Shards = Annotated[
    int,
    typer.Option(
        min=1, max=8, help="Processes that share the galleries out and search them together, if none are up yet."
    ),
]


@app.command()
def run(
    scenario: ScenarioName,
    policy: Annotated[
        str | None,
        typer.Option(help="A policy, or the path of its file, in place of the scenario's on its question."),
    ] = None,
    regime: Annotated[
        str | None, typer.Option(help="ICE's priority regime, instead of the scenario's; 'by-date' for those in force.")
    ] = None,
    bookings: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many bookings sample the period.")] = 5_000,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run.")] = SEED,
    seeds: Seeds = None,
    explanation: Annotated[
        str | None, typer.Option(help="Under which of a scenario's explanations it is run; the report shows them all.")
    ] = None,
    name: Annotated[str | None, typer.Option("--run", help="A name for the run.")] = None,
    workers: Workers = 1,
    shards: Shards = 1,
    in_process: Annotated[
        bool, typer.Option("--in-process", help="The same handlers without Redis: for up to a million bookings.")
    ] = False,
    search: Annotated[
        Search | None,
        typer.Option(
            help="In process: 'exhaustive' compares everybody on file, as the services do; 'mates' only a person's own"
            " records, and draws false matches from their known rate. Default: mates above 100,000 bookings."
        ),
    ] = None,
    gallery_rows: Annotated[
        int | None,
        typer.Option(
            min=2,
            max=10_000_000,
            help="People in each federal gallery: the scenario's 10,000, or a million where only mates are searched.",
        ),
    ] = None,
    fpir: Fpir = None,
    matcher: MatcherLevers = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the report as one page of HTML.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run a scenario through the four services and their streams, and print the report."""
    from sandbox.pages import report_page
    from sandbox.runs import Request, scenario_of, settings_of
    from sandbox.scenario import load_scenario
    from sandbox.scenario.levers import as_told

    searched = search or ("mates" if in_process and bookings > MOST_EXHAUSTIVE else "exhaustive")
    request = Request(
        scenario=scenario,
        bookings=bookings,
        seed=seed,
        policy=policy,
        regime=regime,
        runid=name,
        explanation=explanation,
        seeds=seeds or _usual_seeds(bookings),
        gallery_rows=gallery_rows or (LARGE_GALLERY if searched == "mates" else None),
        search=searched,
        workers=max(workers, 2),
        levers=as_told(load_scenario(scenario, explanation), fpir=fpir, matcher=matcher or ()),
    )
    if searched == "mates" and not in_process:
        raise InteropError("mates-in-process", "the services search everybody on file; add --in-process for mates")
    settings_of(scenario_of(request), request)
    _check_folder(html)
    if in_process:
        result = _run_in_process(request, quiet=as_json)
    else:
        with open_house(workers=workers, shards=shards) as house:
            result = _run(house, request, quiet=as_json)
    if html is not None:
        html.write_text(report_page(result), encoding="utf-8")
    _tell(result, as_json)
    if not result.get("reconciled", True):
        raise typer.Exit(1)


@app.command()
def compare(
    scenario: ScenarioName,
    policy: Annotated[
        list[str],
        typer.Option(
            help="A policy, or the path of its file, in place of the scenario's on its question; give several."
        ),
    ],
    regime: Annotated[str | None, typer.Option(help="ICE's priority regime, instead of the scenario's.")] = None,
    bookings: Annotated[
        int, typer.Option(min=1, max=10_000_000, help="How many bookings sample the period.")
    ] = COMPARED_BOOKINGS,
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same people.")] = SEED,
    seeds: Annotated[
        int | None,
        typer.Option(
            min=0,
            max=100,
            help="How many seeds the intervals beside published figures come from: 8, or 3 above 200,000 bookings; 0"
            " leaves published figures out.",
        ),
    ] = None,
    explanation: Annotated[str | None, typer.Option(help="Under which of a scenario's explanations.")] = None,
    gallery_rows: Annotated[
        int, typer.Option(min=2, max=10_000_000, help="People in each federal gallery.")
    ] = LARGE_GALLERY,
    capacity: Annotated[
        list[str] | None,
        typer.Option(
            help="Detainers that an ICE office can lodge in a real day, instead of the scenario's: OFFICE=NUMBER, or"
            " one number for all; 'none' for no limit. Give several."
        ),
    ] = None,
    pickup: Annotated[
        list[str] | None,
        typer.Option(
            help="How often ICE comes for whom, instead of the scenario's: PRIORITY=SHARE (otherwise=SHARE for the"
            " rest, untold=SHARE where nobody tells it), or one share for all it is told of. Give several."
        ),
    ] = None,
    discretion: Annotated[
        list[str] | None,
        typer.Option(
            help="How often agencies use what they may, instead of the scenario's: LEVER=SHARE, or one share for all."
            " Give several."
        ),
    ] = None,
    fpir: Fpir = None,
    matcher: MatcherLevers = None,
    cost_a_day: Annotated[
        str | None, typer.Option(help=f"What a held day costs: dollars, or {', '.join(COSTS_A_DAY)}. Off by default.")
    ] = None,
    rearrests: Annotated[
        str | None,
        typer.Option(help=f"Re-arrests a year of the released: a rate, or {', '.join(REARRESTS)}. Off by default."),
    ] = None,
    rearrest_years: Annotated[float, typer.Option(min=0, max=20, help="For how many years these are counted.")] = 1.0,
    hearings: Annotated[
        str | None,
        typer.Option(help=f"Share of those handed over who have a hearing, or {', '.join(HEARINGS)}. Off by default."),
    ] = None,
    counsel: Annotated[
        str | None,
        typer.Option(help=f"Share of those handed over who have a lawyer, or {', '.join(COUNSEL)}. Off by default."),
    ] = None,
    at_large: Annotated[
        str | None,
        typer.Option(help="Share of those whom ICE would have come for that it then seeks elsewhere. Off by default."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Also write the comparison as one page of HTML.", dir_okay=False)
    ] = None,
    parquet: Annotated[
        Path | None, typer.Option(help="Also write the cases with their answers under each policy.", dir_okay=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the same people through several policies in the lab, and print them side by side."""
    from sandbox import show
    from sandbox.compare import Comparison, compare as compare_policies, settings_by_id
    from sandbox.pages import comparison_page
    from sandbox.runs import Request, scenario_of
    from sandbox.scenario import load_scenario
    from sandbox.scenario.levers import as_told

    levers = as_told(
        load_scenario(scenario, explanation),
        capacity=capacity or (),
        pickup=pickup or (),
        discretion=discretion or (),
        fpir=fpir,
        matcher=matcher or (),
    )
    request = Request(
        scenario,
        bookings,
        seed,
        regime=regime,
        explanation=explanation,
        seeds=_usual_seeds(bookings) if seeds is None else seeds,
        gallery_rows=gallery_rows,
        search="mates",
        levers=levers,
    )
    assumptions = Assumptions(
        cost_a_day=assumption("--cost-a-day", cost_a_day, COSTS_A_DAY, most=100_000),
        rearrests_a_year=assumption("--rearrests", rearrests, REARRESTS, most=100),
        hearing_share=assumption("--hearings", hearings, HEARINGS, most=1),
        counsel_share=assumption("--counsel", counsel, COUNSEL, most=1),
        at_large_share=assumption("--at-large", at_large, {}, most=1),
        rearrest_years=rearrest_years,
    )
    _check_folder(html, parquet)
    comparison = Comparison(request, tuple(dict.fromkeys(policy)), assumptions, parquet)
    settings_by_id(comparison, scenario_of(request))
    with _comparing(bookings, quiet=as_json) as (on_bookings, on_seed):
        result = compare_policies(comparison, on_seed, on_bookings)
    if html is not None:
        html.write_text(comparison_page(result), encoding="utf-8")
    if as_json:
        _print_json(result)
    else:
        show.comparison(out, result)


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop everything afterwards.")] = False, workers: Workers = 1
) -> None:
    """Start everything, run 5,000 bookings, print the report, and stay up until Ctrl-C."""
    from sandbox.runs import Request

    stays = not once and sys.stdout.isatty()
    with _until_told(), open_house(workers=workers, live=True, console=stays) as house:
        result = _run(house, Request(DEMO_SCENARIO, DEMO_BOOKINGS, SEED, seeds=SEEDS), quiet=False)
        _tell(result, as_json=False)
        if not stays:
            return
        _addresses(house)
        _stay(house)


@app.command()
def up(workers: Workers = 1, shards: Shards = 1) -> None:
    """Start Redis, the four services and the console on this machine, and stay up until Ctrl-C."""
    with _until_told(), open_house(workers=workers, shards=shards, live=True, console=True) as house:
        if house.stack is None:
            raise InteropError("already-up", "the services are up already; 'interop run' will use them")
        _addresses(house)
        _stay(house)


@app.command()
def trace(tcn: Annotated[str, typer.Argument(help="A booking's tcn.")], as_json: AsJson = False) -> None:
    """Show one booking's journey across the agencies, hop by hop."""
    from sandbox import show

    with look_back() as redis:
        events = [event for event in streams.all_events(redis) if event.get("tcn") == tcn]
    if not events:
        raise InteropError("unknown-tcn", f"no event of any run carries tcn '{tcn}'")
    events.sort(key=_place_in_journey)
    if as_json:
        _print_json(events)
    else:
        show.journey(out, tcn, events)


@app.command()
def candidates(tcn: Annotated[str, typer.Argument(help="A booking's tcn.")], as_json: AsJson = False) -> None:
    """Search one booking's prints again: whom each gallery listed, how sure it was, and who they truly are."""
    from dataclasses import asdict

    from sandbox import show
    from sandbox.candidates import candidate_lists

    with look_back() as redis:
        lists = candidate_lists(redis, tcn)
    if as_json:
        _print_json([asdict(each) for each in lists])
    else:
        show.candidates(out, tcn, lists)


@dlq_app.command("list")
def dlq_list(as_json: AsJson = False) -> None:
    """List the dead letters."""
    from sandbox import show

    with look_back() as redis:
        rows = [_letter(letter) for letter in letters.all_letters(redis)]
    if as_json:
        _print_json(rows)
    elif rows:
        show.dead_letters(out, rows)
    else:
        out.print("no dead letters")


@dlq_app.command("show")
def dlq_show(number: str) -> None:
    """Show one dead letter whole."""
    with look_back() as redis:
        letter = letters.find(redis, number)
    _print_json({**_letter(letter), "event": None if letter.event is None else letter.event.decode(errors="replace")})


@dlq_app.command("redrive")
def dlq_redrive(
    number: Annotated[str | None, typer.Argument(help="The letter's number; all, if none is given.")] = None,
) -> None:
    """Send dead letters again, under their own ids."""
    with look_back() as redis:
        chosen = list(letters.all_letters(redis)) if number is None else [letters.find(redis, number)]
        for letter in chosen:
            letters.redrive(redis, letter)
    out.print(f"sent again: {len(chosen)}")


@scenario_app.command("fit")
def scenario_fit(
    scenario: str,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail if the file's hash is another.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the fitted parameters from the fitted figures alone, and write them into the scenario with their hash."""
    from sandbox import show
    from sandbox.fit import fit_scenario, write as write_fit
    from sandbox.scenario import load_scenario

    with Bars(TextColumn("{task.description}"), TimeElapsedColumn(), console=err, disable=as_json) as bars:
        task = bars.add_task("fitting", total=None)

        def tell(explanation: str, number: int, worst: float) -> None:
            under = f" under '{explanation}'" if explanation else ""
            words = f"simulation {number}{under}: the worst figure is {worst:.2f} half-widths of its band away"
            bars.update(task, description=words)

        fitted = fit_scenario(scenario, tell)
    before = load_scenario(scenario, check_hash=False).parameter_hash
    if not check:
        write_fit(scenario, fitted)
    if as_json:
        _print_json({"scenario": scenario, "hash": fitted.hash, "file_hash": before, "fits": fitted.values})
    else:
        show.fit(out, fitted, before)
    if check and fitted.hash != before:
        raise typer.Exit(1)


@scenario_app.command("check")
def scenario_check(scenario: str) -> None:
    """Check a scenario file, and each of its explanations."""
    from sandbox.scenario import load_scenario, resolve

    loaded = load_scenario(scenario)
    for name in loaded.explanations:
        load_scenario(scenario, name)
    resolve(loaded, seed=SEED)
    counted = f"{len(loaded.published)} published figures, {len(loaded.fits)} fits, hash {loaded.parameter_hash}"
    out.print(f"{loaded.scenario}: no mistakes ({counted if loaded.published else 'no published figures'})")


@scenario_app.command("list")
def scenario_list(as_json: AsJson = False) -> None:
    """List the scenarios."""
    from sandbox import show
    from sandbox.scenario import HOME, load_scenario, names_in

    rows = [load_scenario(name) for name in names_in(HOME / "scenarios")]
    told = [
        {
            "scenario": row.scenario,
            "title": row.title,
            "from": str(row.period.since),
            "until": str(row.period.until),
            "submissions": row.real_volume,
            "figures": len(row.published),
            "explanations": list(row.explanations),
        }
        for row in rows
    ]
    if as_json:
        _print_json(told)
    else:
        show.scenarios(out, told)


@scenario_app.command("settings")
def scenario_settings(scenario: str, seed: Annotated[int, typer.Option(min=0, help="The run's seed.")] = SEED) -> None:
    """Print what a run of a scenario is pinned to, as `POST /runs` takes it."""
    from sandbox.scenario import load_scenario, resolve

    out.print_json(resolve(load_scenario(scenario), seed=seed).model_dump_json())


def _place_in_journey(event: streams.Event) -> tuple[str, bool, int, int]:
    """By time; at the same moment a stage of custody before the answer to it, and a claim after both."""
    claimed = event["type"] == "custody.claimed.v1"
    return event["time"], claimed, event["data"].get("sequence", -1), WATCHED.index(event["type"])


@scenario_app.command("people")
def scenario_people(
    scenario: str,
    bookings: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many bookings sample the period.")] = 10,
    first: Annotated[int, typer.Option(min=1, help="The first one to print.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The run's seed: it makes the people and the galleries.")] = SEED,
    now: Annotated[bool, typer.Option("--now", help="Leave times out: they are booked when they are sent.")] = False,
) -> None:
    """Print people of a scenario, a line each, as `POST /bookings` and `POST /bookings:batch` take them."""
    from sandbox.population import bookings as people
    from sandbox.scenario import load_scenario

    for person in people(load_scenario(scenario), seed, bookings, first - 1):
        timeless = {key: value for key, value in person.items() if key not in ("booked_at", "custody")}
        sys.stdout.write(json.dumps(timeless if now else person) + "\n")


def _letter(letter: letters.DeadLetter) -> dict[str, str]:
    row = {key: value for key, value in asdict(letter).items() if key != "event"}
    row["stream"] = row.pop("event_type")
    return row


def _run(house: House, request: "Request", *, quiet: bool) -> dict[str, Any]:
    from sandbox.runs import run_scenario

    with _progress(request.bookings, quiet=quiet) as (on_progress, on_seed):
        return run_scenario(house, request, on_progress, on_seed)


def _run_in_process(request: "Request", *, quiet: bool) -> dict[str, Any]:
    from sandbox.runs import run_without_streams

    with _progress(request.bookings, quiet=quiet) as (on_progress, on_seed):
        return run_without_streams(request, on_progress, on_seed)


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[tuple[OnProgress, "OnSeed"]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err, disable=quiet) as bars:
        task = bars.add_task("opening the run", total=total)
        intervals = bars.add_task("other seeds, for the intervals", total=None, visible=False)

        def tell(progress: Progress) -> None:
            words = f"{progress.open_day:%d %b %Y}"
            if progress.status != "open":
                words += ", until every case has ended"
            bars.update(task, completed=progress.booked, description=words)

        def tell_seed(done: int, of: int) -> None:
            bars.update(intervals, completed=done, total=of, visible=True)

        yield tell, tell_seed


@contextmanager
def _comparing(total: int, *, quiet: bool) -> Iterator[tuple["OnBookings", "OnSeed"]]:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err, disable=quiet, transient=True) as bars:
        people_made = bars.add_task("bookings, made and searched", total=total)
        intervals = bars.add_task("other seeds, for the intervals", total=None, visible=False)
        yield (
            lambda done: bars.update(people_made, completed=done),
            lambda done, of: bars.update(intervals, completed=done, total=of, visible=True),
        )


def _usual_seeds(bookings: int) -> int:
    from sandbox.published import FEWEST_RUNS

    return SEEDS if bookings <= MANY_BOOKINGS else FEWEST_RUNS


def _check_folder(*files: Path | None) -> None:
    """What is to be written at the end can be: nobody should wait for a run only to hear that it cannot."""
    for file in files:
        if file is not None and not file.absolute().parent.is_dir():
            message = f"there is no folder '{file.parent}' to write {file.name} into; make it, or name another"
            raise InteropError("no-such-folder", message)


def _tell(result: dict[str, Any], as_json: bool) -> None:
    from sandbox import show

    if as_json:
        _print_json(result)
    else:
        show.report(out, result)


def _addresses(house: House) -> None:
    out.print()
    if CONSOLE in house.urls:
        out.print(f"{'the console':16} [bold]{house.urls[CONSOLE]}[/bold]   open it in a browser", highlight=False)
    for service, url in house.urls.items():
        if service != CONSOLE:
            out.print(f"{service.replace('_', ' '):16} {url}/docs", highlight=False)
    out.print("Book people by hand, into the run 'live':")
    out.print(
        f"  interop scenario people live --seed {LIVE_SEED} --now |"
        f" curl --data-binary @- '{house.urls['booking']}/bookings:batch'",
        highlight=False,
        soft_wrap=True,
    )
    out.print("Stop with Ctrl-C.")


def _stay(house: House) -> None:
    while house.stack is not None:
        if house.stack.failure is not None:
            raise house.stack.failure
        time.sleep(0.5)


@contextmanager
def _until_told() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the command in order, with everything that it started."""

    def stop(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        err.print("stopped")


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=None if isinstance(value, dict) else 1) + "\n")


def main() -> None:
    """The entry point: errors are one sentence with a code on stderr, and exit code 2."""
    try:
        app()
    except InteropError as error:
        err.print(f"{error.code}: {error.sentence}", style="red", markup=False, highlight=False, soft_wrap=True)
        sys.exit(2)
