"""What a run of a scenario is pinned to: its parameters, its rates at the size of the sample, its policies' texts."""

from datetime import date
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import holidays

from sandbox.home import HOME
from sandbox.scenario.files import names_in
from sandbox.scenario.model import BY_DATE, Period, Scenario
from services.booking.events import DatedDocument, Document, RunSettings
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, Vocabulary, load_policy, load_vocabulary
from services.chassis.policy.folder import text_of, unknown_policy
from services.chassis.policy.mistakes import did_you_mean

VOCABULARY = "vocabulary"
SHARING, PRIORITY, DETAINER = "sharing", "ice_priority", "detainer"
"""The three questions."""

REGIMES = "ice-r*.yaml"
SUPERVISION_YEARS = 2
"""How far behind the period holidays are still needed: holds and sentences run on after the last booking."""

CAPACITY_DIGITS = 9


def resolve(
    scenario: Scenario,
    *,
    seed: int,
    bookings: int | None = None,
    policy: str | None = None,
    regime: str | None = None,
    sharing: str | None = None,
    home: Path = HOME,
) -> RunSettings:
    """What a run of this scenario is pinned to.

    Args:
        scenario: the scenario, under one of its explanations.
        seed: the run's seed.
        bookings: how many bookings sample the period; daily capacities shrink or grow with them. None: all of them.
        policy: a policy instead of the scenario's on the question that it answers, whichever of the three: the id of
            one of `policies/`, or the path of a file, which ends with `.yaml`; so for the two below.
        regime: ICE's priority regime, instead of the scenario's; `by-date` for the one in force on each day.
        sharing: how far prints go, instead of what the scenario says.
        home: the folder that holds `policies/`.

    Raises:
        InteropError: `unknown-policy` or `unknown-priority`, with a suggestion; `wrong-question`, when `sharing` or
            `regime` is a policy about something else; `no-regime`, when none was in force on the first day.
        PolicyError: the file of a policy has mistakes.
    """
    _check_priorities(scenario, home)
    asked = None if policy is None else question_of(policy, home)
    first, last = scenario.period.since.year, scenario.period.until.year + SUPERVISION_YEARS
    federal = holidays.country_holidays("US", years=range(first, last + 1))
    return RunSettings(
        scenario=scenario.scenario,
        seed=seed,
        opened_on=scenario.period.since,
        time_zone=scenario.time_zone,
        agencies=scenario.agencies,
        vocabulary=_document(VOCABULARY, home),
        sharing=_about(SHARING, sharing or (policy if policy and asked == SHARING else scenario.sharing), home),
        ice_priority=_regimes(scenario, regime or (policy if policy and asked == PRIORITY else scenario.regime), home),
        detainer=_about(DETAINER, policy if policy and asked == DETAINER else scenario.policy, home),
        capacity_per_day=_capacity(scenario, bookings),
        discretion=scenario.discretion,
        silence=scenario.silence,
        pickup=scenario.pickup,
        outcomes=scenario.outcomes,
        feedback=scenario.feedback,
        holidays=tuple(sorted(federal)),
        records=scenario.records.model_dump(mode="json"),
        galleries=scenario.galleries.model_dump(mode="json"),
    )


def with_gallery_rows(scenario: Scenario, rows: int) -> Scenario:
    """The same scenario with galleries of another size; as many of their people are in both, in proportion.

    In a small gallery the same few people are booked over and over; what a large run counts is then known less well
    than the number of its bookings suggests.
    """
    overlap = rows * scenario.galleries.overlap // scenario.galleries.rows
    galleries = scenario.galleries.model_copy(update={"rows": rows, "overlap": overlap})
    return scenario.model_copy(update={"galleries": galleries})


def in_days(scenario: Scenario, since: date, until: date) -> Scenario:
    """The same scenario over other days, evenly booked: what is known of its real volume is about its own."""
    period = Period.model_validate({"from": since, "until": until})
    return scenario.model_copy(update={"period": period, "volume": (), "published": ()})


def sample_share(scenario: Scenario, bookings: int | None) -> Fraction:
    """How many bookings stand for one real submission; 1 where nothing real is modelled."""
    if scenario.real_volume is None or bookings is None:
        return Fraction(1)
    return Fraction(bookings, scenario.real_volume)


def _capacity(scenario: Scenario, bookings: int | None) -> dict[str, float | None]:
    share = sample_share(scenario, bookings)
    return {
        office: None if limit is None else round(float(Fraction(str(limit)) * share), CAPACITY_DIGITS)
        for office, limit in scenario.capacity_per_day.items()
    }


def _check_priorities(scenario: Scenario, home: Path) -> None:
    """Every priority that a pick-up rate is for is one that a regime can answer."""
    known = [*_vocabulary(home).questions["ice_priority"].answers, "otherwise"]
    for name in scenario.pickup.told_rate:
        if name not in known:
            raise InteropError(
                "unknown-priority",
                f"'pickup.told_rate' names '{name}', which is no priority.{did_you_mean(name, known)}",
            )


def _vocabulary(home: Path) -> Vocabulary:
    return load_vocabulary((home / "policies" / f"{VOCABULARY}.yaml").read_text(encoding="utf-8"), VOCABULARY)


def _regimes(scenario: Scenario, regime: str, home: Path) -> tuple[DatedDocument, ...]:
    opened_on = scenario.period.since
    if regime != BY_DATE:
        return (DatedDocument(since=opened_on, **_about(PRIORITY, regime, home).model_dump()),)
    dated: list[DatedDocument] = []
    for path in sorted((home / "policies").glob(REGIMES)):
        if path.stem not in names_in(home / "policies"):
            continue
        document = _document(path.stem, home)
        known = load_policy(document.text, path.stem, _vocabulary(home))
        if _in_force_within(known, scenario):
            dated.append(DatedDocument(since=max(known.since, opened_on), **document.model_dump()))
    dated.sort(key=lambda document: document.since)
    if not dated or dated[0].since != opened_on:
        raise InteropError("no-regime", f"no enacted priority regime of policies/ was in force on {opened_on}")
    return tuple(dated)


def question_of(policy: str, home: Path = HOME) -> str:
    """Which question a policy answers.

    Raises:
        InteropError: `unknown-policy`, with a suggestion.
    """
    document = _document(policy, home)
    return load_policy(document.text, document.id, _vocabulary(home)).question.name


def identity_of(policy: str, home: Path = HOME) -> str:
    """The id of a policy that is named by it, or by the path of its file.

    Raises:
        InteropError: `unknown-policy`, with a suggestion; PolicyError, when the file has mistakes.
    """
    return _document(policy, home).id


def _about(question: str, policy: str, home: Path) -> Document:
    answered = question_of(policy, home)
    if answered != question:
        raise InteropError("wrong-question", f"'{policy}' answers '{answered}', and not '{question}'")
    return _document(policy, home)


def _in_force_within(policy: Policy, scenario: Scenario) -> bool:
    ends = policy.until
    begun = policy.since <= scenario.period.until
    return policy.status == "enacted" and begun and (ends is None or ends >= scenario.period.since)


def _document(name: str, home: Path) -> Document:
    is_path = name.endswith(".yaml")
    path = Path(name) if is_path else home / "policies" / f"{name}.yaml"
    if not path.is_file():
        raise unknown_policy(name, [known for known in names_in(home / "policies") if known != VOCABULARY])
    text = text_of(path)
    # What a file of somebody's own is called is theirs to choose; what its policy is called stands in it.
    identity = load_policy(text, path.name, _vocabulary(home)).id if is_path else name
    return Document(id=identity, text=text, sha256=sha256(text.encode()).hexdigest())
