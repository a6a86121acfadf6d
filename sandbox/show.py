"""What a person sees: the report of a run, a journey, dead letters. Tables, with the notice that it is all invented."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sandbox import accuracy, expected
from sandbox.candidates import Searched
from sandbox.fit import Fitted
from sandbox.home import NOTICE
from sandbox.lab import wording
from sandbox.lab.measures import SECTIONS
from sandbox.numerals import expected as cases, percent
from sandbox.policies.words import LEVER_WORDS
from sandbox.published import (
    LABELS,
    LEGEND,
    PublishedRow,
    as_published,
    as_simulated,
    one_of_several,
    sections_of,
    side_by_side,
    spread,
    totals_of,
    verdict_in_words,
    window_in_words,
)
from sandbox.report import (
    READINGS,
    RECORD_WORDS,
    STAGE_WORDS,
    TRUTH_WORDS,
    flow,
    framings,
    not_shared,
)
from sandbox.results import LEVELS
from sandbox.tags import TAGS, is_unverified, tag_in_words

COLUMNS, COLUMN, POLICIES_ABREAST = 100, 20, 3
"""How wide a comparison and each of its policies are, and how many of them stand side by side."""

ALL_IS_SHARED = "us-sharing-2008"
"""What was, and so needs no mention: whatever is submitted is relayed."""

VERDICT_STYLES: Mapping[bool | None, str] = {True: "green", False: "yellow", None: "dim"}


def report(console: Console, result: Mapping[str, Any]) -> None:
    """The report of `interop run`."""
    totals = result["totals"]
    console.print()
    console.print(
        f"[bold]{result['scenario']}[/bold], seed {result['seed']}: {totals['bookings']:,} bookings under"
        f" [bold]{result['policy']}[/bold] and [bold]{result['regime']}[/bold]  (run {result['runid']})"
    )
    if result.get("sharing", ALL_IS_SHARED) != ALL_IS_SHARED:
        console.print(f"Prints go as far as [bold]{result['sharing']}[/bold] has it.")
    _set_otherwise(console, result)
    alone = one_of_several(result)
    if alone:
        console.print(Text(alone))
    by_explanation = totals_of(result)
    console.print(_flow(by_explanation))
    for sentence in not_shared(totals):
        console.print(Text(f"\n{sentence}"))
    for title, told in by_explanation:
        if title:
            console.print(Text.assemble("\n", (title, "bold underline")))
        console.print(_truth(told))
        console.print(_accuracy(told["accuracy"]))
        console.print(_levers(told["levers"]))
        console.print(_removals(told["removals"]))
        _framings(console, told)
    console.print(_disclosures(result["disclosures"]))
    _growth(console, result["growth"])
    published(console, sections_of(result))
    console.print(f"\n{_ledger(result)}")
    console.print(f"[dim]{NOTICE}[/dim]")


def comparison(console: Console, result: Mapping[str, Any]) -> None:
    """The report of `interop compare`: the same people under several policies."""
    console.print()
    console.print(
        f"[bold]{result['scenario']}[/bold], seed {result['seed']}: the same {result['bookings']:,} bookings under each"
        f" policy, and [bold]{result['regime']}[/bold]"
    )
    console.print(wording.opening(result), highlight=False)
    _set_otherwise(console, result)
    for policy in result["policies"]:
        for sentence in not_shared(policy["totals"]):
            console.print(f"{policy['policy']}: {sentence}", highlight=False)
    alone = one_of_several({**result, "totals": result["policies"][0]["totals"]})
    if alone:
        console.print(Text(alone))
    console.print(
        "\nEach number is with the scenario's discretion; in brackets, from an agency that uses nothing that it"
        f" [bold]may[/bold] to one that uses all of it. {wording.RANGE_NOTE}",
        highlight=False,
    )
    compared = result["policies"]
    shown = [compared[start : start + POLICIES_ABREAST] for start in range(0, len(compared), POLICIES_ABREAST)]
    for title, tables in (("What each side counts", _headlines), ("In detail", _parts)):
        for policies in shown:
            console.print(f"\n[bold underline]{title}[/bold underline]")
            for table in tables(result, policies):
                console.print(table)
    console.print("\n[bold underline]What is assumed[/bold underline]")
    for name, told in wording.assumed(result["assumptions"]):
        console.print(f"{name}: {told}", highlight=False)
    _changes(console, result)
    console.print("\n[bold underline]How often for group B, for each time for group A[/bold underline]")
    for policies in shown:
        console.print(_ratios(result, policies))
    console.print(wording.groups(result), highlight=False)
    for names, searches in accuracy.of_policies(compared):
        console.print(_accuracy(searches))
        if names:
            console.print(f"under {', '.join(names)}", highlight=False, markup=False)
    _growth(console, result["growth"])
    published(console, sections_of(result))
    console.print(f"\n[dim]{NOTICE}[/dim]")


def _headlines(result: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """What each side counts first, under some of the policies."""
    yield _beside(policies)
    measures = [measure for measure in result["measures"] if measure["headline"]]
    for section, title in SECTIONS.items():
        table = _beside(policies, title)
        for measure in measures:
            if measure["section"] == section:
                words = "in all" if measure["id"] == section else wording.title_of(measure)
                table.add_row(words, *_cells(measure, policies))
        yield table


def _parts(result: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Iterator[Table]:
    """Every division of what is counted, under some of the policies; what nobody falls under is left out."""
    yield _beside(policies)
    parts = [measure for measure in result["measures"] if measure["heading"]]
    for (section, heading), measures in groupby(parts, lambda measure: (measure["section"], measure["heading"])):
        table = _beside(policies, f"{SECTIONS[section]}, {heading}")
        for measure in measures:
            if any(number for policy in policies for number in policy["counted"][measure["id"]].values()):
                table.add_row(measure["words"], *_cells(measure, policies))
        yield table


def _beside(policies: Sequence[Mapping[str, Any]], title: str | None = None) -> Table:
    """A table of the policies: their names, or, under a title, numbers in columns as wide as those of the names."""
    table = _table(title or "", "")
    table.show_header = title is None
    table.columns[0].width = COLUMNS - len(policies) * (COLUMN + 2)
    for policy in policies:
        table.add_column(Text(policy["policy"], overflow="fold"), justify="right", width=COLUMN)
    return table


def _cells(measure: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Iterator[Text]:
    for policy in policies:
        told = wording.cell(policy["counted"][measure["id"]], measure)
        yield Text.assemble(told["dot"], (f" ({told['spread']})" if told["spread"] else "", "dim"))


def _changes(console: Console, result: Mapping[str, Any]) -> None:
    first, *others = result["policies"]
    for policy in others:
        title = f"Who changes under {policy['policy']}, against {first['policy']}, and why"
        console.print(f"\n[bold underline]{title}[/bold underline]")
        changed = policy["changes"]
        if not changed:
            console.print("Nobody." if changed is not None else "They differ before any agency is asked.")
            continue
        for change in changed[: wording.MOST_CHANGES]:
            line = f"{change['from']} → {change['to']}: {change['cases']:,}"
            console.print(Text.assemble((line, "bold"), f"  {wording.why(change)}"))
            for box in change["boxes"][: wording.MOST_BOXES]:
                console.print(Padding(Text(wording.box(box)), (0, 0, 0, 4)))
            left = wording.boxes_left(change)
            if left:
                console.print(Padding(Text(left, style="dim"), (0, 0, 0, 4)))


def _ratios(result: Mapping[str, Any], policies: Sequence[Mapping[str, Any]]) -> Table:
    table = _beside(policies)
    for row in wording.ratio_rows({**result, "policies": policies}):
        table.add_row(f"{row['stage']}, of {row['benchmark']}", *row["cells"])
    return table


def published(console: Console, sections: Sequence[Mapping[str, Any]]) -> None:
    """Published figures beside simulated ones. Explanations that compete stand side by side, in the same form."""
    aligned = side_by_side(sections)
    if not aligned:
        return
    seeds = aligned[0].row["seeds"]
    table = _table(f"\nPublished and simulated ({seeds} seed{'' if seeds == 1 else 's'})", "", "figure", "published")
    for section in sections:
        table.add_column(Text(section["title"] or "simulated"), min_width=18)
    for column in table.columns[1:3]:
        column.justify = "left"
    table.columns[0].no_wrap = table.columns[2].no_wrap = True
    table.padding = (0, 2, 1, 0)
    for number, figure in enumerate(aligned, start=1):
        row = figure.row
        table.add_row(str(number), _about(row), _band(row), *map(_simulated, figure.rows))
    console.print(table)
    _explain(console, sections)
    console.print("\n[bold]Who published it[/bold]")
    sources = _grid()
    for number, figure in enumerate(aligned, start=1):
        sources.add_row(str(number), Text("\n".join(figure.sources)))
    console.print(sources)
    console.print(Text(TAGS, style="dim"))


def _explain(console: Console, sections: Sequence[Mapping[str, Any]]) -> None:
    """What agreement means, what each explanation says, and how its predictions fared."""
    console.print()
    used = {row["label"] for section in sections for row in section["published"]}
    for label, meaning in LABELS.items():
        if label in used:
            console.print(f"[bold]{label}[/bold]: {meaning}.", highlight=False)
    console.print(LEGEND)
    for section in sections:
        console.print()
        if section["title"]:
            source = _cited(section["source"], section["tag"])
            console.print(Text.assemble((section["title"], "bold"), f": {section['says']} ({source})"))
        console.print(Text(f"{section['score']['sentence']}."))


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    return grid


def _about(row: PublishedRow) -> Text:
    """What a figure counts, for which days, and where, if not in the scenario's own place."""
    about = f", {row['place']}" if row["place"] else ""
    return Text.assemble(f"{row['words']}\n", (f"{window_in_words(row)}{about}", "dim"))


