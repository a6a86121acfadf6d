"""What a person sees: the report of a run, a journey, dead letters. Tables, with the notice that it is all invented."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from sandbox.report import LEVELS, NOTICE

LEVER_WORDS = {
    "ask_status": "ask about status",
    "notify": "tell ICE the release date",
    "hold": "hold past release",
    "transfer": "hand over to ICE",
    "access": "let ICE into the jail",
}


def report(console: Console, result: Mapping[str, Any]) -> None:
    """The report of `interop run`."""
    totals = result["totals"]
    console.print()
    console.print(
        f"[bold]{result['scenario']}[/bold], seed {result['seed']}: {totals['bookings']:,} bookings under"
        f" [bold]{result['policy']}[/bold] and [bold]{result['regime']}[/bold]  (run {result['runid']})"
    )
    console.print(_flow(totals))
    console.print(_levers(totals["levers"]))
    console.print(_removals(totals["removals"]))
    console.print(_disclosures(result["disclosures"]))
    entries = sum(result["entries"].values())
    verdict = "[green]reconciled[/green]" if result["reconciled"] else "[red]NOT reconciled[/red]"
    told = sum(row["count"] for row in result["disclosures"])
    console.print(f"{entries:,} events, {told:,} disclosures, ledger {verdict}, {result['dead_letters']} dead letters.")
    console.print(f"[dim]{NOTICE}[/dim]")


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", style=None if number else "default")
    return table


def _flow(totals: Mapping[str, Any]) -> Table:
    detainers, custody = totals["detainers"], totals["custody"]
    table = _table("\nWhat happened", "", "number")
    rows: Iterable[tuple[str, Any]] = (
        ("bookings", totals["bookings"]),
        ("fingerprints submitted to the FBI, and relayed to DHS", totals["submissions"]),
        ("known to the FBI's criminal file", totals["identified_by_fbi"]),
        ("known to DHS (a match)", totals["searches"].get("match", 0)),
        ("  whose record says removable", totals["removable"].get("yes", 0)),
        ("detainers lodged", detainers["lodged"]),
        ("  came after the release", detainers["came_after_release"]),
        ("matches without a detainer: no priority", detainers["no_action"].get("no_priority", 0)),
        ("matches without a detainer: no capacity that day", detainers["no_action"].get("no_capacity", 0)),
        ("held past their release", custody["holds"]),
        ("  hours held, in all", custody["hold_hours"]),
        ("handed over to ICE", custody["transferred"]),
        ("released although a detainer was on file", custody["released"]),
        ("  ICE did not come", custody["released_ice_did_not_come"]),
        ("  the agency did not hand over", custody["released_hand_over_declined"]),
        ("  released before ICE came", custody["released_before_ice_came"]),
        *((f"case ended: {outcome.replace('_', ' ')}", count) for outcome, count in totals["outcomes"].items()),
    )
    for words, number in rows:
        table.add_row(words, f"{number:,}")
    return table


def _levers(levers: Mapping[str, Any]) -> Table:
    table = _table("\nWhat the agency did, and why", "lever", "done", "not done", "why")
    table.columns[3].justify = "left"
    for lever, words in LEVER_WORDS.items():
        if lever not in levers:
            continue
        told = levers[lever]
        why = "; ".join(f"{reason} ({count})" for reason, count in told["why"].items())
        table.add_row(words, str(told["exercised"]), str(told["declined"]), why)
    return table


def _removals(removals: Mapping[str, Any]) -> Table:
    table = _table("\nRemoved or returned, by level: the same people under both readings", "", *LEVELS)
    for words, reading in (
        ("by charge or conviction (2008 to mid-2010)", "by_charge_or_conviction"),
        ("by conviction alone (from mid-2010)", "by_conviction"),
    ):
        table.add_row(words, *(str(removals[reading][level]) for level in LEVELS))
    without = removals["without_conviction"]
    table.caption = (
        f"without a conviction: {without['order']} under an order, {without['re_entry']} back after a removal,"
        f" {without['neither']} neither"
    )
    table.caption_justify = "left"
    return table


def _disclosures(rows: Iterable[Mapping[str, Any]]) -> Table:
    table = _table("\nWho told whom what", "from, to", "categories", "times")
    table.columns[1].justify = "left"
    for row in rows:
        table.add_row(f"{row['from']} → {row['to']}", ", ".join(row["categories"]), f"{row['count']:,}")
    return table


def journey(console: Console, tcn: str, events: Iterable[Mapping[str, Any]]) -> None:
    """One booking's way across the agencies, hop by hop."""
    table = _table(f"The journey of {tcn}", "time (UTC)", "event", "by", "what", "told")
    for column in table.columns[1:]:
        column.justify = "left"
    table.columns[0].no_wrap = table.columns[1].no_wrap = True
    for event in events:
        told = ", ".join(f"{row['from']}→{row['to']}" for row in event["data"]["disclosures"]) or "nobody"
        name = event["type"].removesuffix(".v1")
        table.add_row(event["time"].replace("T", " ")[:16], name, event["source"], _gist(event), told)
    console.print(table)
    console.print(f"[dim]Nobody but the sandbox sees all of this. {NOTICE}[/dim]")


def _gist(event: Mapping[str, Any]) -> str:  # noqa: PLR0911  one return a type of event
    data = event["data"]
    match event["type"].removesuffix(".v1"):
        case "booking.recorded":
            return f"{data['label']}: {data['charge']['literal'].lower()}"
        case "fingerprints.submitted":
            return f"ten prints, {data['charge']['literal'].lower()}"
        case "identification.returned":
            return f"{data['ucn'] or 'not known'}, {len(data['convictions'])} convictions"
        case "immigration.searched":
            return _words(data["result"])
        case "immigration.status.returned":
            return f"{_words(data['status'])}, removable: {data['removable']}"
        case "detainer.decided":
            return f"{_words(data['action'])} ({_words(data['reason'])}, {_words(data['priority'])})"
        case "custody.changed":
            return _words(data["stage"])
        case "cooperation.decided":
            used = ", ".join(_words(lever) for lever, exercised in data["exercised"].items() if exercised)
            return f"as of {_words(data['as_of'])}: {used or 'nothing'}"
        case "custody.claimed":
            return f"ICE comes at {data['at']}"
        case _:
            return _words(str(data.get("outcome", "")))


def _words(name: str) -> str:
    return name.replace("_", " ")


def dead_letters(console: Console, rows: Iterable[Mapping[str, str]]) -> None:
    """What could not be processed, and why."""
    table = _table("Dead letters", "number", "stream", "group", "reason", "detail")
    for column in table.columns[1:]:
        column.justify = "left"
    for row in rows:
        table.add_row(row["number"], row["stream"], row["group"], row["reason"], row["detail"])
    console.print(table)
