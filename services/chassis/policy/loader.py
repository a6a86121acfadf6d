"""From the text of a policy file to a `Policy`, with every mistake at its line and column.

The keys of the format stand here; the facts, levers, answers and the words of the headings come from the
vocabulary.
"""

import re
from datetime import date
from functools import lru_cache
from hashlib import sha256

from services.chassis.policy.clauses import ClauseReader
from services.chassis.policy.mistakes import did_you_mean
from services.chassis.policy.model import Place, Policy
from services.chassis.policy.page import Node, Page, Scalar
from services.chassis.policy.table import TooLargeError
from services.chassis.policy.vocabulary import Question, Vocabulary

REQUIRED = ("policy", "title", "question", "place", "status", "in_force", "source", "verified", "clauses")
OPTIONAL = (
    "authority", "binds", "duties", "verified_through", "max_hold_hours", "clock", "tags", "note", "otherwise",
    "sets",
)  # fmt: skip
# Stands in for a question that was reported as missing or unknown, so that the rest of the file is still read.
_NO_QUESTION = Question("", ("",), (), "")
_SET = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


@lru_cache(maxsize=256)  # runs share their texts, and with them what was already decided
def load_policy(text: str, name: str, vocabulary: Vocabulary) -> Policy:
    """Read a policy from its text.

    Args:
        text: the YAML text.
        name: what the text is called in messages, usually its file name.
        vocabulary: the facts and questions that it may use.

    Raises:
        PolicyError: with all mistakes of the text.
    """
    page = Page(text, name)
    given = page.entries(page.root, "the policy", known=(*REQUIRED, *OPTIONAL), required=REQUIRED)
    nodes = {key: node for key, (_, node) in given.items()}
    texts = {key: page.text(nodes[key], f"'{key}'") for key in ("title", "place", "source", "note") if key in nodes}
    words = {
        key: _heading(page, nodes[key], key, vocabulary)
        for key in ("status", "authority", "verified", "clock")
        if key in nodes
    }
    since, until = _in_force(page, nodes["in_force"]) if "in_force" in nodes else (date.min, None)
    question = _question(page, nodes["question"], vocabulary) if "question" in nodes else _NO_QUESTION
    sets = _sets(page, nodes["sets"]) if "sets" in nodes else {}
    reader = ClauseReader(page, vocabulary, question, texts.get("source", ""), sets)
    clauses = reader.clauses(nodes["clauses"]) if "clauses" in nodes else ()
    otherwise = reader.otherwise(nodes["otherwise"]) if "otherwise" in nodes else None
    policy = Policy(
        id=_identity(page, nodes["policy"]) if "policy" in nodes else "",
        title=texts.get("title", ""),
        question=question,
        place=texts.get("place", ""),
        authority=words.get("authority"),
        binds=_list(page, nodes["binds"], "binds", vocabulary) if "binds" in nodes else (),
        duties=_list(page, nodes["duties"], "duties", vocabulary) if "duties" in nodes else (),
        status=words.get("status", ""),
        since=since,
        until=until,
        source=texts.get("source", ""),
        verified=words.get("verified", ""),
        verified_through=page.day(nodes["verified_through"], "'verified_through'")
        if "verified_through" in nodes
        else None,
        max_hold_hours=_hours(page, nodes["max_hold_hours"]) if "max_hold_hours" in nodes else None,
        clock=words.get("clock"),
        tags=reader.tags(nodes["tags"]) if "tags" in nodes else (),
        note=texts.get("note", ""),
        clauses=clauses,
        otherwise=otherwise,
        reads=reader.reads,
        sets=sets,
        sha256=sha256(text.encode()).hexdigest(),
        vocabulary=vocabulary,
        file=name,
        places={key: Place(node.line, node.column) for key, node in nodes.items()},
    )
    page.finish()
    _check_every_case_is_answered(page, policy)
    page.finish()
    return policy


def _check_every_case_is_answered(page: Page, policy: Policy) -> None:
    """Without a word for silence, and without an `otherwise`, the clauses must leave no case out."""
    if policy.question.unanswered is not None or policy.otherwise is not None:
        return
    remedy = f"The question '{policy.question.name}' needs an answer in every case: add a clause or an 'otherwise'."
    try:
        situations = policy.table.situations()
    except TooLargeError:
        page.report(page.root, f"whether the clauses cover every case cannot be found out. {remedy}")
        return
    left_out = [found for found in situations if not policy.applying(found.bits)]
    if left_out:
        cells = sum(found.cells for found in left_out)
        example = policy.table.describe(min(left_out, key=lambda found: found.unusual))
        page.report(
            page.root,
            f"gap: no clause applies, e.g. {example} ({cells:,} of {policy.table.cells:,} kinds of case). {remedy}",
        )


def _identity(page: Page, node: Node) -> str:
    word = page.text(node, "'policy'")
    if word and not _ID.fullmatch(word):
        page.report(node, f"'{word}' cannot be a policy's id: use small letters, digits and single '-'.")
    return word


def _question(page: Page, node: Node, vocabulary: Vocabulary) -> Question:
    word = page.text(node, "'question'")
    if word and word not in vocabulary.questions:
        hint = did_you_mean(word, vocabulary.questions) or f" Questions: {', '.join(vocabulary.questions)}."
        page.report(node, f"unknown question '{word}'.{hint}")
    return vocabulary.questions.get(word, _NO_QUESTION)


def _heading(page: Page, node: Node, key: str, vocabulary: Vocabulary) -> str:
    allowed = vocabulary.headings.get(key)
    return page.one_of(node, f"'{key}'", allowed) if allowed else page.text(node, f"'{key}'")


def _list(page: Page, node: Node, key: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(_heading(page, item, key, vocabulary) for item in page.items(node, f"'{key}'"))


def _sets(page: Page, node: Node) -> dict[str, tuple[str, ...]]:
    """Lists of values under a name, for tests such as `in six_named_crimes`."""
    sets: dict[str, tuple[str, ...]] = {}
    for name, (key, items) in page.entries(node, "'sets'").items():
        if not _SET.fullmatch(name):
            page.report(key, f"'{name}' cannot name a set: use small letters, digits and single '_'.")
        sets[name] = tuple(page.text(item, f"an entry of '{name}'") for item in page.items(items, f"'{name}'"))
    return sets


def _hours(page: Page, node: Node) -> int:
    hours = page.whole_number(node, "'max_hold_hours'")
    if hours == 0 and isinstance(node, Scalar) and node.text == "0":
        page.report(node, "'max_hold_hours' must be at least 1; a policy that allows no hold says so in a clause.")
    return hours


def _in_force(page: Page, node: Node) -> tuple[date, date | None]:
    given = page.entries(node, "'in_force'", known=("from", "until"), required=("from",))
    since = page.day(given["from"][1], "'from'") if "from" in given else date.min
    until = page.day(given["until"][1], "'until'") if "until" in given else None
    if until is not None and date.min < until < since:
        page.report(given["until"][1], f"'until' ({until}) lies before 'from' ({since}).")
    return since, until
