"""What docker-compose.yml lets each service do in Redis is what its code does: no stream less, and none more."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

from services.audit.app import build as build_audit
from services.audit.events import WATCHED, CheckpointPublished
from services.audit.settings import AuditSettings
from services.biometric_match.app import build as build_biometric_match
from services.biometric_match.settings import MatcherSettings
from services.booking.app import BookingSettings, build as build_booking
from services.booking.house import READERS
from services.chassis.delivery import keys
from services.chassis.service import Service
from services.detainer.app import build as build_detainer
from services.detainer.policies import DetainerSettings

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
ELSEWHERE = SecretStr("redis://127.0.0.1:1/0")

BUILDERS: dict[str, Callable[[Path], Service]] = {
    "booking": lambda folder: build_booking(BookingSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "biometric_match": lambda folder: build_biometric_match(MatcherSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "detainer": lambda folder: build_detainer(DetainerSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "audit": lambda folder: build_audit(AuditSettings(redis_url=ELSEWHERE, state_dir=folder)),
}

STREAMS = frozenset(map(keys.stream, (*WATCHED, CheckpointPublished.event_type)))
GROUPS = frozenset({group for groups in READERS.values() for group in groups} | {"audit", "audit.report"})
GRAVES = frozenset(keys.dead_letters(event_type, group) for event_type in WATCHED for group in GROUPS)


@dataclass(frozen=True)
class Permission:
    """Commands, and the keys that they may be used on. A user's first is its own, the others stand in brackets."""

    commands: frozenset[str]
    keys: tuple[str, ...]

    @classmethod
    def of(cls, rules: str) -> "Permission":
        words = rules.split()
        commands = frozenset(word for word in words if word[0] in "+-")
        return cls(commands, tuple(word for word in words if word[0] in "~%"))

    def writes(self, names: Iterable[str]) -> set[str]:
        patterns = [key.removeprefix("~") for key in self.keys if key.startswith("~")]
        return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}

    def reads(self, names: Iterable[str]) -> set[str]:
        patterns = [key.removeprefix("%R").removeprefix("~") for key in self.keys]
        return {name for name in names if any(fnmatchcase(name, pattern) for pattern in patterns)}


@pytest.fixture(params=BUILDERS)
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    built = BUILDERS[request.param](tmp_path)
    yield built
    for end in built.endings:
        end()


@cache
def users() -> dict[str, str]:
    """What docker-compose.yml has to say about each user."""
    environment: dict[str, str] = YAML(typ="safe", pure=True).load(COMPOSE)["services"]["redis"]["environment"]
    return environment


def permissions(user: str) -> list[Permission]:
    rules = users()[user]
    return [Permission.of(re.sub(r"\(.*?\)", "", rules)), *map(Permission.of, re.findall(r"\((.*?)\)", rules))]


def with_command(service: Service, command: str) -> list[Permission]:
    return [each for each in permissions(service.name.upper()) if f"+{command}" in each.commands]


def own_graves(service: Service) -> set[str]:
    """Where the groups of a service bury what they cannot process."""
    return {keys.dead_letters(stage.event_type, stage.group.name) for stage in service.stages}


def published(service: Service) -> set[str]:
    return {keys.stream(model.event_type) for model in service.publishes}


def test_a_service_may_add_to_the_streams_that_it_publishes_and_to_no_other(service: Service) -> None:
    (adding,) = with_command(service, "xadd")

    assert adding.commands == {"+xadd"}
    assert adding.writes(STREAMS) == published(service)


def test_a_service_reaches_the_streams_that_it_reads_or_publishes_and_no_other(service: Service) -> None:
    everywhere, *_ = permissions(service.name.upper())

    reads = {stage.stream for stage in service.stages}
    watched_by_the_clock = set(map(keys.stream, READERS)) if service.name == "booking" else set()
    assert everywhere.reads(STREAMS) == everywhere.writes(STREAMS)
    assert everywhere.writes(STREAMS) == reads | published(service) | watched_by_the_clock


def test_a_service_buries_what_its_own_groups_cannot_process_and_nobody_elses(service: Service) -> None:
    everywhere, *_ = permissions(service.name.upper())
    (adding,) = with_command(service, "xadd")
    own = {group.name for group in (stage.group for stage in service.stages)}

    assert own_graves(service) <= adding.writes(GRAVES) == everywhere.writes(GRAVES)
    assert {grave.rpartition(":")[2] for grave in adding.writes(GRAVES)} == own
    assert everywhere.writes(map(keys.failures, GROUPS)) == set(map(keys.failures, own))


def test_nobody_but_audit_sees_dead_letters_of_others_and_they_are_of_streams_that_it_reads(service: Service) -> None:
    everywhere, *_ = permissions(service.name.upper())
    (adding,) = with_command(service, "xadd")

    others = everywhere.reads(GRAVES) - adding.writes(GRAVES)
    assert bool(others) == (service.name == "audit")


