"""Both sides: the sentences are arithmetic on one set of people, and the table treats every claim alike."""

import asyncio
import copy
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from console.app import build
from console.claims import runs as runs_module, table as table_module
from console.claims.chance import interval
from console.claims.counting import NUMBERS, count_run
from console.claims.numbers import first_numbers, number
from console.claims.order import Order, checked, choices
from console.claims.picture import BASES, RULERS, base_named, picture, pictures, ruler_named
from console.claims.runs import Runs
from console.claims.table import Claim, address_of, table
from console.pages import FRAGMENT
from console.sources import published
from sandbox.home import HOME
from sandbox.report import framings
from sandbox.runs import Request, run_without_streams
from sandbox.scenario import load_scenario, names_in
from services.chassis.errors import InteropError

FEW = Order(bookings=5_000)
LOADED = ("illegal", "alien", "undocumented", "criminals", "open borders", "sanctuary city", "deportation machine")
BOTH_WAYS = {"C6", "C10", "C18", "C34", "C35"}
"""Claims about effects on which studies were found that point both ways."""


@pytest.fixture(scope="module")
def counted() -> dict[str, Any]:
    return count_run(FEW, lambda *_: None)


# --- The dots and what is said of them


def test_every_sentence_adds_up_to_its_denominator(counted: dict[str, Any]) -> None:
    for each in pictures(counted["dots"], counted["matches"]):
        assert sum(part.count for part in each.parts) + each.unseen == each.whole, each.id
        assert sum(part.count for part in each.parts) + each.apart == len(counted["dots"]), each.id


def test_no_ruler_and_no_denominator_makes_or_takes_a_dot(counted: dict[str, Any]) -> None:
    dots = copy.deepcopy(counted["dots"])
    found = pictures(counted["dots"], counted["matches"])
    assert len(found) == len(RULERS) * len(BASES)
    assert counted["dots"] == dots
    assert len(dots) == counted["totals"]["removals"]["total"] > 20


def test_the_sentences_say_what_the_report_says_of_the_same_run(counted: dict[str, Any]) -> None:
    """Every share of the report's framings stands in the picture that goes with it."""
    told = [each["sentence"] for each in counted["framings"]]
    pairs = [
        (told[0], "conviction", "removed", (0,)),
        (told[0], "minor", "removed", (1,)),
        (told[2], "charge", "removed", (0,)),
        (told[2], "level", "removed", (0,)),
        (told[3], "otherwise", "unconvicted", (0, 1, 2)),
    ]
    for sentence, ruler, base, groups in pairs:
        shown = picture(counted["dots"], counted["matches"], ruler_named(ruler), base_named(base))
        assert sentence.startswith(f"Of {shown.whole:,} people {shown.base.people}")
        for group in groups:
            assert shown.parts[group].share in sentence
    matched = picture(counted["dots"], counted["matches"], ruler_named("conviction"), base_named("matched"))
    assert told[1].startswith(f"Of {matched.whole:,} people who matched, ")
    assert f"{100 * matched.unseen / matched.whole:.0f} % were not" in told[1]


def test_the_same_people_are_removed_as_interop_run_removes(counted: dict[str, Any]) -> None:
    request = Request(
        FEW.scenario, FEW.bookings, FEW.seed, explanation=FEW.explanation, seeds=1, search="mates", runid="claims"
    )
    ran = run_without_streams(request, lambda _: None, lambda *_: None)
    assert counted["totals"]["removals"] == ran["totals"]["removals"]
    assert counted["totals"]["custody"] == ran["totals"]["custody"]
    assert counted["framings"] == framings(ran["totals"])


def test_the_page_opens_with_the_people_of_the_lesson() -> None:
    lesson = (HOME / "docs" / "lessons" / "one-set-of-people.md").read_text(encoding="utf-8")
    told = count_run(Order(), lambda *_: None)["framings"]
    assert len(told) == 4
    for each in told:
        assert each["sentence"] in " ".join(lesson.split())


def test_a_run_without_removals_says_so_and_divides_by_nothing() -> None:
    for each in pictures([], 0):
        assert each.sentence.startswith("Nobody ")


def test_one_person_alone_is_not_told_apart() -> None:
    shown = picture([[1, 3, 0, 2]], 1, ruler_named("conviction"), base_named("removed"))
    assert shown.sentence == "Of 1 person removed, 100 % (1) had none."
    assert shown.tells_nobody_apart


def test_each_group_of_a_ruler_has_a_mark_of_its_own() -> None:
    for ruler in RULERS:
        assert len({group.mark for group in ruler.groups}) == len(ruler.groups), ruler.id


