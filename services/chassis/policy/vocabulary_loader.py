"""From the text of a vocabulary file to a `Vocabulary`, with every mistake at its line and column."""

import re
from functools import lru_cache
from hashlib import sha256

from services.chassis.policy.page import Node, Page, Scalar
from services.chassis.policy.vocabulary import NEVER, Fact, Kind, Question, Value, Vocabulary

_FACT_KEYS = ("about", "type", "values", "from", "to", "or_never", "when_missing")
_QUESTION_KEYS = ("about", "levers", "answers", "unanswered")
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
# The words of the test language: a value of that name could not be told from a test.
_RESERVED = frozenset({"not", "or", "and", "at", "more", "less", "between", "always"})
_MOST_NUMBERS = 10_000


@lru_cache(maxsize=64)  # runs share their texts, and with them what was already decided
def load_vocabulary(text: str, name: str) -> Vocabulary:
    """Read a vocabulary from its text.

    Args:
        text: the YAML text.
        name: what the text is called in messages, usually its file name.

    Raises:
        PolicyError: with all mistakes.
    """
    page = Page(text, name)
    root = page.entries(
        page.root, "the vocabulary", known=("facts", "questions", "headings"), required=("facts", "questions")
    )
    facts = {}
    if "facts" in root:
        for key, (at, node) in page.entries(root["facts"][1], "'facts'").items():
            facts[key] = _fact(page, at, node)
    questions = {}
    if "questions" in root:
        for key, (at, node) in page.entries(root["questions"][1], "'questions'").items():
            questions[key] = _question(page, at, node)
    headings = {}
    if "headings" in root:
        for key, (_, node) in page.entries(root["headings"][1], "'headings'").items():
            headings[key] = _words(page, node, f"'{key}'")
    page.finish()
    return Vocabulary(name, sha256(text.encode()).hexdigest(), facts, questions, headings)


def _fact(page: Page, at: Scalar, node: Node) -> Fact:
    what = f"fact '{at.text}'"
    _check_word(page, at)
    keys = page.entries(node, what, known=_FACT_KEYS, required=("type", "when_missing"))
    about = page.text(keys["about"][1], "'about'") if "about" in keys else ""
    kind = Kind.YES_NO
    domain: tuple[Value, ...] = (False, True)
    if "type" in keys:
        word = page.one_of(keys["type"][1], "'type'", [kind.value for kind in Kind])
        kind = Kind(word) if word in list(Kind) else Kind.YES_NO
    if kind is Kind.NUMBER:
        domain = _numbers(page, node, what, keys)
    elif kind in (Kind.ORDERED, Kind.LIST):
        domain = _words(page, keys["values"][1], "'values'") if "values" in keys else ()
        if "values" not in keys:
            page.report(node, f"{what} has no 'values'.")
    fact = Fact(at.text, kind, domain, domain[0] if domain else "", about)
    if "when_missing" not in keys or not domain:
        return fact
    place = keys["when_missing"][1]
    try:
        return Fact(at.text, kind, domain, fact.value_of(page.text(place, "'when_missing'")), about)
    except ValueError as error:
        page.report(place, str(error))
        return fact


def _numbers(page: Page, node: Node, what: str, keys: dict[str, tuple[Scalar, Node]]) -> tuple[Value, ...]:
    bounds = []
    for name in ("from", "to"):
        if name not in keys:
            page.report(node, f"{what} has no '{name}'.")
            return ()
        bounds.append(page.whole_number(keys[name][1], f"'{name}'"))
    low, high = bounds
    if not low <= high < low + _MOST_NUMBERS:
        page.report(keys["to"][1], f"'to' must be at least 'from' ({low}), and at most {_MOST_NUMBERS} numbers follow.")
        return ()
    or_never = "or_never" in keys and page.one_of(keys["or_never"][1], "'or_never'", ("yes", "no")) == "yes"
    return (*range(low, high + 1), *([NEVER] if or_never else []))


def _question(page: Page, at: Scalar, node: Node) -> Question:
    what = f"question '{at.text}'"
    _check_word(page, at)
    keys = page.entries(node, what, known=_QUESTION_KEYS, required=("answers",))
    levers = _words(page, keys["levers"][1], "'levers'") if "levers" in keys else (at.text,)
    answers = _words(page, keys["answers"][1], "'answers'") if "answers" in keys else ()
    unanswered = page.one_of(keys["unanswered"][1], "'unanswered'", answers) if "unanswered" in keys else None
    return Question(at.text, levers, answers, unanswered)


def _words(page: Page, node: Node, what: str) -> tuple[str, ...]:
    words: list[str] = []
    for item in page.items(node, what):
        word = page.text(item, f"an entry of {what}")
        if isinstance(item, Scalar):
            _check_word(page, item)
        if word in words:
            page.report(item, f"'{word}' stands twice in {what}.")
        words.append(word)
    return tuple(words)


def _check_word(page: Page, at: Scalar) -> None:
    if at.text and (not _WORD.fullmatch(at.text) or at.text in _RESERVED):
        page.report(at, f"'{at.text}' cannot be a name: use letters, digits, '_' and '-', and no word of the tests.")
