"""The table of claims: what was said, as something that can come out either way, with the evidence for and against.

Every claim has the same fields, whoever made it, and they stand in the order of their topics and numbers. The data are
in `claims.yaml`; they are checked when they are first read.
"""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict, Field, model_validator
from ruamel.yaml import YAML

from console.claims.order import Order
from console.sources import Source, published

FILE = Path(__file__).resolve().parent / "claims.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Article(_Part):
    """One of the five articles."""

    outlet: str
    kind: str
    date: str


class Origin(_Part):
    """Where evidence was read, and the address if it is known."""

    citation: str
    url: str | None = Field(default=None, pattern=r"^https://")


class Saying(_Part):
    """Who said it, as a role or an office, and in which article."""

    who: str
    article: str


class Lever(_Part):
    """What in the sandbox moves what the claim is about.

    Attributes:
        words: what is moved.
        policies: policies to be compared in the policy lab.
        page: another page of the console.
        parameter: a place in a scenario's file.
    """

    words: str
    policies: tuple[str, ...] = ()
    page: str | None = Field(default=None, pattern=r"^/")
    parameter: str | None = None

    @model_validator(mode="after")
    def _leads_somewhere_or_says_that_it_does_not(self) -> "Lever":
        if not (self.policies or self.page or self.parameter or self.words.startswith(("none here", "which of two"))):
            raise ValueError("name policies, a page or a parameter, or begin with 'none here'")
        return self


class Evidence(_Part):
    """What is known of the real program, and how well."""

    says: str
    source: str
    tag: str = Field(min_length=1)


class Claim(_Part):
    """One claim."""

    id: str = Field(pattern=r"^C[0-9]+$")
    topic: str
    said: tuple[Saying, ...] = Field(min_length=1)
    claim: str
    supporters_read: str
    critics_read: str
    lever: Lever
    measured: tuple[str, ...] = ()
    not_modelled: str | None = None
    evidence_for: tuple[Evidence, ...]
    evidence_against: tuple[Evidence, ...]

    @model_validator(mode="after")
    def _has_a_number_or_says_why_not(self) -> "Claim":
        if not self.measured and self.not_modelled is None:
            raise ValueError(f"{self.id} has no number of the run: say in 'not_modelled' why")
        return self

    @property
    def text(self) -> str:
        """All that a search looks through, in lower case."""
        evidence = (*self.evidence_for, *self.evidence_against)
        words = [
            self.id,
            self.claim,
            self.supporters_read,
            self.critics_read,
            self.lever.words,
            self.not_modelled or "",
        ]
        return " ".join([*words, *(each.who for each in self.said), *(each.says for each in evidence)]).lower()


class Table(_Part):
    """All of the file."""

    articles: dict[str, Article]
    topics: dict[str, str]
    sources: dict[str, Origin]
    claims: tuple[Claim, ...]

    @model_validator(mode="after")
    def _names_only_what_there_is(self) -> "Table":
        for claim in self.claims:
            for evidence in (*claim.evidence_for, *claim.evidence_against):
                if evidence.source not in self.sources:
                    raise ValueError(f"{claim.id}: there is no source '{evidence.source}'")
            if claim.topic not in self.topics:
                raise ValueError(f"{claim.id}: there is no topic '{claim.topic}'")
            for each in claim.said:
                if each.article not in self.articles:
                    raise ValueError(f"{claim.id}: there is no article '{each.article}'")
        return self

    def source_of(self, evidence: Evidence) -> Source:
        """Where a piece of evidence was read, as pages show it."""
        origin = self.sources[evidence.source]
        return published(origin.citation, evidence.tag, origin.url)

    def said_by(self, saying: Saying) -> Source:
        """The article in which something was said, as pages show it."""
        article = self.articles[saying.article]
        return published(f"{article.outlet}, {article.kind}, {article.date}", saying.article)

    def by_topic(self, topic: str = "", words: str = "") -> Iterator[tuple[str, list[Claim]]]:
        """The claims under their topics, in the order of the file.

        Args:
            topic: only this one, if it is named.
            words: only claims that have each of these in them.
        """
        wanted = words.lower().split()
        for name, title in self.topics.items():
            found = [
                claim
                for claim in self.claims
                if claim.topic == name and topic in ("", name) and all(word in claim.text for word in wanted)
            ]
            if found:
                yield title, found


def address_of(lever: Lever, order: Order) -> str | None:
    """Where a lever can be moved in the console; None where it is in a file, or nowhere."""
    if lever.policies:
        run = [
            ("scenario", order.scenario),
            ("explanation", order.explanation or ""),
            ("bookings", str(order.bookings)),
        ]
        search = [*run, ("seed", str(order.seed)), *(("policy", policy) for policy in lever.policies)]
        return f"/lab?{urlencode([pair for pair in search if pair[1]])}"
    return lever.page


@cache
def table() -> Table:
    """The table, read once."""
    return read(YAML(typ="safe", pure=True).load(FILE.read_text(encoding="utf-8")))


def read(data: Mapping[str, Any]) -> Table:
    """The table in plain data.

    Raises:
        ValidationError: a field is missing or unknown, or something is named that is not there.
    """
    # Lists of the file are tuples here, which only a reading of JSON takes as the same.
    return Table.model_validate_json(json.dumps(data))
