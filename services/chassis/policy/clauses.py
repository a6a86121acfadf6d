"""Reading the clauses of a policy file: conditions, answers, and what each stands notwithstanding."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from services.chassis.policy.conditions import ALWAYS, NO_SETS, NOBODY, Condition, Test, parse_test
from services.chassis.policy.mistakes import did_you_mean
from services.chassis.policy.model import Clause, Place
from services.chassis.policy.page import Entries, Items, Node, Page, Scalar
from services.chassis.policy.vocabulary import Question, Vocabulary

_OTHERWISE_KEYS = ("clause", "text", "then", "source", "tags", "note")
_CLAUSE_KEYS = (*_OTHERWISE_KEYS, "when", "unless", "notwithstanding")


class ClauseReader:
    """Reads the clauses of one policy; mistakes go to its page."""

    def __init__(
        self,
        page: Page,
        vocabulary: Vocabulary,
        question: Question,
        source: str,
        sets: Mapping[str, Sequence[str]] = NO_SETS,
    ) -> None:
        self._page = page
        self._vocabulary = vocabulary
        self._question = question
        self._source = source
        self._sets = sets
        self._reads: dict[str, None] = {}
        self._ids: dict[str, Scalar] = {}
        self._overrides: list[tuple[str, Scalar]] = []

    @property
    def reads(self) -> tuple[str, ...]:
        """The facts that the clauses read so far, in the order in which they were first named."""
        return tuple(self._reads)

    def clauses(self, node: Node) -> tuple[Clause, ...]:
        """The clauses in the list at `node`."""
        clauses = tuple(self._clause(item) for item in self._page.items(node, "'clauses'"))
        for by, at in self._overrides:
            if at.text not in self._ids:
                hint = did_you_mean(at.text, self._ids) or f" Clauses here: {', '.join(self._ids)}."
                self._page.report(at, f"unknown clause '{at.text}'.{hint}")
            elif at.text == by:
                self._page.report(at, f"clause {by} cannot stand notwithstanding itself.")
        self._check_circles(clauses)
        return clauses

    def otherwise(self, node: Node) -> Clause:
        """The clause that answers where no other speaks; it has no conditions."""
        return self._clause(node, keys=_OTHERWISE_KEYS, what="'otherwise'", required=("clause", "text", "then"))

    def _clause(
        self,
        node: Node,
        keys: tuple[str, ...] = _CLAUSE_KEYS,
        what: str = "the clause",
        required: tuple[str, ...] = ("clause", "text", "when", "then"),
    ) -> Clause:
        page = self._page
        given = page.entries(node, what, known=keys, required=required)
        texts = {
            key: page.text(given[key][1], f"'{key}'") for key in ("clause", "text", "source", "note") if key in given
        }
        identity = texts.get("clause", "")
        self._register(identity, given.get("clause"))
        overridden = self._notwithstanding(identity, given["notwithstanding"][1]) if "notwithstanding" in given else []
        return Clause(
            id=identity,
            text=texts.get("text", ""),
            citation=texts.get("source", self._source),
            when=self._condition(given["when"][1]) if "when" in given else ALWAYS,
            unless=self._condition(given["unless"][1]) if "unless" in given else NOBODY,
            notwithstanding=frozenset(overridden),
            then=self._then(given["then"][1]) if "then" in given else {},
            tags=self.tags(given["tags"][1]) if "tags" in given else (),
            note=texts.get("note", ""),
            place=Place(node.line, node.column),
        )

    def tags(self, node: Node) -> tuple[str, ...]:
        """The evidence tags in the list at `node`."""
        known = self._vocabulary.headings.get("tags")
        read = self._page.one_of if known else lambda item, what, _: self._page.text(item, what)
        return tuple(read(item, "'tags'", known or ()) for item in self._page.items(node, "'tags'"))

    def _register(self, identity: str, entry: tuple[Scalar, Node] | None) -> None:
        if entry is None or not identity or not isinstance(entry[1], Scalar):
            return
        if identity in self._ids:
            self._page.report(
                entry[1], f"duplicate clause '{identity}': it is already given in line {self._ids[identity].line}."
            )
        self._ids.setdefault(identity, entry[1])

    def _notwithstanding(self, identity: str, node: Node) -> list[str]:
        items = self._page.items(node, "'notwithstanding'")
        self._overrides.extend((identity, item) for item in items if isinstance(item, Scalar))
        return [self._page.text(item, "an entry of 'notwithstanding'") for item in items]

    def _check_circles(self, clauses: tuple[Clause, ...]) -> None:
        # In a circle everybody gives way to somebody, and nobody would be left to answer.
        order = TopologicalSorter({clause.id: clause.notwithstanding - {clause.id} for clause in clauses})
        try:
            order.prepare()
        except CycleError as error:
            circle = [str(identity) for identity in reversed(error.args[1])]
            at = next(at for by, at in self._overrides if by in circle and at.text in circle)
            self._page.report(at, f"clauses {', '.join(circle[:-1])} stand notwithstanding each other in a circle.")

    def _condition(self, node: Node) -> Condition:
        if isinstance(node, Scalar):
            if node.text != "always":
                self._page.report(
                    node, f"'{node.text}' is no condition: write 'always', 'fact: test' lines, or a list of them."
                )
            return ALWAYS
        alternatives = node.items if isinstance(node, Items) else (node,)
        if not alternatives:
            self._page.report(node, "the list of conditions is empty.")
        return Condition(tuple(self._tests(alternative) for alternative in alternatives))

    def _tests(self, node: Node) -> tuple[Test, ...]:
        tests = []
        lines = self._page.entries(node, "a condition")
        if isinstance(node, Entries) and not lines:
            self._page.report(node, "a condition needs at least one 'fact: test' line.")
        for name, (key, value) in lines.items():
            fact = self._vocabulary.facts.get(name)
            if fact is None:
                hint = did_you_mean(name, self._vocabulary.facts) or f" {self._vocabulary.name} lists the facts."
                self._page.report(key, f"unknown fact '{name}'.{hint}")
                continue
            words = self._page.text(value, f"the test of '{name}'")
            if not words:
                continue
            self._reads.setdefault(name)
            try:
                tests.append(parse_test(fact, words, self._sets))
            except ValueError as error:
                self._page.report(value, str(error))
        return tuple(tests)

    def _then(self, node: Node) -> Mapping[str, str]:
        question = self._question
        if not question.answers:  # the question itself was at fault, and is reported
            return {}
        if not question.has_levers:
            if not isinstance(node, Scalar):
                self._page.report(node, f"the question '{question.name}' has one answer, not one per lever.")
                return {}
            return {question.name: self._page.one_of(node, f"'{question.name}'", question.answers)}
        if isinstance(node, Scalar):
            self._page.report(
                node,
                f"the question '{question.name}' is answered per lever, as in 'then: {{{question.levers[0]}: ...}}'.",
            )
            return {}
        answers = {}
        if isinstance(node, Entries) and not node.entries:
            self._page.report(node, "'then' answers no lever, so the clause says nothing.")
        for lever, (key, value) in self._page.entries(node, "'then'").items():
            if lever not in question.levers:
                hint = did_you_mean(lever, question.levers) or f" Levers: {', '.join(question.levers)}."
                self._page.report(key, f"unknown lever '{lever}'.{hint}")
            else:
                answers[lever] = self._page.one_of(value, f"'{lever}'", question.answers)
        return answers
