"""Law as a stack: who binds whom, and what the answer says about it."""

from datetime import date

import pytest

from services.chassis.errors import InteropError
from services.chassis.policy import Policy, StackDecision, load_policy, stack_in_force
from tests.unit.policy_files import the_vocabulary

VOCABULARY = the_vocabulary()
ON = date(2015, 6, 1)


def a_policy(name: str, authority: str, place: str, then: str, **headings: str) -> Policy:
    lines = {
        "policy": name,
        "title": "An invented policy",
        "question": "detainer",
        "place": place,
        "authority": authority,
        "status": "enacted",
        "in_force": "{from: 2014-01-01, until: 2016-12-31}",
        "source": f"Code of {name}",
        "verified": "text",
        **headings,
    }
    text = "".join(f"{key}: {value}\n" for key, value in lines.items())
    text += f"clauses:\n  - {{clause: (a), text: All, when: always, then: {{{then}}}}}\n"
    return load_policy(text, f"{name}.yaml", VOCABULARY)


def decided(*policies: Policy, place: str = "US-ZZ-CITY", on: date = ON, **facts: str) -> StackDecision:
    return stack_in_force(policies, place, on, VOCABULARY).decide(facts)


@pytest.mark.parametrize(
    ("state", "city", "answer", "by", "displaced"),
    [
        ("must", "must_not", "must", "state", ["city"]),
        ("must_not", "may", "must_not", "state", ["city"]),
        ("must", "must", "must", "state", []),
        ("must_not", "silent", "must_not", "state", []),
        ("may", "must_not", "must_not", "city", []),
        ("may", "must", "must", "city", []),
        ("may", "may", "may", "state", []),
        ("may", "silent", "may", "state", []),
        ("silent", "must_not", "must_not", "city", []),
        ("silent", "may", "may", "city", []),
        ("silent", "silent", "silent", None, []),
    ],
)
def test_a_superior_binds_its_may_leaves_room_and_its_silence_passes_down(
    state: str, city: str, answer: str, by: str | None, displaced: list[str]
) -> None:
    above = a_policy("state", "state", "US-ZZ", f"hold: {state}")
    below = a_policy("city", "city", "US-ZZ-CITY", f"hold: {city}")
    settled = decided(below, above).levers["hold"]
    assert settled.answer == answer
    assert (settled.by.policy if settled.by else None) == by
    assert [said.policy for said in settled.displaced] == displaced


def test_each_lever_is_settled_by_itself() -> None:
    above = a_policy("state", "state", "US-ZZ", "hold: must_not")
    below = a_policy("city", "city", "US-ZZ-CITY", "hold: may, notify: must")
    decision = decided(above, below)
    assert (decision.answers["hold"], decision.answers["notify"]) == ("must_not", "must")
    record = decision.as_record()
    assert record["policy"] == "state > city"
    assert record["because"] == ["state: (a) All [Code of state]", "city: (a) All [Code of city]"]
    assert record["set_aside"] == ["city: hold may (bound by: state)"]
    assert record["layers"]["hold"] == {
        "policy": "state",
        "authority": "state",
        "answer": "must_not",
        "displaced": [{"policy": "city", "authority": "city", "answer": "may"}],
    }


def test_authority_ranks_before_place_and_the_wider_place_before_the_narrower() -> None:
    custom = a_policy("custom", "agency", "US", "hold: may")
    sheriff = a_policy("sheriff", "agency", "US-ZZ-CITY", "hold: may")
    county = a_policy("county", "county", "US-ZZ-CITY", "hold: may")
    state = a_policy("state", "state", "US-ZZ", "hold: may")
    court = a_policy("court", "federal_constitution", "US", "hold: may")
    stack = stack_in_force([custom, sheriff, county, state, court], "US-ZZ-CITY", ON, VOCABULARY)
    assert [policy.id for policy in stack.layers] == ["court", "state", "county", "custom", "sheriff"]


