"""The tables that reports are made of say what the services' events say, counted in another way."""

from collections import Counter
from collections.abc import Mapping

from sandbox.from_events import results_of
from sandbox.population import bookings, people
from sandbox.report import totals
from sandbox.scenario import load_scenario, resolve
from services.booking.events import BookingRequest
from services.chassis.service import Service
from tests.contract.house import House

BOOKINGS = 400


def test_the_report_counts_what_the_services_said(services: Mapping[str, Service]) -> None:
    boston = load_scenario("boston-2008-2010")
    house = House(services, "heron-run-7", resolve(boston, seed=7, bookings=BOOKINGS))
    for body in bookings(boston, 7, BOOKINGS):
        house.book(BookingRequest.model_validate(body))
    house.finish(most_days=4_000)

    results = results_of(house.events, people(boston, 7, BOOKINGS))
    told = totals(results)

    removed = [
        row["data"] for row in house.said("outcome.recorded.v1") if row["data"]["outcome"] in ("removed", "returned")
    ]
    assert told["bookings"] == told["submissions"] == len(house.said("fingerprints.submitted.v1")) == BOOKINGS
    assert told["identified_by_fbi"] == len(house.said("identification.returned.v1", srf="I"))
    assert (
        told["searches"]["match"] == results.cases.height == len(house.said("immigration.searched.v1", result="match"))
    )
    assert told["detainers"]["lodged"] == len(house.said("detainer.decided.v1", action="lodged")) > 0
    assert told["custody"]["detainers_on_file"] == len(house.said("custody.changed.v1", stage="detainer_on_file"))
    assert told["custody"]["holds"] == len(house.said("custody.changed.v1", stage="hold_started")) > 0
    assert told["custody"]["transferred"] == len(house.said("custody.changed.v1", stage="transferred"))
    assert told["custody"]["released"] == len(house.said("custody.changed.v1", stage="released"))
    assert told["outcomes"] == Counter(row["data"]["outcome"] for row in house.said("outcome.recorded.v1"))
    assert told["removals"]["total"] == len(removed)
    for reading, name in (("by_charge_or_conviction", "charge_or_conviction"), ("by_conviction", "conviction")):
        by_level = Counter(row["levels"][name] for row in removed)
        assert told["removals"][reading] == {level: by_level[level] for level in told["removals"][reading]}
    assert sum(results.disclosures.values()) == sum(len(event["data"]["disclosures"]) for event in house.events)
    assert sum(kind["matches"] for kind in told["truth"].values()) == results.cases.height
