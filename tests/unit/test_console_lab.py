"""The policy lab: what an address asks for, sliders, cards, and the only folder that the page writes to."""

import asyncio
import json
import os
from functools import cache
from io import StringIO
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import parse_qsl

import pytest

from console.lab import cards, sliders
from console.lab.lab import Lab
from console.lab.own import MOST_BYTES, OwnPolicies, check_text
from console.lab.routes import sweep
from console.lab.state import POLICIES, State, as_job, command_of, name_of, place_of, state_of
from console.lab.view import view_of
from console.lab.worker import about, comparison_of, serve
from sandbox.compare import Kept, compare
from sandbox.policies.files import catalogue, check_paths
from sandbox.scenario import load_scenario
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, Vocabulary

MINE = """policy: harbor-2014
title: Harbor's rule
question: detainer
place: US-MA-HARBOR
authority: city
status: draft
in_force: {from: 2014-06-01}
source: Harbor Code 12
verified: none
clauses:
  - clause: (a)
    text: Convicted of a felony within the past five years
    when: {years_since_felony: at most 5}
    then: {hold: may}
otherwise:
  clause: (b)
  text: Nobody else is held
  then: {hold: must_not}
"""
WHERE = "scenario=boston-2008-2010&policy=us-full-cooperation&policy=us-il-cook-2011&bookings=3000&seed=1952"


@cache
def laws() -> tuple[Vocabulary, dict[str, Policy]]:
    folder = catalogue()
    return folder.vocabulary, folder.policies


@cache
def boston() -> dict[str, Any]:
    return about(load_scenario("boston-2008-2010"))


def asked(address: str) -> State:
    return state_of(parse_qsl(address))


# What an address asks for


def test_a_bare_address_asks_for_a_sensible_comparison() -> None:
    assert asked("") == State()
    assert set(POLICIES) <= set(laws()[1])


def test_an_address_is_the_same_after_it_was_read_and_written() -> None:
    address = (
        f"{WHERE}&explanation=level_left_out&discretion.hold=0.5&pickup.untold=0.1&capacity.eastern=none"
        "&fpir=0.001&rearrests=cook-2012"
    )

    state = asked(address)

    assert asked(state.address()) == state
    assert state.places() == {
        "discretion.hold": 0.5,
        "pickup.untold_rate": 0.1,
        "capacity_per_day.eastern": None,
        "galleries.fpir": 0.001,
    }
    assert all(name_of(place_of(name)) == name for name in state.levers)


@pytest.mark.parametrize(
    "address",
    ["bookings=0", "bookings=1000001", "bookings=1e6", "seed=-1", "discretion.hold=much", "fpir=nan", "pickup.x=none"],
)
def test_an_address_with_a_number_that_is_none_is_refused_in_a_sentence(address: str) -> None:
    with pytest.raises(InteropError, match="bad-address: '") as refused:
        asked(address)
    assert refused.value.status == 422


def test_levers_that_stand_as_in_the_scenario_are_left_out_of_the_address() -> None:
    state = asked(f"{WHERE}&discretion.hold=0.95&discretion.notify=0.5")

    kept = state.with_levers_changed(sliders.standing_of(state, boston()))

    assert kept.levers == {"discretion.notify": 0.5}


def test_a_lever_that_the_scenario_does_not_have_is_refused_with_a_suggestion() -> None:
    state = asked(f"{WHERE}&capacity.estern=1")

    with pytest.raises(InteropError, match=r"no lever 'capacity\.estern'\. Did you mean 'capacity\.eastern'"):
        state.with_levers_changed(sliders.standing_of(state, boston()))


def test_the_command_says_all_that_the_page_does_and_where_ones_own_law_is() -> None:
    state = asked(f"{WHERE}&policy=harbor-2014&capacity.eastern=2&fpir=0.001&cost_a_day=cook-2011")

    assert command_of(state, {"harbor-2014": "my laws/harbor-2014.yaml"}) == (
        "interop compare boston-2008-2010 --policy us-full-cooperation --policy us-il-cook-2011"
        " --policy 'my laws/harbor-2014.yaml' --bookings 3000 --seed 1952 --capacity eastern=2 --fpir 0.001"
        " --cost-a-day cook-2011 --seeds 0"
    )


# Sliders


def test_a_slider_stands_where_the_scenario_has_it_until_it_is_moved() -> None:
    moved = {each.name: each for each in sliders.sliders_of(asked(f"{WHERE}&discretion.hold=0.2"), boston())}

    assert moved["discretion.hold"].is_changed
    assert (moved["discretion.hold"].words, moved["discretion.hold"].usual_words) == ("20 %", "95 %")
    assert moved["capacity.eastern"].words == "no limit"
    assert moved["fpir"].words == "1 in 100,000"
    assert [each.name for each in moved.values() if each.is_changed] == ["discretion.hold"]


