"""`interop policies ...` and `interop decide`."""

import gc
import json
import sys
from contextlib import ExitStack
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from sandbox.policies import show
from sandbox.policies.ask import Asked, LawOfAPlace, OnePolicy, answer_lines, facts_of
from sandbox.policies.cedar import cedar_of
from sandbox.policies.files import CATALOGUE, catalogue, check_paths, policy_named
from sandbox.policies.schema import text_of_schema
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, PolicyError, decide as decide_by, stack_in_force

DETAINER = "detainer"

policies_app = typer.Typer(help="Policy files: list, show, check, compare.", no_args_is_help=True)

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
READ_AT_ONCE = 1 << 20
LINES_AT_ONCE = 1_000
"""Lines that are written together: one at a time, they would cost a call to the system for every few of them."""

Named = Annotated[str, typer.Argument(help="A policy's id, or the path of its file.")]


def register(app: typer.Typer) -> None:
    """Adds the commands to `interop`."""
    app.add_typer(policies_app, name="policies")
    app.command("decide")(decide)


@policies_app.command("list")
def list_policies(as_json: AsJson = False) -> None:
    """List the policies, by question and place."""
    folder = catalogue()
    policies = sorted(folder.policies.values(), key=lambda policy: (policy.question.name, policy.place, policy.id))
    if as_json:
        sys.stdout.write(json.dumps([policy.summary() for policy in policies], indent=1) + "\n")
    else:
        show.policies(out, policies)
    if folder.mistakes:
        raise PolicyError(folder.mistakes)


@policies_app.command("show")
def show_policy(name: Named, as_json: AsJson = False) -> None:
    """Show a policy in plain words: its clauses, what each answers, and where it comes from."""
    policy = policy_named(name)
    if as_json:
        sys.stdout.write(json.dumps(details(policy)) + "\n")
    else:
        show.policy(out, policy)


