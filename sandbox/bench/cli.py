"""`interop bench`: how fast, as ratios within one run."""

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from services.chassis.errors import InteropError

bench_app = typer.Typer(help="Benchmarks: ratios within one run.", no_args_is_help=True)

out = Console()
err = Console(stderr=True)


Measure = Callable[[Callable[[str], None]], Mapping[str, Any]]
"""Measures, and tells meanwhile what it is doing."""

Print = Callable[[Console, Any], None]
"""Prints for people what was measured."""


@bench_app.callback()
def _bench() -> None:
    """Benchmarks: ratios within one run."""


@bench_app.command()
def pipeline(
    bookings: Annotated[int, typer.Option(min=10, max=20_000, help="Bookings in a round, all of one day.")] = 1_000,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each variant; medians are quoted.")] = 3,
    in_ident: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of people whom IDENT knows; the scenario's is 0.0655.")
    ] = 1.0,
    latency_seconds: Annotated[float, typer.Option(min=0.5, help="For how long 20 bookings/s are offered.")] = 15.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The four services against the same flow in idiomatic FastStream and as a bare redis-py loop."""
    # FastStream and what hangs on it take most of a second, which no other command should wait for.
    from sandbox.bench.pipeline.measure import measure  # noqa: PLC0415
    from sandbox.bench.pipeline.result import Order  # noqa: PLC0415
    from sandbox.bench.pipeline.table import print_table  # noqa: PLC0415

    order = Order(bookings, rounds, in_ident, latency_seconds)
    _report(lambda tell: measure(order, tell).as_json(), print_table, as_json=as_json)


@bench_app.command("in-process")
def in_process(
    sizes: Annotated[
        list[int] | None, typer.Option("--bookings", min=1_000, max=1_000_000, help="A size; give several.")
    ] = None,
    workers: Annotated[int, typer.Option(min=0, max=8, help="Worker processes beside the one that counts.")] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How the cost of a run without streams grows: by default from 100,000 to a million bookings."""
    from sandbox.bench.in_process import measure  # noqa: PLC0415  polars takes a while, as above

    _report(lambda tell: measure(sizes or [100_000, 1_000_000], workers, tell), _print_in_process, as_json=as_json)


def _print_in_process(to: Console, result: Mapping[str, Any]) -> None:
    for row in result["sizes"]:
        to.print(
            f"{row['bookings']:>9,} bookings, {row['matched']:,} matched: {row['seconds']:.1f} s,"
            f" {row['microseconds_a_booking']} µs each ({row['cost_ratio']} x the first),"
            f" {row['parent_mib']:,} MiB and {row['worker_mib']:,} MiB a worker",
            highlight=False,
        )


