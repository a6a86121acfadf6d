"""What the agency sees of one booking: what it was told, and by name what it is not told in reality."""

from datetime import date
from typing import Any

from pydantic import AwareDatetime, BaseModel

from services.booking.clock import Reading
from services.booking.domain import BookingCase, is_too_late
from services.booking.events import Handled


class BookingView(BaseModel):
    """The answer of `GET /bookings/{tcn}`."""

    tcn: str
    run: str
    booking: str
    label: str
    booked_at: AwareDatetime
    charge: str
    custody: str
    handled: Handled
    identification: dict[str, Any] | None
    second_response: str | None
    detainer: dict[str, Any] | None
    hold_started_at: AwareDatetime | None
    outcome: str | None
    open_day: date
    not_told: list[str]


def booking_view(runid: str, tcn: str, case: BookingCase, reading: Reading) -> BookingView:
    """What the agency knows on the open day of the run."""
    return BookingView(
        tcn=tcn,
        run=runid,
        booking=f"{case.ori}/{case.oca}",
        label=case.label,
        booked_at=case.booked_at,
        charge=case.charge.literal,
        custody=_custody(case, reading),
        handled=case.handled,
        identification=_identification(case),
        second_response=case.second_response,
        detainer=_detainer(case),
        hold_started_at=case.hold_started_at,
        outcome=case.outcome,
        open_day=reading.open_day,
        not_told=_not_told(case),
    )


def _custody(case: BookingCase, reading: Reading) -> str:
    if case.handled == "cited":
        return "cited, and let go"
    walked_out = reading.day_of(case.plan.release_at) < reading.open_day
    if case.custody == "in_custody" and not case.on_file and walked_out:
        return "released"
    return case.custody


def _identification(case: BookingCase) -> dict[str, Any] | None:
    if case.identification is None:
        return None
    return case.identification.model_dump(mode="json", exclude={"disclosures"}, exclude_none=True)


def _detainer(case: BookingCase) -> dict[str, Any] | None:
    if case.detainer_at is None:
        return None
    lodged = {"form": case.detainer_form, "lodged_at": case.detainer_at.isoformat(), "on_file": case.on_file}
    if is_too_late(case, case.detainer_at):
        return {**lodged, "note": "it came after the person was released"}
    return lodged if case.on_file else {**lodged, "note": "it waits for the answer of the FBI"}


def _not_told(case: BookingCase) -> list[str]:
    """What the real agency never hears (domain.md 1.3): each as a sentence, so that the silence can be seen."""
    if case.handled != "submitted":
        return [_NEVER_ASKED[case.handled]]
    missing = ["what IDENT searched and whom else it told"]
    if case.second_response is None:
        missing.append("whether there was a match at all: a second response comes only when there is one")
    if case.detainer_at is None:
        missing.append("why no detainer was lodged, if there was a match")
    if case.outcome is None:
        missing.append("what became of the person after a transfer (only with the feedback lever on)")
    return missing


_NEVER_ASKED = {
    "cited": (
        "whether the FBI or DHS knows the person: no answer will ever come, because the person was cited without prints"
    ),
    "kept": "whether the FBI or DHS knows the person: no answer will ever come, because the agency kept the prints",
}
"""Why no answer comes, where nothing was submitted."""