def test_the_slider_of_an_office_goes_a_little_beyond_what_comes_in_in_a_day() -> None:
    slider = next(each for each in sliders.sliders_of(asked(WHERE), boston()) if each.kind == "capacity")

    assert boston()["matches_a_day"] < slider.most < 4 * boston()["matches_a_day"]


# Cards


def test_every_law_of_the_catalogue_has_a_card_in_one_group() -> None:
    groups = {group["name"]: group["cards"] for group in cards.grouped(laws()[1], {})}

    assert sorted(card.id for each in groups.values() for card in each) == sorted(laws()[1])
    assert groups["own"] == []
    assert {card.id for card in groups["counterfactual"]} >= {"counterfactual-cite-or-book"}


def test_a_card_says_which_levers_a_law_answers_and_when_it_was_in_force() -> None:
    card = cards.card_of(laws()[1]["us-ca-trust-act-2014"])

    assert card.levers == [("hold past release", "may or must not")]
    assert (card.years, card.is_verified) == ("2014 to 2018", False)
    assert "trust act" in card.words


# Laws of one's own


def sentences(text: str) -> list[tuple[int, int, str]]:
    vocabulary, known = laws()
    return [(each.line, each.column, each.sentence) for each in check_text(text, vocabulary, known)[1]]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("years_since_felony", "years_since_felny"),
        ("at most 5", "less than 0"),
        ("clauses:", "claws:"),
        ("{hold: must_not}", "{hold: must_not, hold: may}"),
        ("status: draft", "status: [draft"),
    ],
)
def test_the_page_says_what_the_command_says(right: str, wrong: str, tmp_path: Path) -> None:
    text = MINE.replace(right, wrong, 1)
    file = tmp_path / "policy.yaml"
    file.write_text(text, encoding="utf-8")

    by_the_command = [(each.line, each.column, each.sentence) for each in check_paths([file]).findings]

    assert sentences(text) == by_the_command != []


def test_the_id_of_a_law_of_the_catalogue_is_taken() -> None:
    assert sentences(MINE.replace("harbor-2014", "us-full-cooperation")) == [
        (1, 9, "'us-full-cooperation' is the id of a policy of this repository; give yours another.")
    ]


def save(own: OwnPolicies, text: str = MINE, *, instead: bool = False) -> Policy:
    return own.save(text, *laws(), instead=instead)


def test_a_law_that_is_saved_can_be_read_listed_replaced_and_deleted(tmp_path: Path) -> None:
    own = OwnPolicies(tmp_path / "laws")

    save(own)
    with pytest.raises(InteropError, match="policy-exists"):
        save(own)
    save(own, MINE.replace("Harbor's rule", "Harbor's second rule"), instead=True)

    assert own.policies(*laws())["harbor-2014"].title == "Harbor's second rule"
    assert own.text("harbor-2014").startswith("policy: harbor-2014")
    assert [path.name for path in own.folder.iterdir()] == ["harbor-2014.yaml"]
    own.delete("harbor-2014")
    assert own.policies(*laws()) == {}


@pytest.mark.parametrize(
    "identity",
    [
        "../escaped",
        "/tmp/escaped",
        "a/b",
        "..",
        "vocabulary",
        "us-ca-trust-act-2014",
        "x.cases",
        "A",
        "x" * 61,
        '"a\\x00b"',
    ],
)
def test_no_id_leads_out_of_the_folder_or_to_a_law_of_the_catalogue(identity: str, tmp_path: Path) -> None:
    own = OwnPolicies(tmp_path / "laws")

    with pytest.raises(InteropError, match=r"bad-policy|bad-policy-id"):
        save(own, MINE.replace("harbor-2014", identity, 1))
    with pytest.raises(InteropError, match=r"unknown-policy|bad-policy-id"):
        own.text(identity)
    with pytest.raises(InteropError, match=r"unknown-policy|bad-policy-id"):
        own.delete(identity)
    assert list(tmp_path.rglob("*")) == []


def test_a_link_in_the_folder_is_neither_read_nor_followed(tmp_path: Path) -> None:
    own = OwnPolicies(tmp_path / "laws")
    own.folder.mkdir()
    elsewhere = tmp_path / "elsewhere.yaml"
    elsewhere.write_text(MINE, encoding="utf-8")
    (own.folder / "harbor-2014.yaml").symlink_to(elsewhere)

    assert own.policies(*laws()) == {}
    with pytest.raises(InteropError, match="unknown-policy"):
        own.text("harbor-2014")
    save(own, MINE.replace("Harbor's rule", "Another rule"), instead=True)

    assert elsewhere.read_text(encoding="utf-8") == MINE
    assert own.policies(*laws())["harbor-2014"].title == "Another rule"


