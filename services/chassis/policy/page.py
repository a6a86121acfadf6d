"""A YAML text as plain nodes that know their line and column.

Nothing is converted on the way: `yes`, `2014-01-01` and `48` stay text until the reader knows what is expected
there, so every mistake can be named at its place. Readers report and go on; `Page.finish` raises at the end.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node as YamlNode, ScalarNode, SequenceNode

from services.chassis.policy.mistakes import Mistake, PolicyError, did_you_mean

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[0-9]{1,9}")
_DEEPEST = 16
"""Lists and maps in each other: policies have a third of it, and what a stranger sends must not cost seconds."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single word, number, date or text."""

    text: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    items: "tuple[Node, ...]"
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Entries:
    """A map; a key that is written twice stands here twice."""

    entries: "tuple[tuple[Scalar, Node], ...]"
    line: int
    column: int


Node = Scalar | Items | Entries


class Page:
    """One text while it is read: its nodes, and the mistakes found so far.

    Raises:
        PolicyError: at once, when the text is not YAML, or is more than one plain tree.
    """

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        self._mistakes: list[Mistake] = []
        self._seen: set[int] = set()
        self.root = self._parse(text)

    def report(self, at: Node, sentence: str) -> None:
        """Keep a mistake that was found at `at`."""
        self._mistakes.append(Mistake(self.name, at.line, at.column, sentence))

    def finish(self) -> None:
        """Raise everything that was reported.

        Raises:
            PolicyError: when anything was.
        """
        if self._mistakes:
            raise PolicyError(sorted(self._mistakes, key=lambda mistake: (mistake.line, mistake.column)))

    def entries(
        self, node: Node, what: str, *, known: Collection[str] | None = None, required: Collection[str] = ()
    ) -> dict[str, tuple[Scalar, Node]]:
        """The map at `node`, by key. `known=None` takes any key, because the caller checks keys itself."""
        if not isinstance(node, Entries):
            self.report(node, f"{what} must be a map of 'key: value' lines.")
            return {}
        found: dict[str, tuple[Scalar, Node]] = {}
        for key, value in node.entries:
            if known is not None and key.text not in known:
                hint = did_you_mean(key.text, known) or f" Known here: {', '.join(known)}."
                self.report(key, f"unknown key '{key.text}'.{hint}")
            elif key.text in found:
                self.report(key, f"duplicate key '{key.text}': it is already given in line {found[key.text][0].line}.")
            else:
                found[key.text] = (key, value)
        for name in required:
            if name not in found:
                self.report(node, f"{what} has no '{name}'.")
        return found

    def items(self, node: Node, what: str) -> tuple[Node, ...]:
        """The list at `node`, which must not be empty."""
        if not isinstance(node, Items) or not node.items:
            self.report(node, f"{what} must be a list with at least one entry.")
            return ()
        return node.items

    def text(self, node: Node, what: str) -> str:
        """The text at `node`; empty when there is none, which is reported."""
        if not isinstance(node, Scalar):
            self.report(node, f"{what} must be a single value, not a {'list' if isinstance(node, Items) else 'map'}.")
            return ""
        if not node.text.strip():
            self.report(node, f"{what} is empty.")
        return node.text.strip()

    def one_of(self, node: Node, what: str, allowed: Collection[str]) -> str:
        """The text at `node`, which must be one of `allowed`."""
        word = self.text(node, what)
        if word and word not in allowed:
            hint = did_you_mean(word, allowed)
            self.report(node, f"'{word}' is not a value of {what}. Allowed: {', '.join(allowed)}.{hint}")
        return word

    def whole_number(self, node: Node, what: str) -> int:
        """The number at `node`, at least 0."""
        word = self.text(node, what)
        if word and not is_whole_number(word):
            self.report(node, f"{what} must be a whole number, but found '{word}'.")
            return 0
        return int(word or 0)

    def day(self, node: Node, what: str) -> date:
        """The date at `node`."""
        word = self.text(node, what)
        if _DAY.fullmatch(word):
            try:
                return date.fromisoformat(word)
            except ValueError as error:
                self.report(node, f"{what}: there is no day '{word}' ({error}).")
        elif word:
            self.report(node, f"{what} must be a date like 2014-01-31, but found '{word}'.")
        return date.min

    def _parse(self, text: str) -> Node:
        yaml = YAML(typ="safe", pure=True)
        yaml.max_depth = _DEEPEST
        try:
            root = yaml.compose(text)
        except MaxDepthExceededError as error:
            mark = error.problem_mark
            self._stop(mark.line + 1, mark.column + 1, f"lists and maps may stand in each other {_DEEPEST} deep.")
        except MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            self._stop(
                mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, f"not valid YAML: {error.problem}."
            )
        except (YAMLError, RecursionError) as error:
            self._stop(1, 1, f"not valid YAML: {str(error).splitlines()[0]}.")
        if root is None:
            self._stop(1, 1, "the file is empty.")
        return self._plain(root)

    def _plain(self, node: YamlNode) -> Node:
        line = node.start_mark.line + 1
        column = node.start_mark.column + 1
        # One node in two places would let a short text unfold into a huge one, and nobody reads it twice.
        if id(node) in self._seen:
            self._stop(line, column, "anchors and aliases (& and *) are not part of the format; write it out.")
        self._seen.add(id(node))
        if isinstance(node, MappingNode):
            pairs = [(self._plain(key), self._plain(value)) for key, value in node.value]
            for key, _ in pairs:
                if not isinstance(key, Scalar):
                    self._stop(key.line, key.column, "a key must be a single word.")
            return Entries(
                tuple((key, _placed(key, value)) for key, value in pairs if isinstance(key, Scalar)), line, column
            )
        if isinstance(node, SequenceNode):
            return Items(tuple(self._plain(item) for item in node.value), line, column)
        if not isinstance(node, ScalarNode):
            self._stop(line, column, f"not valid YAML: unexpected {node.tag}.")
        return Scalar(node.value, line, column)

    def _stop(self, line: int, column: int, sentence: str) -> NoReturn:
        raise PolicyError([Mistake(self.name, line, column, sentence)])


def _placed(key: Scalar, value: Node) -> Node:
    # YAML puts a value that is not there at the next thing that is; people look for it at its key.
    if isinstance(value, Scalar) and not value.text:
        return Scalar("", key.line, key.column)
    return value


def is_whole_number(word: str) -> bool:
    """Whether `word` is a number as the format writes them: one to nine digits and nothing else."""
    return _NUMBER.fullmatch(word) is not None
