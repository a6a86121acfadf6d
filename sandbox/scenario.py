"""Scenario files: a place, a period, mixes, a regime and a policy; and what a run is pinned to because of them."""

from collections.abc import Sequence
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal

import holidays
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.biometric_match.events import Galleries
from services.biometric_match.records import RecordMixes
from services.booking.events import Agency, Discretion, Document, OutcomeShare, Pickup, RunSettings, Silence
from services.chassis.errors import InteropError
from services.chassis.policy.mistakes import Mistake, did_you_mean
from services.chassis.policy.page import Entries, Items, Node, Page

HOME = Path(__file__).resolve().parent.parent
"""Where scenarios/, policies/ and contracts/ are: beside the code, in a checkout and in the image alike."""

VOCABULARY = "vocabulary"
SUPERVISION_YEARS = 2
"""How far behind the period holidays are still needed: holds and sentences run on after the last booking."""

Share = Annotated[float, Field(ge=0, le=1)]
Hours = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Period(_Part):
    """The first and the last day on which people are booked."""

    since: date = Field(alias="from")
    until: date


class ChargeShare(_Part):
    """A charge, by weight."""

    ncic: str = Field(pattern=r"^[0-9]{4}$")
    literal: str
    offense_class: Literal["infraction", "misdemeanor", "felony", "serious_felony"]
    weight: float = Field(gt=0)
    minor_traffic: bool = False
    domestic_violence: bool = False
    local_offense_code: str | None = None


class Milestone(_Part):
    """Something that happens to a share of cases, so many hours after the booking."""

    share: Share
    hours: Hours


class ReleaseShare(_Part):
    """A span of hours after which people are let go, by weight."""

    weight: float = Field(gt=0)
    hours: Hours


class CustodyMix(_Part):
    """How criminal cases go."""

    charge_filed: Milestone
    held_to_answer: Milestone
    bond_posted: Milestone
    release: Annotated[tuple[ReleaseShare, ...], Field(min_length=1)]


class PeopleMix(_Part):
    """Who is booked: how many of them the federal files know."""

    in_ident: Share
    in_iafis_of_ident: Share
    in_iafis_of_others: Share
    groups: dict[str, Annotated[float, Field(ge=0)]]
    lawful_status_proof: Share


class Scenario(_Part):
    """A scenario file."""

    scenario: str
    title: str
    place: str
    time_zone: str
    period: Period
    regime: str
    policy: str
    agencies: dict[str, Agency]
    agency_weights: dict[str, float]
    capacity_per_day: dict[str, Annotated[int, Field(ge=0)] | None]
    people: PeopleMix
    charges: Annotated[tuple[ChargeShare, ...], Field(min_length=1)]
    custody: CustodyMix
    records: RecordMixes
    galleries: Galleries
    discretion: Discretion
    silence: Silence
    pickup: Pickup
    outcomes: dict[str, OutcomeShare]
    feedback: bool