@bench_app.command("match-shards")
def match_shards(
    rows: Annotated[
        int,
        typer.Option(
            min=1_000,
            max=10_000_000,
            help="Rows of each of the two galleries; far below a million, what is timed may include compiling.",
        ),
    ] = 1_000_000,
    submissions: Annotated[int, typer.Option(min=10, max=20_000, help="Submissions in a round.")] = 512,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each; the median of their ratios is told.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How much faster two processes of the matcher search that share the galleries out than one does alone."""
    from sandbox.bench.match_shards import Order, measure  # noqa: PLC0415  polars takes a while, as above

    _report(lambda tell: measure(Order(rows, submissions, rounds), tell), _print_shards, as_json=as_json)


def _print_shards(to: Console, result: Mapping[str, Any]) -> None:
    for row in result["measured"]:
        to.print(f"{row['shards']} of it: {row['searches_a_second']:,} searches a second", highlight=False)
    to.print(f"two shards are {result['ratio_two_shards']} x as fast as one process", highlight=False)


@bench_app.command()
def lab(
    rows: Annotated[
        list[int] | None, typer.Option(min=1_000, max=10_000_000, help="Rows of facts for each policy; give several.")
    ] = None,
    bookings: Annotated[
        list[int] | None, typer.Option(min=1_000, max=10_000_000, help="Bookings of a comparison; give several.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """How fast the policy lab decides, against the services' decide in a loop, and how its cost grows."""
    from sandbox.bench.lab import measure  # noqa: PLC0415  polars takes a while, as above

    sizes = rows or [100_000, 1_000_000], bookings or [100_000, 1_000_000]
    _report(lambda tell: measure(*sizes, tell), _print_lab, as_json=as_json)


def _print_lab(to: Console, result: Mapping[str, Any]) -> None:
    to.print(
        f"{result['decisions_a_second']:,} decisions a second over {result['policies']} policies:"
        f" {result['ratio_to_loop']} x decide in a loop, {result['ratio_to_expressions']} x compiled expressions",
        highlight=False,
    )
    for row in result["decided"]:
        to.print(
            f"{row['rows']:>10,} rows a policy: {row['seconds']:.2f} s ({row['cost_ratio']} x the first a row)",
            highlight=False,
        )
    for row in result["compared"]:
        to.print(
            f"{row['bookings']:>10,} bookings under {len(result['compared_policies'])} policies:"
            f" {row['seconds']:.2f} s ({row['cost_ratio']} x the first a booking), {row['peak_mib']:,} MiB",
            highlight=False,
        )


@bench_app.command()
def audit(
    entries: Annotated[
        int, typer.Option(min=1_000, max=10_000_000, help="Entries of the log; a million need about 1 GB of disk.")
    ] = 1_000_000,
    bookings: Annotated[int, typer.Option(min=10, max=20_000, help="Bookings in a round of the services.")] = 500,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of the services.")] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """What the transparency log costs: against bare SQLite, against the services; proofs, files, bytes."""
    from sandbox.bench.audit.keeping import the_services  # noqa: PLC0415  as above
    from sandbox.bench.audit.measure import measure  # noqa: PLC0415
    from sandbox.bench.audit.table import print_table  # noqa: PLC0415

    _report(lambda tell: measure(entries, the_services(bookings, rounds), tell), print_table, as_json=as_json)


@bench_app.command()
def match(
    curve: Annotated[
        bool, typer.Option("--curve", help="Instead: how often searches err, counted, next to what is worked out.")
    ] = False,
    out_folder: Annotated[
        Path | None,
        typer.Option("--out", help="Also write the curves as pictures (SVG) and a table (CSV).", file_okay=False),
    ] = None,
    rows: Annotated[int, typer.Option(min=1_000, max=20_000_000, help="Rows of a gallery.")] = 1_000_000,
    rounds: Annotated[int, typer.Option(min=1, max=200, help="Rounds of each contender; the best is quoted.")] = 15,
    ten_million: Annotated[bool, typer.Option(help="Also search ten million rows, which takes 1 GB of memory.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """The matcher: how fast it searches, against other ways and the machine's memory, and whether it is exact."""
    if out_folder and not curve:
        raise InteropError("no-curve-to-write", "--out writes the curves: add --curve")
    measure, print_result = _curve(out_folder) if curve else _search(rows, rounds, ten_million)
    _report(measure, print_result, as_json=as_json)


def _curve(folder: Path | None) -> tuple[Measure, Print]:
    from sandbox.bench.match_curve import draw  # noqa: PLC0415  as above
    from sandbox.bench.match_curve_drawn import print_curve  # noqa: PLC0415

    return (lambda tell: draw(tell, folder)), print_curve


def _search(rows: int, rounds: int, ten_million: bool) -> tuple[Measure, Print]:
    from sandbox.bench.match.measure import measure  # noqa: PLC0415  as above
    from sandbox.bench.match.scale import MANY  # noqa: PLC0415
    from sandbox.bench.match.table import print_table  # noqa: PLC0415

    return (lambda tell: measure(rows, rounds, tell, MANY if ten_million else None)), print_table


def _report(measure: Measure, show: Print, *, as_json: bool) -> None:
    with err.status("starting", spinner="line") as status:
        result = measure(status.update)
    if as_json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        show(out, result)
