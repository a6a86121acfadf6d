"""Policies and decisions as people read them on a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.home import NOTICE
from sandbox.policies.diff import Box
from sandbox.policies.words import VERIFIED
from services.chassis.policy import Clause, Decision, Policy
from services.chassis.policy.conditions import Condition
from services.chassis.policy.vocabulary import spell

HOLD = "hold"
DUTIES = {
    "inform_person": "inform the person",
    "serve_copy": "serve the person a copy of the request",
    "tell_ice_decision": "tell ICE what was decided",
    "log": "keep a log",
    "report": "publish a report",
}


def policies(console: Console, rows: Iterable[Policy]) -> None:
    """The policies that there are, a table for each question."""
    for question, group in groupby(rows, key=lambda policy: policy.question.name):
        table = Table(title=f"\n{question}", title_justify="left", title_style="bold", box=None, pad_edge=False)
        table.padding = (0, 2, 0, 0)
        for name in ("", "status", "in force", "verified"):
            table.add_column(name, no_wrap=True)
        for row in group:
            where = f"{row.place}{f', {_words(row.authority)}' if row.authority else ''}"
            ends = f"to {row.until}" if row.until else "and on"
            shown = Text.assemble((row.id, "bold"), (f"\n{where}", "dim"))
            table.add_row(shown, row.status, f"{row.since}\n{ends}", row.verified)
        console.print(table)
    console.print(f"\n[dim]'interop policies show ID' shows one in plain words. {NOTICE}[/dim]")


def policy(console: Console, shown: Policy) -> None:
    """One policy in plain words."""
    _say(console, Text.assemble((shown.title, "bold")))
    through = f", through {shown.verified_through}" if shown.verified_through else ""
    hours = "" if shown.max_hold_hours is None else f"{shown.max_hold_hours} hours at most"
    for name, words in (
        ("id", shown.id),
        ("answers", f"{shown.question.name} ({', '.join(shown.question.levers)})"),
        ("place", f"{shown.place}{f', {_words(shown.authority)}' if shown.authority else ''}"),
        ("binds", ", ".join(map(_words, shown.binds)) or "whoever holds the person"),
        ("status", shown.status),
        ("in force", period(shown)),
        ("source", shown.source),
        ("verified", f"{shown.verified}: {VERIFIED.get(shown.verified, '')}{through}"),
        ("hold", f"{hours}{', ' if hours and shown.clock else ''}{_words(shown.clock or '')}"),
        ("duties", ", ".join(DUTIES.get(duty, _words(duty)) for duty in shown.duties)),
        ("evidence", " ".join(shown.tags)),
        ("note", shown.note),
    ):
        if words:
            _say(console, Text.assemble((f"{name:9} ", "dim"), words))
    for clause in shown.clauses:
        _clause(console, clause, shown)
    if shown.otherwise is not None:
        _clause(console, shown.otherwise, shown)
    elif shown.question.unanswered is not None:
        _say(console, Text(f"\nWhere no clause speaks: {shown.question.unanswered}."))
    for name, values in shown.sets.items():
        _say(console, Text.assemble((f"\n{name}: ", "dim"), ", ".join(values)))
    console.print(f"\n[dim]{NOTICE}[/dim]")


def _clause(console: Console, clause: Clause, shown: Policy) -> None:
    _say(console, Text.assemble("\n", (clause.id, "bold"), f"  {clause.text}"))
    if clause is shown.otherwise:
        _say(console, Text("  otherwise, on every lever where no clause speaks"))
    else:
        _conditions(console, "when", clause.when)
    if clause.unless.alternatives:
        _conditions(console, "unless", clause.unless)
    answers = ", ".join(
        f"{_words(lever)} {_words(answer)}" if shown.question.has_levers else _words(answer)
        for lever, answer in clause.then.items()
    )
    _say(console, Text.assemble(("  then ", "dim"), (answers, "bold")))
    if clause.notwithstanding:
        _say(console, Text.assemble(("  notwithstanding ", "dim"), ", ".join(sorted(clause.notwithstanding))))
    tags = f" [{' '.join(clause.tags)}]" if clause.tags else ""
    _say(console, Text(f"  {clause.citation}{tags}", style="dim"))
    if clause.note:
        _say(console, Text(f"  {clause.note}", style="dim"))


def _conditions(console: Console, word: str, condition: Condition) -> None:
    for number, tests in enumerate(condition.alternatives):
        words = " and ".join(f"{_words(test.fact)}: {test.words}" for test in tests) or "always"
        _say(console, Text.assemble((f"  {'or' if number else word} ", "dim"), words))


def differences(console: Console, before: Policy, after: Policy, boxes: Sequence[Box]) -> None:
    """Where two policies answer differently."""
    _say(console, Text.assemble((before.id, "bold"), " -> ", (after.id, "bold")))
    if not boxes:
        console.print("They give the same answer in every case.")
    for (lever, was, becomes), group in groupby(boxes, key=lambda box: (box.lever, box.before, box.after)):
        _say(console, Text.assemble("\n", (_words(lever), "bold"), f": {_words(was)} -> {_words(becomes)}"))
        for number, box in enumerate(group):
            _say(console, Text.assemble((f"  {'or' if number else 'when'} ", "dim"), box.words))
    console.print(f"\n[dim]{NOTICE}[/dim]")


def matrix(console: Console, decisions: Sequence[Decision]) -> None:
    """What many policies answer in one case, lever by lever, and which clauses decide about the hold."""
    levers = list(decisions[0].answers)
    table = Table(title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("policy", no_wrap=True)
    for lever in levers:
        table.add_column(_words(lever), no_wrap=True)
    table.add_column("hold decided by")
    for each in decisions:
        deciding = [reason.clause for reason in each.because if HOLD in reason.levers]
        table.add_row(each.policy, *(_words(each.answers[lever]) for lever in levers), ", ".join(deciding))
    console.print(table)
    console.print(f"\n[dim]{NOTICE}[/dim]")


def decision(console: Console, record: Mapping[str, Any]) -> None:
    """An answer with its reasons."""
    _say(console, Text.assemble((record["policy"], "bold"), f"  (verified: {record['verified']})"))
    if "answer" in record:
        _say(console, Text.assemble("  ", (_words(record["answer"]), "bold")))
    for lever, answer in record.get("answers", {}).items():
        layer = record.get("layers", {}).get(lever)
        by = f"  by {layer['policy']} ({_words(layer['authority'])})" if layer and layer["policy"] else ""
        _say(console, Text.assemble(f"  {_words(lever):11}", (f"{_words(answer):9}", "bold"), (by, "dim")))
    if record.get("max_hold_hours"):
        _say(console, Text(f"  a hold lasts {record['max_hold_hours']} hours at most, {_words(record['clock'] or '')}"))
    for name in ("because", "set_aside"):
        for number, words in enumerate(record[name]):
            _say(console, Text.assemble((f"  {'' if number else _words(name):10}", "dim"), words))
    for name, words in (("facts_read", "facts read"), ("assumed", "assumed")):
        facts = ", ".join(f"{fact} = {spell(value)}" for fact, value in record[name].items())
        _say(console, Text.assemble((f"  {words:10}", "dim"), f" {facts or 'none'}"))


def period(shown: Policy) -> str:
    """The days in force."""
    return f"{shown.since} to {shown.until}" if shown.until else f"from {shown.since}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _say(console: Console, text: Text) -> None:
    console.print(text, highlight=False, soft_wrap=not console.is_terminal)
