"""The searches as columns say what the federal rules say of every booking, of those that cannot be searched too."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from sandbox.enrolling import KINDS
from sandbox.in_process.days import opened
from sandbox.in_process.searches import ERROR, NO_ROW, SEARCHED, Galleries
from sandbox.population import People, people
from sandbox.scenario import load_scenario, resolve
from sandbox.sharing import HELD_BACK, SHARED
from services.biometric_match.domain import answers, match
from services.biometric_match.matcher import ExhaustiveMatcher, Searched, Unsearchable
from services.biometric_match.prints import Impressions

SEED = 41
BOOKINGS = 120
EVERYTHING = np.full(BOOKINGS, SHARED, np.uint8)
"""Everybody's prints go all the way."""


@dataclass(frozen=True)
class Livescan:
    """People whose prints are taken as told."""

    booked: People
    taken: Impressions

    @property
    def person(self) -> Any:
        return self.booked.person

    def prints(self) -> Impressions:
        return self.taken


@pytest.fixture(scope="module")
def livescan() -> Livescan:
    """Bookings with ten fingers and fewer: the first with none, the next with one, and so on, over and over."""
    booked = people(load_scenario("boston-2008-2010"), SEED, BOOKINGS)
    taken = booked.prints()
    fingers = np.arange(BOOKINGS) % 11
    return Livescan(booked, replace(taken, present=np.arange(10).reshape(10, 1) < fingers))


@pytest.fixture(scope="module")
def galleries() -> Galleries:
    return Galleries(opened("heron", resolve(load_scenario("boston-2008-2010"), seed=SEED)), "exhaustive")


def test_the_columns_are_what_the_federal_rules_answer(livescan: Livescan, galleries: Galleries) -> None:
    size = galleries.run.galleries
    matcher = ExhaustiveMatcher(galleries.files)
    probes = [livescan.taken.prints(column) for column in range(BOOKINGS)]
    found = {kind: matcher.search(kind, probes) for kind in KINDS}

    searched = galleries.search(livescan, EVERYTHING)

    for kind in KINDS:
        matches = [match(candidate, size) for candidate in found[kind]]
        assert searched.row[kind].tolist() == [NO_ROW if row is None else row.row for row in matches]
    told = answers(Searched(found["iafis"], found["ident"]), galleries.run)
    expected = ["error" if row.immigration_error else "match" if row.immigration else "no_match" for row in told]
    assert [SEARCHED[answer] for answer in searched.searched] == expected
    assert set(expected) == {"match", "no_match", "error"}


def test_the_handler_is_told_what_the_matcher_found(livescan: Livescan, galleries: Galleries) -> None:
    chosen = np.array([43, 3, 0])
    probes = [livescan.taken.prints(column) for column in chosen.tolist()]
    matcher = ExhaustiveMatcher(galleries.files)
    reach = np.where(np.arange(BOOKINGS) == 3, HELD_BACK, SHARED).astype(np.uint8)

    told = galleries.told(livescan.booked.scenario, galleries.search(livescan, reach), chosen)

    in_iafis, in_ident = matcher.search("iafis", probes), matcher.search("ident", probes)
    assert [found if isinstance(found, Unsearchable) else found[:1] for found in in_iafis] == told.iafis
    assert told.ident == [in_ident[0][:1], None, in_ident[2]]


def test_whoever_gave_too_few_fingers_is_found_nowhere_even_by_those_who_know_them(livescan: Livescan) -> None:
    settings = resolve(load_scenario("boston-2008-2010"), seed=SEED)
    searched = Galleries(opened("heron", settings), "mates").search(livescan, EVERYTHING)
    refused = searched.searched == ERROR
    assert refused.sum() == sum(number % 11 < 2 for number in range(BOOKINGS))
    assert (searched.row["iafis"][refused] == NO_ROW).all()
    assert (searched.row["ident"][refused] == NO_ROW).all()
