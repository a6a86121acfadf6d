"""People who are booked through the booking service while a page is looked at."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx

from sandbox.population import bookings
from sandbox.scenario import load_scenario
from sandbox.stack import Stack


def book(stack: Stack, seed: int, count: int, first: int = 0) -> list[str]:
    """Books some people who are charged with a felony, so that their prints travel; returns their references."""
    with httpx.Client(base_url=stack.urls["booking"], trust_env=False, timeout=30) as client:
        for person in islice(_felonies(seed), first, first + count):
            _book(client, person)
    return references(seed, count, first)


def references(seed: int, count: int, first: int = 0) -> list[str]:
    """The references of the people whom `book` books."""
    return [f"{person['ori']}/{person['oca']}" for person in islice(_felonies(seed), first, first + count)]


def _felonies(seed: int) -> Iterator[dict[str, Any]]:
    everybody = bookings(load_scenario("live"), seed=seed, count=100)
    return (each for each in everybody if each["charge"]["offense_class"] == "felony")


def _book(client: httpx.Client, person: dict[str, Any]) -> None:
    # Without a time it is now, whatever day the run has come to.
    answer = client.post("/bookings", json={name: person[name] for name in person.keys() - {"booked_at", "custody"}})
    assert answer.status_code == httpx.codes.CREATED, answer.text
