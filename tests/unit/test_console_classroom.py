"""Class mode: what is written, that it keeps to itself, and that a phone comes to the lab's numbers."""

import hashlib
import json
import re
import shutil
import subprocess
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from html.parser import HTMLParser
from math import floor
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from console.classroom.bundle import joined
from console.classroom.cards import CASES, ROLES
from console.classroom.export import MAKER, PAGES, SCRIPTS, export
from console.classroom.population import population_of
from console.classroom.yardsticks import GUESS_LAWS, YARDSTICKS
from console.tables import policy_as_data
from sandbox.cli import app
from sandbox.compare import VARIANTS, Comparison, compare
from sandbox.home import NOTICE
from sandbox.lab.agency import ask, exercise
from sandbox.lab.assumptions import Assumptions
from sandbox.lab.crowd import crowd_of
from sandbox.lab.custody import custody_of
from sandbox.lab.docket import docket_of, practice_of
from sandbox.lab.measures import evaluate, measures_of
from sandbox.lab.profiles import count_under, profiles_of
from sandbox.lab.tables import matches_table
from sandbox.runs import Request, scenario_of, settings_of
from services.chassis.errors import InteropError
from services.chassis.policy import load_policy
from tests.unit.policy_files import the_vocabulary

REQUEST = Request("boston-2008-2010", 6_000, 7, gallery_rows=1_000_000, search="mates")
NATION = Request("us-2008-2011", 2_000, 11, gallery_rows=1_000_000, search="mates")
LARGEST = 600_000
"""Bytes of the page for the phones."""

DRIVER = Path(__file__).with_name("classroom.mjs")
LOGIC = [file for file in SCRIPTS if file.stem not in ("parts", "steps", "class")]
NEEDED = (
    "decide factsOf answersUnder countUnder measured LEVERS sha256ByHand sealOf codeOf readCode BadCode"
    " draftOf lawOf ownClause testsOf choosableFacts CLOSING"
)

Ask = Callable[..., list[Any]]


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of its scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._inside: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        kind = f"{tag} {dict(attrs).get('type') or ''}".strip()
        self._inside = kind if tag in ("script", "style") else self._inside

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside is not None:
            self.texts.setdefault(self._inside, []).append(data)


def data_of(page: str) -> dict[str, Any]:
    (text,) = Elements(page).texts["script application/json"]
    found: dict[str, Any] = json.loads(text)
    return found


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("class") / "hour"
    export(folder, REQUEST)
    return folder