class ScenarioError(InteropError):
    """A scenario file cannot be used; every mistake is a line `file:line:col: error: sentence`."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("bad-scenario", "\n".join(str(mistake) for mistake in mistakes))


def load_scenario(name: str, home: Path = HOME) -> Scenario:
    """The scenario of that name, or the one in that file.

    Raises:
        InteropError: `unknown-scenario`, with a suggestion.
        ScenarioError: the file has mistakes.
    """
    path = Path(name) if name.endswith(".yaml") else home / "scenarios" / f"{name}.yaml"
    if not path.is_file():
        known = names_in(home / "scenarios")
        raise InteropError(
            "unknown-scenario", f"no scenario '{name}'.{did_you_mean(name, known)} There are: {', '.join(known)}"
        )
    return parse_scenario(path.read_text(encoding="utf-8"), path.name)


def parse_scenario(text: str, name: str) -> Scenario:
    """The scenario in a text. `name` is what its mistakes are reported under.

    Raises:
        ScenarioError: the text has mistakes.
    """
    page = Page(text, name)
    try:
        return Scenario.model_validate(_data(page.root))
    except ValidationError as error:
        raise ScenarioError([_mistake(page.root, name, row) for row in error.errors(include_url=False)]) from error


def resolve(
    scenario: Scenario, *, seed: int, policy: str | None = None, regime: str | None = None, home: Path = HOME
) -> RunSettings:
    """What a run of this scenario is pinned to: its parameters, and the texts of its policies with their hashes.

    Raises:
        InteropError: `unknown-policy`, with a suggestion.
    """
    first, last = scenario.period.since.year, scenario.period.until.year + SUPERVISION_YEARS
    federal = holidays.country_holidays("US", years=range(first, last + 1))
    return RunSettings(
        scenario=scenario.scenario,
        seed=seed,
        opened_on=scenario.period.since,
        time_zone=scenario.time_zone,
        agencies=scenario.agencies,
        vocabulary=_document(VOCABULARY, home),
        ice_priority=_document(regime or scenario.regime, home),
        detainer=_document(policy or scenario.policy, home),
        capacity_per_day=scenario.capacity_per_day,
        discretion=scenario.discretion,
        silence=scenario.silence,
        pickup=scenario.pickup,
        outcomes=scenario.outcomes,
        feedback=scenario.feedback,
        holidays=tuple(sorted(federal)),
        records=scenario.records.model_dump(mode="json"),
        galleries=scenario.galleries.model_dump(mode="json"),
    )


def span(scenario: Scenario) -> timedelta:
    """How long the period lasts."""
    return scenario.period.until - scenario.period.since + timedelta(days=1)


def names_in(folder: Path) -> list[str]:
    """What a folder of files offers, by name."""
    return sorted(path.stem for path in folder.glob("*.yaml") if not path.stem.endswith(".cases"))


def _document(name: str, home: Path) -> Document:
    path = home / "policies" / f"{name}.yaml"
    if not path.is_file():
        known = [known for known in names_in(home / "policies") if known != VOCABULARY]
        raise InteropError(
            "unknown-policy", f"no policy '{name}'.{did_you_mean(name, known)} There are: {', '.join(known)}"
        )
    text = path.read_text(encoding="utf-8")
    return Document(id=name, text=text, sha256=sha256(text.encode()).hexdigest())


def _data(node: Node) -> Any:
    """The file as plain data. Values stay text: the model knows what each should be, and says so if it is not."""
    match node:
        case Entries(entries):
            return {key.text: _data(value) for key, value in entries}
        case Items(items):
            return [_data(item) for item in items]
        case _:
            return None if node.text in ("null", "~", "") else node.text


def _mistake(root: Node, name: str, row: Any) -> Mistake:
    where = _locate(root, row["loc"])
    place = ".".join(str(part) for part in row["loc"])
    if row["type"] == "extra_forbidden":
        known = _siblings(row["loc"])
        return Mistake(
            name, where.line, where.column, f"unknown key '{place}'.{did_you_mean(str(row['loc'][-1]), known)}"
        )
    return Mistake(name, where.line, where.column, f"'{place}': {row['msg'][0].lower()}{row['msg'][1:]}.")


def _locate(node: Node, loc: Sequence[int | str]) -> Node:
    """The innermost node that a location names; the key itself, where the mistake is the key."""
    for depth, part in enumerate(loc):
        if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            continue
        pair = (
            next((pair for pair in node.entries if pair[0].text == str(part)), None)
            if isinstance(node, Entries)
            else None
        )
        if pair is None:
            return node
        node = pair[0] if depth == len(loc) - 1 and not isinstance(pair[1], Entries | Items) else pair[1]
    return node


def _siblings(loc: Sequence[int | str]) -> list[str]:
    """The keys that are known at the place of an unknown one."""
    model: Any = Scenario
    for part in loc[:-1]:
        field = model.model_fields.get(str(part)) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return []
        model = field.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or key for key, field in model.model_fields.items()]
