"""What stands whatever the agency's policy says: who is matched, what ICE lodges, and how each case would go on.

It is made once, and any number of policies are then asked about it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Questions, Stages, questions, stages
from sandbox.lab.chances import chances
from sandbox.lab.days import days_of, midnight_after
from sandbox.lab.holds import deadlines
from sandbox.lab.ice import LODGED, Arrivals, Triage, arrivals, triage
from sandbox.lab.matches import Matches, Searches, matches
from sandbox.population import People
from services.booking.domain import Place
from services.booking.events import RunOpened, RunSettings
from services.booking.hold_clock import ClockRule
from services.booking.run import place_of
from services.chassis.envelope import encode
from services.chassis.policy import load_policy, load_vocabulary
from services.detainer.cooperation import Practice
from services.detainer.run import regime_of
from services.detainer.triage import Regime

Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Docket:
    """The cases of a run before any policy is asked. Entries of `cases` count matches; all that follow count cases."""

    people: People
    found: Searches
    settings: RunSettings
    regime: Regime
    place: Place
    matched: Matches
    triaged: Triage
    cases: Integers
    """The matches with a detainer that came before the release."""

    came_in_vain: Integers
    """The matches for whom ICE sets out although its detainer came after the release."""

    ahead: Stages
    asked: Questions
    coming: Arrivals

    @property
    def release_at(self) -> Integers:
        """When the criminal case lets go of each person."""
        release_at: Integers = self.ahead.at[RELEASABLE]
        return release_at

    @cached_property
    def subjects(self) -> list[bytes]:
        """The references of the bookings, encoded."""
        return _references(self.people, self.matched.index[self.cases])

    @cached_property
    def first_close(self) -> Integers:
        """When the day of the detainer closes: ICE then sees whether it has been told of the release."""
        zone = self.regime.time_zone
        return midnight_after(days_of(self.triaged.lodged_at[self.cases], zone), zone)

    @cached_property
    def _drawn(self) -> dict[str, NDArray[np.float64]]:
        return {}

    @cached_property
    def _deadlines(self) -> dict[tuple[float, ClockRule], Integers]:
        return {}

    def drawn(self, lever: str) -> NDArray[np.float64]:
        """The one draw a case with which the agency uses a lever that it may use."""
        if lever not in self._drawn:
            self._drawn[lever] = chances(self.settings.seed, f"discretion.{lever}", self.subjects)
        return self._drawn[lever]

    def deadline(self, hours: float, rule: ClockRule) -> Integers:
        """When holds of so many hours would end."""
        if (hours, rule) not in self._deadlines:
            agency = self.people.agency[self.matched.index[self.cases]]
            ends = np.empty(len(self.cases), np.int64)
            for place, ori in enumerate(self.people.scenario.agencies):
                there = agency == place
                ends[there] = deadlines(self.release_at[there], hours, rule, self.place.zone(ori), self.place.holidays)
            self._deadlines[hours, rule] = ends
        return self._deadlines[hours, rule]


def docket_of(people: People, found: Searches, settings: RunSettings) -> Docket:
    """Everything up to the detainers, and what ICE would do about each.

    Args:
        people: all bookings of the run that were matched, at least, in order: day lists need them all.
        found: what the searches answered about them.
        settings: what the run is pinned to.

    Raises:
        InteropError: as `decide` does.
    """
    opened = _opened(settings)
    regime, place = regime_of(opened), place_of(opened)
    matched = matches(people, found, settings)
    triaged = triage(people, matched, regime)

    lodged = np.flatnonzero(triaged.decided == LODGED)
    coming = arrivals(regime, _references(people, matched.index[lodged]), triaged.priority[lodged])
    on_file = people.custody["release_at"][matched.index[lodged]] > triaged.lodged_at[lodged]
    cases = lodged[on_file]
    ahead = stages(people, matched.index[cases], triaged.lodged_at[cases])
    vocabulary = load_vocabulary(settings.vocabulary.text, settings.vocabulary.id)
    return Docket(
        people=people,
        found=found,
        settings=settings,
        regime=regime,
        place=place,
        matched=matched,
        triaged=triaged,
        cases=cases,
        came_in_vain=lodged[~on_file & coming.comes_untold],
        ahead=ahead,
        asked=questions(people, matched, cases, ahead, place, settings.opened_on, vocabulary),
        coming=coming.of(on_file),
    )


def practice_of(settings: RunSettings) -> Practice:
    """The policy of a run and the agency's habits, as `services.detainer.run` reads them from its `run.opened`.

    Raises:
        PolicyError: the policy's text cannot be used.
    """
    vocabulary = load_vocabulary(settings.vocabulary.text, settings.vocabulary.id)
    return Practice(
        seed=settings.seed,
        policy=load_policy(settings.detainer.text, settings.detainer.id, vocabulary),
        discretion=settings.discretion.model_dump(),
        silence=settings.silence.model_dump(),
    )


def _opened(settings: RunSettings) -> bytes:
    """`run.opened` as the services would read it."""
    # The settings were checked when they were made, and to check them again would take longer than a small run.
    data = RunOpened.model_construct(**dict(settings), disclosures=())
    at = datetime.combine(settings.opened_on, time(), ZoneInfo(settings.time_zone)).astimezone(UTC)
    about = settings.opened_on.isoformat()
    return encode(data, identity="lab", runid="lab", subject=about, time=at, tcn=None, cause=None)


def _references(people: People, chosen: Integers) -> list[bytes]:
    return [subject.encode() for subject in people.subjects(chosen)]