def _band(row: PublishedRow) -> Text:
    low, high = (as_published(end, row) for end in row["band"])
    unverified = " (unverified)" if is_unverified(row["tag"]) else ""
    return Text(f"{as_published(row['published'], row)}{unverified}\nband {spread(low, high)}")


def _simulated(row: PublishedRow | None) -> Text:
    if row is None:
        return Text("not read in this way", style="dim")
    interval = spread(as_simulated(row["low"], row), as_simulated(row["high"], row))
    verdict = (verdict_in_words(row), VERDICT_STYLES[row["within"]])
    told = f"{as_simulated(row['simulated'], row)}\n{'no interval' if row['low'] is None else interval}\n"
    return Text.assemble(told, f"{row['label']}: ", verdict)


def _cited(source: str, tag: str) -> str:
    return f"{source} {tag_in_words(tag)}"


def _framings(console: Console, totals: Mapping[str, Any]) -> None:
    rows = framings(totals)
    if rows:
        console.print("\n[bold]The same numbers, read twice[/bold]")
    for row in rows:
        console.print(row["sentence"], highlight=False)
        for who, reading in zip(("One side reads", "The other reads"), row["readings"], strict=True):
            console.print(Padding(f"[dim]{who} {reading}[/dim]", (0, 0, 0, 2)), highlight=False)