@pytest.fixture(scope="module")
def data(hour: Path) -> dict[str, Any]:
    return data_of((hour / "class.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def on_the_phone(tmp_path_factory: pytest.TempPathFactory, data: Mapping[str, Any]) -> Ask:
    """`on_the_phone(task, ...)`: what the page's scripts come to under node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here to run the page's scripts with; the browser tests run them in Chromium")
    module = tmp_path_factory.mktemp("logic") / "logic.mjs"
    module.write_text(f"{joined(LOGIC)}\nexport {{ {', '.join(NEEDED.split())} }};\n", encoding="utf-8")

    def run(*tasks: Mapping[str, Any], data: Mapping[str, Any] = data) -> list[Any]:
        told = json.dumps({"data": data, "tasks": tasks})
        # Nothing but this repository's own files is run.
        done = subprocess.run(
            [node, DRIVER, module], input=told, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        answers: list[Any] = json.loads(done.stdout)
        return answers

    return run


def by_the_lab(request: Request, policies: Sequence[str]) -> list[dict[str, Any]]:
    """The yardsticks of each policy, as `interop compare` has them."""
    result = compare(Comparison(request, tuple(policies)))
    return [{each.measure: told["counted"][each.measure] for each in YARDSTICKS} for told in result["policies"]]


def test_a_phone_comes_to_the_labs_numbers_for_every_law(on_the_phone: Ask, data: Mapping[str, Any]) -> None:
    laws = data["laws"]
    assert len(laws) >= 30

    found = on_the_phone(*({"do": "measure", "law": law} for law in laws))

    assert dict(zip(laws, found, strict=True)) == dict(zip(laws, by_the_lab(REQUEST, laws), strict=True))


def test_a_phone_comes_to_the_labs_numbers_in_three_time_zones(on_the_phone: Ask, data: Mapping[str, Any]) -> None:
    nation = {**data, "population": population_of(NATION).data}

    found = on_the_phone(*({"do": "measure", "law": law} for law in GUESS_LAWS), data=nation)

    assert found == by_the_lab(NATION, GUESS_LAWS)


LONGER_HOLDS = """
policy: longer-holds
title: Longer holds
question: detainer
place: US-MA
status: counterfactual
in_force: {{from: 2008-01-01}}
source: made up for a test
verified: none
max_hold_hours: {hours}
clock: {clock}
clauses:
  - clause: all
    text: Everybody is held, and ICE may be told
    when: always
    then: {{hold: must, notify: may}}
"""


def by_the_lab_under(text: str) -> dict[str, dict[str, float | None]]:
    """The yardsticks under a policy that is in no folder, put together from the lab's parts."""
    scenario = scenario_of(REQUEST)
    settings = settings_of(scenario, REQUEST)
    crowd = crowd_of(scenario, settings, REQUEST.bookings, lambda _: None)
    docket = docket_of(crowd.people, crowd.found, settings)
    profiles = profiles_of(docket, matches_table(docket))
    policy = load_policy(text, "longer-holds.yaml", the_vocabulary())
    practice = replace(practice_of(settings), policy=policy)
    answers = ask(policy, docket.asked)
    values = {}
    for variant, used in VARIANTS.items():
        discretion = practice.discretion if used is None else dict.fromkeys(practice.discretion, used)
        done = exercise(answers, replace(practice, discretion=discretion), docket.drawn)
        counts = count_under(profiles, docket, done, custody_of(docket, done))
        values[variant] = evaluate(measures_of(["serious_felony"]), profiles, counts, Assumptions(), None)
    return {each.measure: {variant: values[variant][each.measure] for variant in VARIANTS} for each in YARDSTICKS}


@pytest.mark.parametrize(("hours", "clock"), [(96, "excluding_weekends_and_holidays"), (72, "straight")])
def test_a_phone_lets_holds_last_as_long_as_the_lab_does(on_the_phone: Ask, hours: int, clock: str) -> None:
    text = LONGER_HOLDS.format(hours=hours, clock=clock)
    law = policy_as_data(load_policy(text, "longer-holds.yaml", the_vocabulary()))

    assert on_the_phone({"do": "measure", "law": law}) == [by_the_lab_under(text)]


def test_sha_256_by_hand_is_sha_256(on_the_phone: Ask) -> None:
    texts = ["a" * length for length in (0, 1, 55, 56, 63, 64, 65, 119, 120, 300)] + ["größer als ein Block ▢ " * 5]

    found = on_the_phone(*({"do": "digest", "text": text} for text in texts))

    assert found == [[hashlib.sha256(text.encode()).hexdigest()] for text in texts]


def test_a_seal_is_the_beginning_of_the_digest_of_all_that_was_guessed(on_the_phone: Ask) -> None:
    sealed = {
        "people": "0a1b2c3d",
        "group": "Owls",
        "guesses": [30, 60, 50, 20, 10],
        "yardsticks": [0, 3, 7],
        "nonce": "0123456789abcdef",
    }
    written = json.dumps(["interop-class-1", *sealed.values()], separators=(",", ":"))
    digest = hashlib.sha256(written.encode()).hexdigest()

    changed = {**sealed, "guesses": [31, 60, 50, 20, 10]}
    seal, other = on_the_phone({"do": "seal", "sealed": sealed}, {"do": "seal", "sealed": changed})

    assert seal == f"{digest[:5]}-{digest[5:10]}"
    assert other != seal


def test_whatever_a_group_changes_its_law_still_answers_every_case(on_the_phone: Ask, data: Mapping[str, Any]) -> None:
    cases = len(CASES) + data["population"]["sets"]["count"]

    found = on_the_phone(*({"do": "edited", "seed": seed} for seed in (1, 2, 3)))

    assert found == [cases * len(data["laws"])] * 3


def test_a_clause_of_a_groups_own_prevails_over_the_law(on_the_phone: Ask) -> None:
    assert on_the_phone({"do": "overruled"}) == [["may", "must_not"]]


def test_a_code_brings_back_the_law_that_a_group_has_made(on_the_phone: Ask, data: Mapping[str, Any]) -> None:
    (codes,) = on_the_phone({"do": "codes", "seed": 5})

    assert len(codes) == len(data["laws"])
    assert all(re.fullmatch(r"IC1\.[A-Za-z0-9_-]+\.[0-9a-f]{4}", code) for code in codes)


def test_a_code_that_is_not_exactly_as_it_was_written_is_refused(on_the_phone: Ask) -> None:
    (codes,) = on_the_phone({"do": "codes", "seed": 5})
    code = codes[0]
    changed = code[:20] + ("A" if code[20] != "A" else "B") + code[21:]
    lost = "a part of it was lost on the way"

    found = on_the_phone(
        *({"do": "refusal", "code": each} for each in (code, changed, code[:-3], "", "<img src=x>", "IC1.e30.0000")),
        {"do": "refusal", "told": {"group": "<b>Owls</b>"}},
        {"do": "refusal", "told": {"group": "x" * 31}},
        {"do": "refusal", "told": {"guesses": [1, 2, 3, 4, 101]}},
        {"do": "refusal", "told": {"yardsticks": [1, 1, 2]}},
        {"do": "refusal", "told": {"nonce": "secret"}},
    )

    assert found[0] == "read: Owls"
    assert [lost in each for each in found[1:]] == [True] * 10


def test_a_code_of_another_page_is_refused_with_what_to_do(on_the_phone: Ask, data: Mapping[str, Any]) -> None:
    (codes,) = on_the_phone({"do": "codes", "seed": 5})

    (found,) = on_the_phone({"do": "refusal", "code": codes[0]}, data={**data, "id": "00000000"})

    assert "Use one class.html for the whole class" in found


def test_yardsticks_of_supporters_and_critics_are_as_many_and_stand_in_turn(data: Mapping[str, Any]) -> None:
    sides = [each.often_asked_by for each in YARDSTICKS]

    assert sides == ["supporters", "critics"] * (len(sides) // 2)
    assert not any("often_asked_by" in each for each in data["population"]["yardsticks"])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_it_is_and_loads_nothing(hour: Path, name: str) -> None:
    text = (hour / name).read_text(encoding="utf-8")
    elements = Elements(text).found

    assert NOTICE in text
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "https://" not in text
    assert not [(tag, each) for tag, attributes in elements for each in attributes if each.startswith("on")]
    assert not [
        (tag, each) for tag, attributes in elements for each in attributes if each in ("style", "src", "srcset")
    ]
    assert not [tag for tag, _ in elements if tag in ("link", "iframe", "object", "embed", "img", "base")]


@pytest.mark.parametrize("name", PAGES)
def test_a_pages_own_policy_allows_its_style_and_script_by_hash_and_nothing_else(hour: Path, name: str) -> None:
    elements = Elements((hour / name).read_text(encoding="utf-8"))
    policy = next(each["content"] for _, each in elements.found if each.get("http-equiv") == "Content-Security-Policy")
    allowed = dict(part.split(" ", 1) for part in (policy or "").split("; "))

    def hashed(kind: str) -> str:
        text = "".join(elements.texts[kind])
        return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert allowed["default-src"] == "'none'"
    assert allowed["style-src"] == hashed("style")
    assert allowed["script-src"] == (hashed("script module") if name == "class.html" else "'none'")


def test_the_page_for_the_phones_is_small(hour: Path) -> None:
    assert (hour / "class.html").stat().st_size < LARGEST


def test_nobody_is_given_the_part_of_the_arrested_person() -> None:
    assert len(ROLES) == len({role.name for role in ROLES}) == 10
    assert not [role.name for role in ROLES if re.search("arrest|detain|accused|suspect|immigrant", role.name, re.I)]


def test_cases_are_labels_and_facts_that_laws_know() -> None:
    vocabulary = the_vocabulary()

    assert len(CASES) == 10
    for case in CASES:
        assert re.fullmatch(r"[A-Z][a-z]+-\d+", case.label)
        assert dict(vocabulary.canonical(case.facts)) == dict(case.facts)


def test_the_teachers_answers_are_the_labs(hour: Path) -> None:
    first, second = (each["held"]["dot"] for each in by_the_lab(REQUEST, GUESS_LAWS))
    cases = data_of((hour / "class.html").read_text(encoding="utf-8"))["population"]["cases"]["profile"]
    text = (hour / "teacher.html").read_text(encoding="utf-8")

    answers = re.findall(r"<li>Of .*?<strong>(\d+)</strong></li>", text)

    assert answers[2:4] == [str(floor(100 * held / len(cases) + 0.5)) for held in (first, second)]


def test_an_export_writes_over_its_own_files_and_over_nobody_elses(tmp_path: Path) -> None:
    small = Request("boston-2008-2010", 1_000, 7, gallery_rows=1_000_000, search="mates")
    export(tmp_path, small)
    export(tmp_path, small)
    (tmp_path / "cards.html").write_text("<p>Cards of my own</p>", encoding="utf-8")
    before = (tmp_path / "class.html").stat().st_mtime_ns

    with pytest.raises(InteropError, match=rf"cards.html' was not made by '{MAKER}' and is left alone") as refused:
        export(tmp_path, small)

    assert refused.value.code == "not-ours"
    assert (tmp_path / "cards.html").read_text(encoding="utf-8") == "<p>Cards of my own</p>"
    assert (tmp_path / "class.html").stat().st_mtime_ns == before


def test_the_command_says_what_it_wrote_and_how_to_hand_it_out(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["class", "export", str(tmp_path / "hour"), "--bookings", "1000"])
    as_json = CliRunner().invoke(app, ["class", "export", str(tmp_path / "hour"), "--bookings", "1000", "--json"])

    assert "class.html" in told.output
    assert "python3 -m http.server" in told.output
    assert json.loads(as_json.output)["files"].keys() == set(PAGES)


def test_scripts_that_cannot_be_joined_are_refused(tmp_path: Path) -> None:
    (tmp_path / "one.js").write_text("export const same = 1;\n", encoding="utf-8")
    (tmp_path / "two.js").write_text('import { same } from "./one.js";\nconst same = 2;\n', encoding="utf-8")
    (tmp_path / "far.js").write_text('import x from "https://example.org/x.js";\n', encoding="utf-8")

    assert joined([tmp_path / "one.js"]) == "const same = 1;\n"
    with pytest.raises(InteropError, match="has the name 'same' twice"):
        joined([tmp_path / "one.js", tmp_path / "two.js"])
    with pytest.raises(InteropError, match="has 'import x"):
        joined([tmp_path / "far.js"])