# --- Numbers


def test_a_share_has_its_denominator_and_an_interval_and_says_when_it_is_too_few() -> None:
    shown = number({"words": "removed", "part": 3, "of": 8, "unit": "people", "instead": False})
    assert shown.value == "38 % (3 of 8)"
    assert shown.too_few
    known = number({"words": "removed", "part": 300, "of": 800, "unit": "people", "instead": False})
    assert not known.too_few
    low, high = interval(300, 800)
    assert low < 0.375 < high


def test_what_was_counted_under_another_policy_stands_beside_what_it_was() -> None:
    shown = number({"words": "removed", "part": 12, "of": 40, "unit": "people", "instead": True})
    assert shown.value == "12 instead of 40"


def test_a_claim_whose_share_is_disputed_shows_both_denominators_before_it_is_opened(counted: dict[str, Any]) -> None:
    numbers = {name: [number(row) for row in rows] for name, rows in counted["numbers"].items()}
    most = next(claim for claim in table().claims if claim.id == "C1")
    assert [each.words for each in first_numbers(most, numbers)] == [
        "removed, with a conviction of whatever level",
        "removed, with none or no more than two misdemeanours",
    ]


# --- The table of claims


def test_every_claim_of_the_five_articles_is_in_the_table() -> None:
    assert [claim.id for claim in table().claims] == [f"C{number}" for number in range(1, 37)]


def test_claims_are_in_the_order_of_topics_and_not_of_sides() -> None:
    found = [claim for _, claims in table().by_topic() for claim in claims]
    assert len(found) == 36
    topics = list(table().topics)
    assert [topics.index(claim.topic) for claim in found] == sorted(topics.index(claim.topic) for claim in found)
    for _, claims in table().by_topic():
        numbers = [int(claim.id[1:]) for claim in claims]
        assert numbers == sorted(numbers)


def test_every_source_has_a_tag_and_every_claim_both_readings() -> None:
    for claim in table().claims:
        assert claim.supporters_read
        assert claim.critics_read
        for evidence in (*claim.evidence_for, *claim.evidence_against):
            assert published("", evidence.tag).tag_words, f"{claim.id}: {evidence.says}"


def test_evidence_that_points_both_ways_is_given_both_ways() -> None:
    for claim in table().claims:
        if claim.id in BOTH_WAYS:
            assert claim.evidence_for, claim.id
            assert claim.evidence_against, claim.id
    empty = [claim.id for claim in table().claims if not (claim.evidence_for and claim.evidence_against)]
    assert len(empty) <= 3, f"one-sided: {empty}"


def test_every_claim_names_numbers_that_are_counted_or_says_why_there_are_none(counted: dict[str, Any]) -> None:
    named = {name for claim in table().claims for name in claim.measured}
    assert named == set(NUMBERS) == set(counted["numbers"])
    assert all(counted["numbers"][name] for name in named)


def test_no_number_is_named_after_a_side() -> None:
    for name in NUMBERS:
        assert not re.search(r"support|critic|oppos|restrict|advocat|pro_|anti", name), name


def test_the_texts_have_no_loaded_words() -> None:
    text = table_module.FILE.read_text(encoding="utf-8").lower()
    for word in LOADED:
        assert not re.search(rf"\b{word}\b", text), word


def test_a_lever_leads_to_policies_that_there_are() -> None:
    known = set(names_in(HOME / "policies"))
    for claim in table().claims:
        assert set(claim.lever.policies) <= known, claim.id
    partition = next(claim for claim in table().claims if claim.id == "C12")
    address = address_of(partition.lever, FEW)
    assert address is not None
    assert address.startswith("/lab?scenario=boston-2008-2012&explanation=level_left_out&bookings=5000&seed=2008")
    assert address.endswith("policy=us-sharing-2008&policy=proposal-menino-2011-sharing")


def changed(**fields: Any) -> dict[str, Any]:
    data = YAML(typ="safe", pure=True).load(table_module.FILE.read_text(encoding="utf-8"))
    data["claims"][0] |= fields
    return data


@pytest.mark.parametrize(
    "fields",
    [
        {"measured": [], "not_modelled": None},
        {"topic": "gossip"},
        {"said": [{"who": "somebody", "article": "S9"}]},
        {"evidence_for": [{"says": "So it is.", "source": "hearsay", "tag": "B"}]},
        {"evidence_for": [{"says": "So it is.", "source": "gao", "tag": ""}]},
        {"lever": {"words": "somewhere"}},
        {"opinion": "right"},
    ],
    ids=["no-number", "topic", "article", "source", "tag", "lever", "unknown-field"],
)
def test_a_claim_with_a_mistake_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        table_module.read(changed(**fields))