def _ledger(result: Mapping[str, Any]) -> str:
    entries = sum(result["entries"].values())
    told = sum(row["count"] for row in result["disclosures"])
    line = f"{entries:,} events, {told:,} disclosures"
    if "reconciled" not in result:
        return f"{line}, without streams or ledger."
    verdict = "[green]reconciled[/green]" if result["reconciled"] else "[red]NOT reconciled[/red]"
    return f"{line}, log {verdict}, {result['dead_letters']} dead letters.\n{log_line(result['log'])}"


def log_line(log: Mapping[str, Any]) -> str:
    """How much of the log the public sees, which is what its witnesses have cosigned."""
    size, published = log["size"], log["published"]
    if published == size:
        return f"The log has {size:,} entries, all published: {log['quorum']} witnesses have cosigned them."
    if log["age_seconds"] is None:
        return f"The log has {size:,} entries, none published: its witnesses have still to cosign."
    age = f"{log['age_seconds']:,.0f} s ago"
    return f"The log has {size:,} entries, {published:,} published {age}: its witnesses have still to cosign the rest."


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number == 0 else "right", style=None if number else "default")
    return table


def _flow(by_explanation: Sequence[tuple[str | None, Mapping[str, Any]]]) -> Table:
    table = _table("\nWhat happened", "")
    for title, _ in by_explanation:
        table.add_column(Text(title or "number"), justify="right")
    lines = [dict(flow(totals)) for _, totals in by_explanation]
    for words in {words: None for line in lines for words in line}:
        table.add_row(words, *(f"{line.get(words, 0):,}" for line in lines))
    return table


def _truth(totals: Mapping[str, Any]) -> Table:
    table = _table("\nWho they truly are, and how far it went", "", *STAGE_WORDS.values())
    for words, counted in (
        *((words, totals["truth"][kind]) for kind, words in TRUTH_WORDS.items()),
        *((words, totals["records"][kind]) for kind, words in RECORD_WORDS.items()),
    ):
        table.add_row(words, *(f"{counted[stage]:,}" for stage in STAGE_WORDS))
    return table


def _accuracy(told: Mapping[str, Mapping[str, int]]) -> Table:
    """What came of the searches, by kind: a count and its share under each gallery."""
    table = _table(f"\n{accuracy.TITLE}", "")
    for gallery in told:
        table.add_column(accuracy.GALLERY_WORDS[gallery], justify="right")
        table.add_column("share", justify="right")
    table.add_column("of", justify="left")
    for row in accuracy.rows(told):
        cells = [_counted(row.cells[gallery]) for gallery in told]
        words = f"  {row.kind.words}" if row.kind.part else row.kind.words
        table.add_row(words, *(part for cell in cells for part in cell), row.kind.of)
    return table


def _counted(cell: accuracy.Cell | None) -> tuple[str, str]:
    if cell is None:
        return "", ""
    return f"{cell.count:,}", "" if cell.share is None else percent(cell.share)


