"""The pipeline benchmark as people read it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

NAMES: Mapping[str, str] = {
    "interop": "the four services",
    "idiomatic": "idiomatic FastStream",
    "redis_py": "bare redis-py loop",
}


def print_table(out: Console, told: Mapping[str, Any]) -> None:
    """Prints what `--json` would print."""
    out.print(_rates(told))
    if told["processor_ratio_to_idiomatic"] is not None:
        out.print(_processor(told))
    stage, latency, intake = told["idiomatic_stage"], told["latency_ms"], told["through_intake"]
    verdict = "a sound baseline" if stage["sound"] else "[red]too slow to be a fair baseline[/red]"
    rounds = len(told["rounds"]["interop"])
    out.print(
        f"{told['ratio_to_idiomatic']:.1f} x idiomatic FastStream, {told['ratio_to_redis_py']:.2f} x the bare loop "
        f"(medians, rounds taking turns: {rounds}; the same {told['events']:,} events in each)"
    )
    out.print(
        f"through the HTTP intake: {intake['bookings_per_s']:,.0f} bookings/s; "
        f"from POST to the agency's decision at {latency['offered_per_s']:.0f} bookings/s: "
        f"p50 {latency['p50']:.0f} ms, p99 {latency['p99']:.0f} ms"
    )
    out.print(f"idiomatic, a stage that does nothing: {stage['events_per_s']:,.0f} events/s, {verdict}")
    out.print(f"{told['server']}, {told['processors']} processors. Quote ratios, not rates.")


def _rates(told: Mapping[str, Any]) -> Table:
    share = f"{told['in_ident']:.0%} of the people in IDENT"
    table = Table(title=f"{told['bookings']:,} bookings of one day, {share}")
    for column in ("", "bookings/s", "events/s", "seconds, by round"):
        table.add_column(column, justify="right" if column else "left")
    for variant, seconds in told["rounds"].items():
        rate = told["events_per_s"] if variant == "interop" else told[f"{variant}_events_per_s"]
        bookings = rate * told["bookings"] / told["events"]
        rounds = " ".join(f"{row:.2f}" for row in seconds)
        table.add_row(NAMES[variant], f"{bookings:,.0f}", f"{rate:,.0f}", rounds)
    return table


def _processor(told: Mapping[str, Any]) -> Table:
    spent: Mapping[str, Mapping[str, float]] = told["processor_ms_per_booking"]
    processes = list(spent["interop"])
    table = Table(title="where the time goes: milliseconds of processor time a booking")
    for column in ("", *processes, "together", "ratio"):
        table.add_column(column.replace("_", " "), justify="right" if column else "left")
    for variant, row in spent.items():
        values = [row[process] for process in processes]
        ratio = told.get(f"processor_ratio_to_{variant}", 1.0)
        table.add_row(NAMES[variant], *(f"{value:.2f}" for value in (*values, sum(values), ratio)))
    return table