def test_a_search_finds_claims_by_all_of_its_words() -> None:
    found: list[Claim] = [claim for _, claims in table().by_topic(words="minor 60 times") for claim in claims]
    assert found == []
    found = [claim for _, claims in table().by_topic(words="MISDEMEANOURS shared DHS") for claim in claims]
    assert [claim.id for claim in found] == ["C12"]


# --- The run


@asynccontextmanager
async def a_console() -> AsyncIterator[httpx.AsyncClient]:
    """A console that begins nothing by itself, and ends what a page has begun."""
    api = build()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://console") as client:
        try:
            yield client
        finally:
            await api.state.house.close()


def test_the_scenarios_to_choose_from_are_those_that_can_be_loaded() -> None:
    for choice in choices():
        loaded = load_scenario(choice.scenario)
        assert choice.title == loaded.title
        assert [each.id for each in choice.explanations] == list(loaded.explanations)


def test_an_order_that_cannot_be_counted_is_refused_in_a_sentence() -> None:
    with pytest.raises(InteropError, match="no scenario 'atlantis'"):
        checked(Order(scenario="atlantis"))
    with pytest.raises(InteropError, match="ask for 1 to 200,000"):
        checked(Order(bookings=10**9))
    assert checked(Order(scenario="us-2008-2011")).explanation is None
    assert checked(Order(explanation="rumour")).explanation == "definition"


def test_the_command_of_an_order_gives_the_same_run() -> None:
    assert FEW.command == (
        "interop run boston-2008-2012 --in-process --bookings 5000 --seed 2008 --explanation level_left_out"
    )


def test_a_run_is_counted_once_by_a_process_of_its_own() -> None:
    async def count() -> tuple[Any, bool]:
        runs = Runs()
        run = runs.run_of(Order(bookings=300))
        assert run.task is not None
        await run.task
        return run, runs.run_of(Order(bookings=300)) is run

    run, same = asyncio.run(count())
    assert run.state == "counted"
    assert run.as_record()["done"] == run.of
    assert same


def test_a_cancelled_run_is_forgotten_and_its_process_ends() -> None:
    async def cancel() -> Any:
        runs = Runs()
        order = Order(bookings=200_000)
        run = runs.run_of(order)
        await asyncio.sleep(0)
        runs.cancel(order)
        assert run.task is not None
        await asyncio.wait([run.task])
        return runs.known(order)

    assert asyncio.run(cancel()) is None


def test_the_console_does_not_close_before_the_process_of_a_cancelled_run_has_ended() -> None:
    async def close() -> asyncio.Task[None] | None:
        runs = Runs()
        order = Order(bookings=200_000)
        run = runs.run_of(order)
        while run.words != "starting to count":
            await asyncio.sleep(0)
        await asyncio.sleep(0.05)  # the process is being started, or has been
        runs.cancel(order)
        await asyncio.sleep(0)
        await runs.close()
        return run.task

    task = asyncio.run(close())
    assert task is not None
    assert task.done()


def test_only_so_many_runs_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "MOST_WAITING", 1)

    async def ask() -> None:
        runs = Runs()
        first = Order(bookings=100, seed=1)
        runs.run_of(first)
        try:
            with pytest.raises(InteropError, match="too-many-runs"):
                runs.run_of(Order(bookings=100, seed=2))
        finally:
            runs.cancel(first)

    asyncio.run(ask())


def test_a_page_that_is_drawn_in_part_does_not_begin_a_cancelled_run_again() -> None:
    async def look() -> list[httpx.Response]:
        async with a_console() as client:
            return [
                await client.get("/claims?bookings=150000"),
                await client.post("/claims/cancel?bookings=150000"),
                await client.get("/claims?bookings=150000", headers={FRAGMENT: "picture"}),
                await client.get("/claims/run?bookings=150000"),
            ]

    begun, cancelled, drawn, told = asyncio.run(look())
    assert "The run is being counted" in begun.text
    assert cancelled.json() == {"state": "cancelled"}
    assert "the count was cancelled" in drawn.text
    assert told.json()["state"] == "cancelled"


def test_an_order_in_the_address_that_cannot_be_counted_is_told_in_a_sentence() -> None:
    async def look() -> httpx.Response:
        async with a_console() as client:
            return await client.get("/claims?scenario=atlantis")

    answer = asyncio.run(look())
    assert answer.status_code == 422
    assert "no scenario 'atlantis'" in answer.text