def test_a_layer_takes_part_only_if_it_binds_whoever_holds_the_person() -> None:
    state = a_policy("state", "state", "US-ZZ", "hold: may")
    city = a_policy("city", "city", "US-ZZ-CITY", "hold: must_not", binds="[police_lockup]")
    assert decided(state, city, custodian="police_lockup").answers["hold"] == "must_not"
    assert decided(state, city, custodian="court").answers["hold"] == "may"
    assert decided(state, city).custodian == "county_jail"
    stack = stack_in_force([state, city], "US-ZZ-CITY", ON, VOCABULARY)
    assert stack.decide({}, "police_lockup").answers["hold"] == "must_not"
    assert stack.decide({"custodian": "court"}, "police_lockup").answers["hold"] == "may"


def test_where_nothing_binds_the_custodian_there_is_no_answer() -> None:
    with pytest.raises(InteropError) as caught:
        decided(a_policy("city", "city", "US-ZZ-CITY", "hold: must_not", binds="[police_lockup]"))
    assert caught.value.code == "no-policy"
    assert caught.value.sentence.startswith("no enacted policy on detainers binds a county_jail in US-ZZ-CITY on 2015")


@pytest.mark.parametrize("status", ["draft", "proposal", "counterfactual"])
def test_looking_up_by_place_and_date_finds_enacted_policies_only(status: str) -> None:
    state = a_policy("state", "state", "US-ZZ", "hold: may")
    other = a_policy("other", "city", "US-ZZ-CITY", "hold: must_not", status=status)
    assert decided(state, other).answers["hold"] == "may"


def test_a_policy_out_of_force_or_of_another_place_takes_no_part() -> None:
    state = a_policy("state", "state", "US-ZZ", "hold: may")
    neighbour = a_policy("neighbour", "city", "US-ZZ-CIT", "hold: must_not")
    past = a_policy("past", "city", "US-ZZ-CITY", "hold: must", in_force="{from: 2011-01-01, until: 2013-12-31}")
    assert [layer.policy for layer in decided(state, neighbour, past).layers] == ["state"]


def test_a_place_that_nothing_is_known_about_is_refused() -> None:
    with pytest.raises(InteropError) as caught:
        stack_in_force([a_policy("city", "city", "US-ZZ-CITY", "hold: may")], "US-ZZ-CITI", ON, VOCABULARY)
    assert caught.value.sentence == ("no policy is for 'US-ZZ-CITI' or a place above it. Did you mean 'US-ZZ-CITY'?")


@pytest.mark.parametrize(
    ("state", "city", "hours"),
    [
        ("hold: may", "hold: may", (24, "straight")),
        ("hold: must", "hold: may", (48, "excluding_weekends_and_holidays")),
        ("hold: may", "hold: must", (24, "straight")),
        ("hold: must_not", "hold: may", (None, None)),
        ("notify: may", "notify: may", (None, None)),
    ],
)
def test_the_hours_are_those_of_who_decides_and_the_shortest_where_it_is_left_open(
    state: str, city: str, hours: tuple[int | None, str | None]
) -> None:
    above = a_policy("state", "state", "US-ZZ", state, max_hold_hours="48", clock="excluding_weekends_and_holidays")
    below = a_policy("city", "city", "US-ZZ-CITY", city, max_hold_hours="24", clock="straight")
    assert decided(above, below).hours == hours


def test_an_answer_is_as_well_verified_as_the_least_verified_layer_that_decided() -> None:
    state = a_policy("state", "state", "US-ZZ", "hold: may", verified="summary")
    city = a_policy("city", "city", "US-ZZ-CITY", "notify: may", verified_through="2015-01-01")
    idle = a_policy("idle", "agency", "US-ZZ-CITY", "hold: may", verified="none")
    assert decided(state, idle).verified == "summary"
    assert decided(state, city).verified == "text; not verified for this date"
    assert decided(state, city, on=date(2015, 1, 1)).verified == "summary"


def test_an_unknown_fact_is_refused_even_if_no_layer_reads_it() -> None:
    with pytest.raises(InteropError, match="unknown fact 'chrge'"):
        decided(a_policy("state", "state", "US-ZZ", "hold: may"), chrge="felony")