def test_a_law_with_a_mistake_or_without_measure_is_not_saved(tmp_path: Path) -> None:
    own = OwnPolicies(tmp_path)

    for text in (MINE.replace("years_since_felony", "years"), MINE + "#" * MOST_BYTES, MINE + "# \ud800", "[" * 9_000):
        with pytest.raises(InteropError, match="bad-policy"):
            save(own, text)
    assert list(tmp_path.iterdir()) == []


def test_downloads_that_nobody_has_fetched_are_removed_and_those_under_way_are_not(tmp_path: Path) -> None:
    left, under_way = tmp_path / "left.html", tmp_path / "under-way.html"
    for path in (left, under_way):
        path.touch()
    os.utime(left, (0, 0))

    sweep(tmp_path)

    assert list(tmp_path.iterdir()) == [under_way]
    sweep(tmp_path / "a folder that is not there")


# The worker


def test_what_is_kept_changes_no_result_whatever_is_changed_in_between(tmp_path: Path) -> None:
    own = OwnPolicies(tmp_path)
    save(own)
    kept = Kept(crowds=1, dockets=1, columns=3)
    changes = [
        "",
        "&discretion.hold=0.5",
        "&pickup.otherwise=0.6",
        "&capacity.eastern=1",
        "&fpir=0.01",
        "&policy=harbor-2014",
        "&explanation=level_left_out",
        "&policy=counterfactual-cite-or-book&policy=ice-r4-pep-2014&policy=us-tx-sb4-2017",
        "",
    ]

    for change in changes:
        comparison = comparison_of(as_job(asked(WHERE + change), own.paths()))
        assert json.dumps(compare(comparison, kept=kept)) == json.dumps(compare(comparison)), change


def test_every_lever_changes_something() -> None:
    def counted(change: str) -> str:
        state = asked(f"{WHERE}&bookings=20000{change}")
        return json.dumps(compare(comparison_of(as_job(state, {})))["policies"][0]["counted"])

    as_it_is = counted("")
    for lever in ("discretion.hold=0.2", "pickup.level_1=1", "pickup.untold=0.5", "capacity.eastern=0.5", "fpir=0.01"):
        assert counted(f"&{lever}") != as_it_is, lever


def test_the_worker_answers_in_lines_with_progress_and_errors_in_sentences() -> None:
    jobs = [
        {"id": 1, "kind": "view", "state": as_job(asked(WHERE), {})},
        {"id": 2, "kind": "view", "state": as_job(asked(f"{WHERE}&cost_a_day=much"), {})},
        {"cancel": 3},
        {"id": 3, "kind": "view", "state": as_job(asked(WHERE), {})},
    ]
    told: list[Any] = []
    last_is_done = Event()

    def tell(message: Any) -> None:
        told.append(json.loads(json.dumps(message)))
        if message.get("cancelled"):
            last_is_done.set()

    class Patient(StringIO):
        """Stays open until the last job is done: a worker without anybody at the other end gives up at once."""

        def __iter__(self) -> Any:
            yield from (json.dumps(job) + "\n" for job in jobs)
            last_is_done.wait(60)

    serve(Patient(), tell)

    assert [each["scenario"] for each in told[0]["scenarios"]][:1] == ["boston-2008-2010"]
    first, second = ([each for each in told if each.get("id") == number] for number in (1, 2))
    assert [each["share"] for each in first[:-1]] == sorted(each["share"] for each in first[:-1])
    assert first[-1]["done"]["policies"][1]["id"] == "us-il-cook-2011"
    assert second[-1]["error"]["code"] == "bad-assumption"
    assert told[-1] == {"id": 3, "cancelled": True}


def test_the_page_shows_who_changes_with_the_clauses_and_their_citations() -> None:
    view = view_of(compare(comparison_of(as_job(asked(WHERE), {}))))

    largest = view["changes"][0]["rows"][0]
    assert {clause["policy"] for clause in largest["clauses"]} == {"us-full-cooperation", "us-il-cook-2011"}
    assert all(clause["source"] for clause in largest["clauses"])
    assert {cell["verdict"] for row in view["ratios"] for cell in row["cells"]} & {"too few to tell", "above 1"}


def test_a_lab_that_is_left_in_the_middle_takes_the_next_job_and_one_that_is_gone_is_started_again() -> None:
    async def story() -> tuple[Any, Any]:
        lab = Lab()
        try:
            listening = lab.run({"kind": "view", "state": as_job(asked(f"{WHERE}&bookings=100000"), {})})
            assert "share" in await anext(listening)
            await listening.aclose()
            after = await lab.result({"kind": "view", "state": as_job(asked(WHERE), {})})
            assert lab._worker is not None
            await lab._worker.end()
            return after, await lab.result({"kind": "view", "state": as_job(asked(WHERE), {})})
        finally:
            await lab.close()

    after, again = asyncio.run(story())

    assert after == again
    assert after["bookings"] == 3_000