def _growth(console: Console, told: Mapping[str, Any]) -> None:
    """What the same searches would come to in other galleries and at other thresholds."""
    console.print(f"\n[bold]{expected.TITLE}[/bold]")
    console.print(expected.opening(told), highlight=False)
    table = _table("", "people on file", "score", *expected.COLUMN_WORDS.values())
    for words, rows in expected.shown(told):
        table.add_row(Text(words, style="bold"))
        for row in rows:
            numbers = (cases(row[name]) for name in expected.COLUMN_WORDS)
            table.add_row(f"  {row['rows']:,}", f"{row['score']}", *numbers)
    console.print(table)
    console.print(expected.LESSON, highlight=False)
    console.print(Text(told["source"], style="dim"))


def _set_otherwise(console: Console, result: Mapping[str, Any]) -> None:
    if result["levers_in_words"]:
        told = "; ".join(result["levers_in_words"])
        console.print(f"Set otherwise than in the scenario, though no law: {told}.", highlight=False, markup=False)


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
    for reading, words in READINGS.items():
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


def candidates(console: Console, tcn: str, lists: Sequence[Searched]) -> None:
    """The lists of candidates of one booking, one for each gallery."""
    for searched in lists:
        told = (
            f"{accuracy.GALLERY_WORDS[searched.gallery]}: {tcn} on {searched.fingers} fingers among {searched.rows:,};"
            f" a match from {searched.threshold} of {searched.most} points on, which is {searched.threshold_db:g} dB"
        )
        console.print(Text(f"\n{told}"))
        table = _table("", "record", "points", "dB", "fingers that agree", "decision", "whose record")
        for candidate in searched.candidates:
            since = f", arrest {candidate.since.partition('/')[2]}" if candidate.since else ""
            table.add_row(
                f"{candidate.rank:>2}  {candidate.record}",
                str(candidate.score),
                f"{candidate.score_db:.1f}",
                f"{candidate.fingers_agreeing} of {searched.fingers}",
                "match" if candidate.is_match else "no match",
                f"{candidate.whose}{since}",
            )
        console.print(table)
    console.print(
        Text(
            "90 dB is one false match in a thousand million comparisons; above 200, scores are not told apart."
            " Whose a record is, only the sandbox knows."
        )
    )
    console.print(f"[dim]{NOTICE}[/dim]")


def _gist(event: Mapping[str, Any]) -> str:  # noqa: PLR0911  one return a type of event
    data = event["data"]
    match event["type"].removesuffix(".v1"):
        case "booking.recorded":
            return f"{data['label']}: {data['charge']['literal'].lower()}"
        case "fingerprints.submitted":
            return f"ten prints, {data['charge']['literal'].lower()}"
        case "identification.returned":
            count = len(data["convictions"])
            return f"{data['ucn'] or 'not known'}, {count} conviction{'' if count == 1 else 's'}"
        case "immigration.searched":
            return _words(data["result"])
        case "arrest.enrolled":
            return f"IAFIS keeps the prints as {data['ucn']}"
        case "encounter.enrolled":
            return f"IDENT keeps the prints as {data['fin']}"
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


def scenarios(console: Console, rows: Iterable[Mapping[str, Any]]) -> None:
    """The scenarios that there are."""
    table = _table("Scenarios", "", "days", "submissions", "figures", "explanations")
    table.columns[1].justify = table.columns[4].justify = "left"
    table.columns[1].no_wrap = table.columns[4].no_wrap = True
    for row in rows:
        table.add_row(
            Text.assemble((row["scenario"], "bold"), f"\n{row['title']}"),
            f"{row['from']}\nto {row['until']}",
            "none" if row["submissions"] is None else f"{row['submissions']:,}",
            str(row["figures"]),
            "\n".join(row["explanations"]) or "one",
        )
    console.print(table)


def fit(console: Console, fitted: Fitted, file_hash: str | None) -> None:
    """What a fit found, how far each figure was missed, and whether the file says the same."""
    table = _table("Fitted", "parameter", "value", "to meet", "missed by")
    table.columns[2].justify = "left"
    for explanation, values in fitted.values.items():
        if explanation:
            table.add_row(Text(explanation, style="bold"))
        for (place, value), (figure, miss) in zip(values.items(), fitted.misses[explanation].items(), strict=True):
            table.add_row(place, f"{value:g}", figure, f"{miss:.2f}")
    console.print(table)
    console.print("What is missed is in half-widths of the figure's band: at 1 it would leave it.")
    same = "as the file has it" if fitted.hash == file_hash else f"where the file had {file_hash}"
    console.print(f"hash {fitted.hash}, {same}", highlight=False)


def dead_letters(console: Console, rows: Iterable[Mapping[str, str]]) -> None:
    """What could not be processed, and why."""
    table = _table("Dead letters", "number", "stream", "group", "reason", "detail")
    for column in table.columns[1:]:
        column.justify = "left"
    for row in rows:
        table.add_row(row["number"], row["stream"], row["group"], row["reason"], row["detail"])
    console.print(table)