def test_audit_alone_removes_entries_and_it_does_that_where_a_person_can_stand(service: Service) -> None:
    removing = [each for each in with_command(service, "xdel") if each.writes(STREAMS | GRAVES)]

    assert len(removing) == (service.name == "audit")
    for each in removing:
        assert each.commands == {"+xdel"}
        assert each.writes(map(keys.stream, WATCHED)) == set(map(keys.stream, WATCHED))
        assert each.writes(GRAVES) == set()


def test_the_matcher_alone_follows_a_script_and_notes_what_it_has_answered_so() -> None:
    script = {keys.expectations("run"), keys.scripted("run")}

    for user in users().keys() - {"DEFAULT", "BIOMETRIC_MATCH"}:
        assert not any(each.writes(script) for each in permissions(user)), user
    following, forgetting = [each for each in permissions("BIOMETRIC_MATCH") if each.writes(script)]
    assert following.writes(script) == script
    assert forgetting.commands == {"+expire"}
    allowed = permissions("SERVICE")[0].commands
    assert {"+@read", "+hset", "+hdel"} <= allowed


def test_the_matcher_alone_asks_shards_and_strikes_off_what_they_have_answered() -> None:
    asked = {keys.shard("biometric_match", 1, 2), keys.questions("biometric_match", 1, 2)}
    asked |= {keys.answers("biometric_match", "why")}

    for user in users():
        reaching = [each for each in permissions(user) if each.reads(asked)]
        if user in {"BIOMETRIC_MATCH", "DEFAULT"}:
            assert all(each.writes(asked) == asked for each in reaching)
        else:
            assert not any(each.writes(asked) for each in reaching), user
    (striking,) = [each for each in permissions("BIOMETRIC_MATCH") if "+xdel" in each.commands]
    assert striking.keys == ("~{0}:scatter:biometric_match:*",)


def test_audit_learns_of_the_memories_of_others_that_they_are_there_and_nothing_else() -> None:
    memories = {
        *(keys.case(group, "run", "ZZ1") for group in GROUPS),
        *(keys.run(group, "run") for group in GROUPS),
        keys.admitted("run"),
        keys.expectations("run"),
    }
    cases = {keys.case(group, "run", "ZZ1") for group in GROUPS} | {keys.admitted("run"), keys.expectations("run")}

    reaching = [each for each in permissions("AUDIT") if each.reads(memories)]
    assert [each.commands for each in reaching] == [{"+exists", "+hexists"}]
    assert reaching[0].reads(memories) == cases
    assert reaching[0].writes(memories) == set()


def test_the_console_reads_what_was_said_and_nothing_of_what_anybody_remembers() -> None:
    everywhere, *rest = permissions("CONSOLE")
    memories = {
        keys.RUNS,
        keys.clock("run"),
        keys.admitted("run"),
        keys.expectations("run"),
        *(memory(group, "run") for group in GROUPS for memory in (keys.run, keys.seen, keys.due)),
        *(keys.case(group, "run", "ZZ1") for group in GROUPS),
        *(keys.failures(group) for group in GROUPS),
    }

    assert everywhere.reads(STREAMS | GRAVES) == STREAMS | GRAVES
    *others, looking = rest
    for each in (everywhere, *others):
        assert each.reads(memories) == set()
    # That somebody still stands there it may tell the one who was expunged, as audit may; not what is remembered.
    assert looking.commands == {"+exists", "+hexists"}
    assert looking.writes(memories) == set()


def test_the_console_sends_dead_letters_again_and_changes_nothing_else() -> None:
    everywhere, *rest = permissions("CONSOLE")

    assert everywhere.writes(STREAMS | GRAVES) == set()
    *redriving, _ = rest
    assert redriving == permissions("SANDBOX")[1:], "what the sandbox may do to redrive, and no more"
    assert everywhere.commands - permissions("SANDBOX")[0].commands <= {"-randomkey"}
    (removing,) = [each for each in rest if "+xdel" in each.commands]
    assert removing.writes(STREAMS) == set()


@pytest.mark.parametrize("user", ["SANDBOX", "CONSOLE"])
def test_who_looks_on_has_every_command_taken_away_that_is_dangerous(user: str) -> None:
    everywhere, *_ = permissions(user)

    assert "-@dangerous" in everywhere.commands
    assert not {"+@all", "+@write", "+@admin"} & everywhere.commands


def test_no_service_may_use_a_command_that_ends_or_replaces_a_stream(service: Service) -> None:
    shared, *_ = permissions("SERVICE")
    ending = {"del", "unlink", "set", "getdel", "rename", "restore", "copy", "expire", "xtrim", "xsetid", "xdel"}
    ending |= {"@all", "@write", "@keyspace", "@string", "@stream", "@dangerous"}

    assert not {f"+{command}" for command in ending} & shared.commands
    for each in permissions(service.name.upper()):
        if each.writes(STREAMS):
            allowed = {"+xdel"} if service.name == "audit" else set()
            assert not {f"+{command}" for command in ending} & each.commands - allowed
