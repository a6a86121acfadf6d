"""Switches that break the house on purpose, what to expect of each, and the way back.

They are the chassis' own (`services/chassis/faults.py`); the console only turns them. Redis is restarted by the stack.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from console.flow.redis_restart import restart_redis
from console.flow.words import counted
from console.house import House, answered
from services.chassis.errors import InteropError

REDIS = "redis"


@dataclass(frozen=True, slots=True)
class Switch:
    """One way to break the house.

    Attributes:
        key: what it is called in addresses.
        button: what the button says.
        service: whose switch it is; `redis` for the streams' server.
        path: below `/faults` of that service.
        body: what it is sent.
        expect: what will be seen, in plain words.
        back: the key of the switch that undoes it, if nothing else does.
    """

    key: str
    button: str
    service: str
    path: str
    expect: str
    body: Mapping[str, Any] = field(default_factory=dict)
    back: str | None = None


SWITCHES: tuple[Switch, ...] = (
    Switch(
        "pause",
        "Stop the matcher",
        "biometric_match",
        "pause",
        "The jail goes on booking. Submissions wait in the stream, and their number grows. Days stop closing, because a"
        " day closes only when nothing is under way.",
        back="resume",
    ),
    Switch(
        "slow",
        "Slow the matcher down",
        "biometric_match",
        "slow",
        "It takes one entry after the other, and waits half a second before each. The backlog grows, then shrinks.",
        {"milliseconds": 500},
        back="full-speed",
    ),
    Switch(
        "exit",
        "Crash the matcher",
        "biometric_match",
        "exit",
        "The process ends in the middle of everything. Whoever started it starts it again; what it had in hand was not"
        " acknowledged, so it is taken up again, and nothing happens twice.",
    ),
    Switch(
        "poison",
        "Send an entry that nobody can read",
        "booking",
        "poison",
        "Each group that reads the stream puts it aside as a dead letter, with the reason, and goes on with the next.",
        {"kind": "garbage"},
    ),
    Switch(
        "twice",
        "Deliver events twice",
        "booking",
        "twice",
        "The newest events are sent again under their own ids. Everybody knows the ids, and drops them.",
        {"entries": 20},
    ),
    Switch(
        "restart-redis",
        "Restart Redis",
        REDIS,
        "",
        "The server of the streams is killed and started again on its data. The services wait for it, and go on.",
    ),
)
"""What the page offers, in its order."""

WAYS_BACK: tuple[Switch, ...] = (
    Switch("resume", "Let the matcher go on", "biometric_match", "resume", "It takes up what has been waiting."),
    Switch(
        "full-speed",
        "Full speed again",
        "biometric_match",
        "slow",
        "It takes entries as fast as it can.",
        {"milliseconds": 0},
    ),
)

_ALL = {switch.key: switch for switch in (*SWITCHES, *WAYS_BACK)}


async def turn(house: House, key: str) -> dict[str, Any]:
    """Turns a switch, and tells what has happened, as the service tells it and in a sentence (`says`).

    Raises:
        InteropError: `unknown-switch`; `switches-off`, where the services were not started with them; and what the
            service or the stack refuses.
    """
    switch = _ALL.get(key)
    if switch is None:
        raise InteropError("unknown-switch", f"there is no switch '{key}'; there are: {', '.join(_ALL)}", status=404)
    if switch.service == REDIS:
        restarted = await restart_redis(house.settings)
        return {**restarted, "says": f"Redis was away for {restarted['seconds']:.1f} s, and is back."}
    response = await house.ask(switch.service, "POST", f"/faults/{switch.path}", json=dict(switch.body))
    if response.status_code == 404:  # noqa: PLR2004  not found
        raise InteropError(
            "switches-off", "the services were started without these switches; set SANDBOX_FAULTS=1", status=409
        )
    told: dict[str, Any] = answered(response)
    return {**told, "says": _SAYS[key](told)}


_SAYS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "pause": lambda _: "The matcher has stopped. Book somebody, and see the submission wait.",
    "resume": lambda _: "The matcher goes on with what was waiting.",
    "slow": lambda _: "The matcher waits half a second before each entry.",
    "full-speed": lambda _: "The matcher goes at full speed.",
    "exit": lambda _: "The matcher has ended, and is being started again.",
    "poison": lambda told: (
        f"An entry that nobody can read is in {told['stream']}; these put it aside: {', '.join(told['groups'])}."
    ),
    "twice": lambda told: f"Sent a second time, under their own ids: {counted(sum(told['sent'].values()), 'event')}.",
}
"""What has happened, by switch, from what the service told."""
