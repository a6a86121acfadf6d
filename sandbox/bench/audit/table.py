"""The audit benchmark as people read it."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.bench.goals import goal_line

GOALS: Mapping[str, str] = {
    "ratio_bare_sqlite": "of bare inserts in batches of 256",
    "storage_over_payload_bytes": "bytes an entry on the disk over its own",
    "keep_over_pipeline": "x what the services produce",
    "verify_seconds": "seconds to verify the exported log",
}


def print_table(out: Console, told: Mapping[str, Any]) -> None:
    """Prints what `--json` would print."""
    table = Table(title=f"A log of {told['entries']:,} entries", title_justify="left", box=None, pad_edge=False)
    for column in ("batch", "log, entries/s", "bare SQLite, entries/s", "ratio"):
        table.add_column(column, justify="right")
    for row in told["appends"]:
        table.add_row(f"{row['batch']:,}", f"{row['log_per_s']:,}", f"{row['bare_per_s']:,}", f"{row['ratio']:.2f}")
    out.print(table)
    inclusion, keep = told["inclusion_proof_us"], told["keep"]
    go = told["go_verify_seconds"]
    lines = [
        f"the ledger keeps {keep['keep_per_s']:,.0f} events/s, the services produce {keep['pipeline_per_s']:,.0f}",
        f"inclusion proof: {_spread(inclusion['cold'])} cold, {_spread(inclusion['warm'])} warm;"
        f" consistency proof: {_spread(told['consistency_proof_us'])};"
        f" a proof is verified in {_spread(told['verify_proof_us'])}; the log is opened in {told['reopen_ms']} ms",
        f"{told['export_files']:,} files written in {told['export_seconds']} s, verified in"
        f" {told['verify_seconds']} s{'' if go is None else f', by Go in {go} s'}",
        *(goal_line(told[name], GOALS[name], goal) for name, goal in told["goals"].items()),
    ]
    for line in lines:
        out.print(line, highlight=False, soft_wrap=True)


def _spread(microseconds: Mapping[str, float]) -> str:
    return f"{microseconds['median']:,.0f} µs (p99 {microseconds['p99']:,.0f})"