@policies_app.command("check")
def check(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; the policies of this repository, if none is given.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check policies exhaustively: conflicts, gaps, clauses that never have a say, periods. Exit code 1 on errors."""
    checked = check_paths(paths or [CATALOGUE])
    if as_json:
        rows = [
            {
                "file": found.file,
                "line": found.line,
                "column": found.column,
                "severity": found.severity,
                "sentence": found.sentence,
            }
            for found in checked.findings
        ]
        sys.stdout.write(json.dumps(rows, indent=1) + "\n")
    else:
        for found in checked.findings:
            out.print(str(found), markup=False, highlight=False, soft_wrap=True)
        notes = len(checked.findings) - checked.errors
        err.print(f"{_count(checked.files, 'file')}: {_count(checked.errors, 'error')}, {_count(notes, 'note')}")
    if checked.errors:
        raise typer.Exit(1)


@policies_app.command("diff")
def diff(first: Named, second: Named, as_json: AsJson = False) -> None:
    """Show the cases in which two policies answer differently, in words."""
    from sandbox.policies.diff import differences  # noqa: PLC0415  numpy, which no other command here needs

    before, after = policy_named(first), policy_named(second)
    boxes = differences(before, after)
    if as_json:
        rows = [
            {"lever": box.lever, "before": box.before, "after": box.after, "when": box.when, "words": box.words}
            for box in boxes
        ]
        sys.stdout.write(json.dumps({"policies": [before.id, after.id], "differences": rows}) + "\n")
    else:
        show.differences(out, before, after, boxes)


@policies_app.command("matrix")
def matrix(
    facts: Annotated[str, typer.Option(help='The case, as \'{"charge": "felony"}\'.')], as_json: AsJson = False
) -> None:
    """Ask every policy on detainers about one case: what each answers on each lever."""
    case = facts_of(facts)
    asked = [policy for policy in catalogue().policies.values() if policy.question.name == DETAINER]
    asked.sort(key=lambda policy: (policy.status != "enacted", policy.place, policy.since))
    if as_json:
        sys.stdout.write(json.dumps([OnePolicy(policy).record(case) for policy in asked], indent=1) + "\n")
        return
    show.matrix(out, [decide_by(policy, case) for policy in asked])


@policies_app.command("schema")
def schema() -> None:
    """Print the JSON Schema of policy files, by which editors complete and underline as one types."""
    sys.stdout.write(text_of_schema(catalogue().vocabulary))


@policies_app.command("cedar")
def cedar(name: Named) -> None:
    """Print a policy as Cedar text: one permit for each clause and lever, to be asked per lever and answer."""
    policy = policy_named(name)
    rules = [cedar_of(policy, lever) for lever in policy.question.levers]
    sys.stdout.write("\n".join(rule for rule in rules if rule) + "\n")


def decide(
    policy: Annotated[str | None, typer.Option(help="Ask one policy: its id, or the path of its file.")] = None,
    place: Annotated[str | None, typer.Option(help="Ask the law of a place, as US-MA-BOS; with --on.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day that is asked about, as 2014-01-31.")
    ] = None,
    custodian: Annotated[
        str | None, typer.Option(help="Who holds the person, where the facts don't say (with --place).")
    ] = None,
    facts: Annotated[str | None, typer.Option(help='One case, as \'{"charge": "felony"}\'.')] = None,
    facts_file: Annotated[
        Path | None, typer.Option(help="Many cases, one JSON object a line; '-' reads them in.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide cases by one policy, or by the law of a place on a day, with reasons."""
    asked = _asked(policy, place, on, custodian)
    if (facts is None) == (facts_file is None):
        raise InteropError("bad-usage", "name the case with --facts, or many with --facts-file: one of the two.")
    if facts is not None:
        record = asked.record(facts_of(facts))
        if as_json:
            sys.stdout.write(json.dumps(record) + "\n")
        else:
            show.decision(out, record)
    elif facts_file is not None and _decide_file(asked, facts_file, as_json):
        raise typer.Exit(2)


def _asked(policy: str | None, place: str | None, on: datetime | None, custodian: str | None) -> Asked:
    day = None if on is None else on.date()
    if policy is not None and place is None:
        if custodian is not None:
            raise InteropError("bad-usage", "--custodian goes with --place; for one policy it is a fact like others.")
        return OnePolicy(policy_named(policy), day)
    if place is None or policy is not None or day is None:
        raise InteropError("bad-usage", "name a policy with --policy, or a place and a day with --place and --on.")
    folder = catalogue()
    vocabulary = folder.vocabulary
    if custodian is not None:
        vocabulary.canonical({"custodian": custodian})
    return LawOfAPlace(stack_in_force(folder.policies.values(), place, day, vocabulary), custodian)


def _decide_file(asked: Asked, path: Path, as_json: bool) -> int:
    """Answers every line of a file; how many could not be."""
    mistakes = 0

    def mistaken(number: int, error: InteropError) -> None:
        nonlocal mistakes
        mistakes += 1
        sys.stderr.write(f"{path.name}:{number}: {error.code}: {error.sentence}\n")

    with ExitStack() as closing:
        try:
            lines = sys.stdin.buffer if str(path) == "-" else closing.enter_context(path.open("rb", READ_AT_ONCE))
        except OSError as error:
            raise InteropError("no-such-file", f"{path} cannot be read: {error.strerror}") from error
        if as_json:
            # Lines leave nothing behind that goes in circles, and looking for it would cost a tenth of the time.
            gc.disable()
            sys.stdout.flush()
            answers = answer_lines(lines, asked.line, mistaken)
            while some := b"".join(islice(answers, LINES_AT_ONCE)):
                sys.stdout.buffer.write(some)
            sys.stdout.buffer.flush()
        else:
            for line in answer_lines(lines, asked.line, mistaken):
                show.decision(out, json.loads(line))
    return mistakes


def details(policy: Policy) -> dict[str, Any]:
    """A policy whole."""
    clauses = [*policy.clauses, *([policy.otherwise] if policy.otherwise else [])]
    told = [{**clause.as_record(), "otherwise": clause is policy.otherwise} for clause in clauses]
    return {**policy.headings(), "clauses": told}


def _count(number: int, what: str) -> str:
    return f"{number or 'no'} {what}{'' if number == 1 else 's'}"
