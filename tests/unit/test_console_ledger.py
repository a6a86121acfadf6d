"""My ledger's page: who can be chosen, and the command that makes a token for them."""

from typing import Any

from console.ledger.people import commands_for, people_of


def booked(oca: str, label: str, run: str = "live") -> dict[str, Any]:
    return {
        "subject": f"ZZ0130100/{oca}",
        "runid": run,
        "tcn": "ZZ2C2081F03878D2D0CF",
        "data": {
            "label": label,
            "booked_at": "2010-02-12T07:14:09+00:00",
            "charge": {"offense_class": "serious_felony"},
            "handled": "submitted",
        },
    }


def test_people_who_were_booked_are_listed_once_the_newest_first() -> None:
    people = people_of([booked("B-2", "Heron-41"), booked("B-1", "Jackdaw-54"), booked("B-2", "Heron-41", "boston")])
    assert [(each.subject, each.label, each.run) for each in people] == [
        ("ZZ0130100/B-2", "Heron-41", "live"),
        ("ZZ0130100/B-1", "Jackdaw-54", "live"),
    ]
    assert people[0].booked_at == "2010-02-12 07:14"


def test_the_command_for_a_token_is_ready_for_each_way_to_run_the_house() -> None:
    assert [command for _, command in commands_for("ZZ0130100/B-2")] == [
        "interop audit token subject ZZ0130100/B-2",
        "docker compose exec audit interop audit token subject ZZ0130100/B-2",
    ]


def test_a_reference_that_a_shell_would_read_as_more_than_a_name_is_quoted() -> None:
    assert [command for _, command in commands_for("ZZ0130100/B $(reboot)")] == [
        "interop audit token subject 'ZZ0130100/B $(reboot)'",
        "docker compose exec audit interop audit token subject 'ZZ0130100/B $(reboot)'",
    ]
