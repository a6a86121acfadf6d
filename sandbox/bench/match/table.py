"""The matcher's benchmark as people read it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.bench.goals import goal_line

GOALS: Mapping[str, str] = {
    "ratio_one_liner": "x as fast as the line of numpy that everybody writes first",
    "ratio_row_loop": "x as fast as a loop over rows",
    "fraction_of_stream_read": "of the rate at which one thread reads the gallery as it lies in memory, with numba",
    "ratio_batch64": "x as fast for a probe in a batch of 64 as for one after the other",
    "ten_million_mib": "MiB to search ten million rows",
    "ready_ms": "ms from the seed to a gallery",
    "differing": "lists that are not those of a brute force",
    "worst_tail": "standard deviations at most between strangers' scores and theory",
    "published_rows_off": "of NIST's three figures of IDENT that the model does not give again",
}


def print_table(out: Console, told: Mapping[str, Any]) -> None:
    """Prints what `--json` would print."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"ms a probe, {told['rows']:,} rows, {told['rounds']} rounds")
    for column in ("best", "median"):
        table.add_column(column, justify="right")
    for name, times in told["times"].items():
        table.add_row(name.replace("_", " "), f"{times['best_ms']:,.2f}", f"{times['median_ms']:,.2f}")
    out.print(table)
    for line in _lines(told):
        out.print(line, highlight=False, soft_wrap=True)


def _lines(told: Mapping[str, Any]) -> list[str]:
    identity, large = told["identity"], told["ten_million"]
    lines = [
        f"{identity['searches']:,} searches by {' and '.join(identity['kernels'])} in {identity['threads'][0]} to"
        f" {identity['threads'][-1]} threads: {identity['differing']} of {identity['lists_compared']:,} lists differ",
        f"strangers' scores: {len(told['tails'])} counts held against the closed form",
        *(
            f"{row['what']}: {row['published_percent']} % missed as published, {row['model_percent']} % by the model"
            for row in told["published"]
        ),
    ]
    if told["fraction_of_fastest_read"]:
        lines.append(f"numba reads at {told['fraction_of_fastest_read']} of the rate of a loop that only reads")
    if large:
        searched = ", ".join(f"{kernel} {each} ms" for kernel, each in large["search_ms"].items())
        peaks = ", ".join(f"{kernel} {each} MiB" for kernel, each in large["peak_mib"].items())
        lines.append(
            f"{large['rows']:,} rows: made in {large['generate_ms']:,} ms, searched in {searched} a probe; at most"
            f" {peaks}"
        )
    return lines + [goal_line(told[name], GOALS[name], goal) for name, goal in told["goals"].items()]
