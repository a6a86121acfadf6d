"""`docker compose up`, for real: built, started, driven, looked at from inside and outside, killed, and taken up again.

The project has a name, an image and ports of its own, so it stays clear of one that is up already.
"""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.pages import PAGES
from sandbox.population import bookings
from sandbox.ports import claimed_port
from sandbox.scenario import load_scenario
from services.chassis.delivery import keys

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("booking", "biometric_match", "detainer", "audit")
WITNESSES = ("witness-1", "witness-2")
PUBLISHED = {
    "console": "CONSOLE_PORT",
    "booking": "BOOKING_PORT",
    "biometric_match": "BIOMETRIC_MATCH_PORT",
    "detainer": "DETAINER_PORT",
    "audit": "AUDIT_PORT",
    "witness-1": "WITNESS_1_PORT",
    "witness-2": "WITNESS_2_PORT",
}
"""What answers on this machine, and the variable that says where."""
BASE_IMAGES = ("python:3.13-slim", "redis:8-alpine")

RUN = ("run", "boston-2008-2010", "--bookings", "200", "--json")

AS_OPERATOR = """
set -f
export REDISCLI_AUTH=$(cat /tmp/default-password)
for command; do redis-cli $command; done
"""
KILL_THE_SERVER = (
    'for p in /proc/[0-9]*; do read -r name <"$p/comm"; '
    'case "$name" in python*|redis-server) kill -9 "${p#/proc/}";; esac; done'
)


class Project:
    """A compose project under test."""

    def __init__(self, name: str) -> None:
        self.image = f"{name}:test"
        with ExitStack() as claims:
            self.ports = {service: claims.enter_context(claimed_port()) for service in PUBLISHED}
        self.environment = os.environ | {
            "COMPOSE_PROJECT_NAME": name,
            "INTEROP_IMAGE": self.image,
            **{variable: str(self.ports[name]) for name, variable in PUBLISHED.items()},
        }

    def start(self, *command: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["docker", "compose", *command],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def compose(self, *command: str) -> str:
        return finished(self.start(*command))

    def up(self, *options: str) -> None:
        self.compose("up", "--wait", "--wait-timeout", "150", *options)

    def sandbox(self, *command: str) -> str:
        return self.compose("run", "--rm", "-T", "sandbox", *command)

    def audit(self, *command: str) -> Any:
        """What `interop audit` answers beside the files of the log."""
        return json.loads(self.compose("exec", "-T", "audit", "interop", "audit", *command, "--json"))

    def redis(self, *commands: str) -> list[str]:
        """What Redis answers its operator, in lines."""
        return self.compose("exec", "-T", "redis", "sh", "-c", AS_OPERATOR, "sh", *commands).splitlines()

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"

    def containers(self) -> dict[str, dict[str, Any]]:
        ids = self.compose("ps", "--all", "--quiet").split()
        inspected = json.loads(output("docker", "inspect", *ids))
        return {row["Config"]["Labels"]["com.docker.compose.service"]: row for row in inspected}

    def remove(self) -> None:
        # Also where the fixture failed half-way, and whatever else is wrong with the project.
        for command in (
            ["docker", "compose", "--profile", "*", "down", "-v", "-t", "5", "--remove-orphans"],
            ["docker", "image", "rm", "--force", self.image],
        ):
            subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, check=False)


def finished(process: subprocess.Popen[str], seconds: float = 240) -> str:
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
    assert process.returncode == 0, f"{process.args}\n{out[-4000:]}\n{err[-4000:]}"
    return out


def output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def why_not_here() -> str | None:
    if shutil.which("docker") is None:
        return "there is no docker command"
    if not succeeds("docker", "version"):
        return "no Docker engine answers"
    if not succeeds("docker", "compose", "version"):
        return "docker has no compose"
    for image in BASE_IMAGES:
        if not succeeds("docker", "image", "inspect", image) and not succeeds("docker", "pull", "--quiet", image):
            return f"{image} can't be pulled"
    return None


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def project() -> Iterator[Project]:
    reason = why_not_here()
    if reason is not None:
        pytest.skip(reason)

    project = Project(f"interop-test-{secrets.token_hex(4)}")
    try:
        project.up("--build")
        yield project
    finally:
        project.remove()


@pytest.fixture(scope="module")
def undisturbed(project: Project) -> dict[str, Any]:
    """What the sandbox prints of a run that nothing happened to."""
    return json.loads(project.sandbox(*RUN))


def test_a_scenario_runs_through_the_containers_and_is_reconciled(undisturbed: dict[str, Any]) -> None:
    assert undisturbed["bookings"] == 200
    assert undisturbed["totals"]["bookings"] == 200
    assert undisturbed["dead_letters"] == 0
    assert undisturbed["reconciled"] is True
    assert undisturbed["log"]["published"] == undisturbed["log"]["size"] > 200


def test_what_was_logged_is_published_and_both_witnesses_vouch_for_it(
    project: Project, undisturbed: dict[str, Any]
) -> None:
    policy = httpx.get(f"{project.url('audit')}/policy").raise_for_status().text
    for witness in WITNESSES:
        assert httpx.get(f"{project.url(witness)}/key").raise_for_status().text.strip() in policy

    verified = project.audit("verify")
    assert verified["witnesses"] == len(WITNESSES)
    assert verified["size"] >= undisturbed["log"]["size"]


def test_a_booking_by_hand_is_answered_within_seconds(project: Project) -> None:
    person = next(iter(bookings(load_scenario("live"), seed=2010, count=1)))
    person = {key: value for key, value in person.items() if key not in {"booked_at", "custody"}}

    booked = httpx.post(f"{project.url('booking')}/bookings", json=person)
    assert booked.status_code == 201, booked.text

    deadline = time.monotonic() + 20
    view: dict[str, Any] = {}
    while not view.get("identification"):
        assert time.monotonic() < deadline, view
        time.sleep(0.1)
        shown = httpx.get(f"{project.url('booking')}/bookings/{booked.json()['tcn']}", params={"run": "live"})
        view = shown.raise_for_status().json()


def test_the_console_shows_all_seven_pages_and_its_container_says_where(project: Project) -> None:
    for page in PAGES:
        shown = httpx.get(f"{project.url('console')}{page.path}", headers={"Accept": "text/html"})
        assert shown.status_code == 200, page.path
        assert page.title in shown.text
    assert len(PAGES) == 7

    assert project.containers()["console"]["Name"].endswith(f"-console-at-127.0.0.1-{project.ports['console']}")


def test_the_switches_that_break_services_answer_programs_on_this_machine_and_no_page(project: Project) -> None:
    for service in SERVICES:
        standing = httpx.get(f"{project.url(service)}/faults").raise_for_status().json()
        assert (standing["service"], standing["paused"], standing["slow_ms"]) == (service, False, 0)
        page = httpx.post(f"{project.url(service)}/faults/exit", json={}, headers={"Origin": "http://x.example"})
        assert page.status_code == 403

    # What each may do in Redis has to be enough for it.
    for service in ("booking", "biometric_match", "detainer"):
        sent = httpx.post(f"{project.url(service)}/faults/twice", json={"entries": 5}).raise_for_status().json()
        assert sum(sent["sent"].values()) > 0, service


def test_every_container_is_healthy_and_comes_back_when_it_ends(project: Project) -> None:
    containers = project.containers()

    assert set(containers) == {"redis", "console", *SERVICES, *WITNESSES}
    for name, container in containers.items():
        host = container["HostConfig"]
        assert container["State"]["Health"]["Status"] == "healthy", name
        assert host["RestartPolicy"]["Name"] == "unless-stopped", name
        assert host["Init"] is True, name
        assert container["Config"]["StopTimeout"] > 10, name


def test_every_container_may_do_as_little_as_possible(project: Project) -> None:
    for name, container in project.containers().items():
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] is True, name
        assert host["CapDrop"] == ["ALL"], name
        assert not host["CapAdd"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert 0 < host["Memory"] <= 2 * 2**30, name
        assert 0 < host["PidsLimit"] <= 512, name
        assert host["LogConfig"]["Config"].keys() == {"max-size", "max-file"}, name

        assert int(project.compose("exec", "-T", name, "id", "-u")) > 0, name
        status = project.compose("exec", "-T", name, "cat", "/proc/1/status")
        rows = dict(line.split(":\t", 1) for line in status.splitlines())
        assert {int(rows[kind], 16) for kind in ("CapPrm", "CapEff", "CapBnd", "CapInh", "CapAmb")} == {0}, name
        assert rows["NoNewPrivs"] == "1", name


def test_only_the_seven_interfaces_can_be_reached_and_only_from_this_machine(project: Project) -> None:
    containers = project.containers()
    published = {
        name: {
            (row["HostIp"], row["HostPort"])
            for rows in container["HostConfig"]["PortBindings"].values()
            for row in rows
        }
        for name, container in containers.items()
    }

    assert published == {"redis": set()} | {name: {("127.0.0.1", str(port))} for name, port in project.ports.items()}
    (network,) = containers["redis"]["NetworkSettings"]["Networks"]
    assert json.loads(output("docker", "network", "inspect", network))[0]["Internal"] is True


def test_nobody_reaches_redis_without_a_password_of_their_own(project: Project) -> None:
    assert "NOAUTH" in project.compose("exec", "-T", "redis", "redis-cli", "ping")

    users = (*SERVICES, "console")
    passwords = {name: project.compose("exec", "-T", name, "cat", "/run/secrets/redis-password") for name in users}
    assert len(set(passwords.values())) == len(users)
    assert all(len(password.strip()) >= 32 for password in passwords.values())
    for name in users:
        assert project.compose("exec", "-T", name, "ls", "/run/secrets").split() == ["redis-password"]

    told = json.dumps(project.containers()) + output("docker", "image", "inspect", project.image)
    assert not [name for name, password in passwords.items() if password.strip() in told]


def test_a_witness_meets_audit_and_the_console_and_has_nothing_of_anybody_elses(project: Project) -> None:
    containers = project.containers()
    (redis,) = containers["redis"]["NetworkSettings"]["Networks"].values()
    reach = f"import socket; socket.create_connection(({redis['IPAddress']!r}, 6379), timeout=1)"

    for name in WITNESSES:
        (network,) = containers[name]["NetworkSettings"]["Networks"]
        there = {each for each, row in containers.items() if network in row["NetworkSettings"]["Networks"]}
        assert there == {"audit", "console", *WITNESSES}
        tried = project.start("exec", "-T", name, "python", "-c", reach)
        assert "timed out" in tried.communicate(timeout=30)[1]

        (mount,) = containers[name]["Mounts"]
        assert mount["Destination"] == "/var/lib/interop"
        assert mount["Name"].endswith(f"_{name}-data")
        assert not [variable for variable in containers[name]["Config"]["Env"] if "REDIS" in variable]


MAY = [
    ("booking", "XADD {0}:fingerprints.submitted.v1 * event x"),
    ("biometric_match", "XADD {0}:identification.returned.v1 * event x"),
    ("biometric_match", "XADD {0}:scatter:biometric_match:1-of-2:questions * body x"),
    ("biometric_match", "XDEL {0}:scatter:biometric_match:1-of-2:questions 1-1"),
    ("biometric_match", "SET {0}:scatter:biometric_match:1-of-2 x NX PX 15000"),
    ("biometric_match", "DEL {0}:scatter:biometric_match:answers:x"),
    ("detainer", "XADD {0}:custody.changed.v1:dead:detainer.ero * reason x"),
    ("audit", "XADD {0}:custody.changed.v1:dead:audit.report * reason x"),
    ("audit", "XADD {0}:checkpoint.published.v1 * event x"),
    ("audit", "XDEL {0}:booking.recorded.v1 1-1"),
    ("audit", "XRANGE {0}:custody.changed.v1:dead:detainer.ero - +"),
    ("audit", "EXISTS {0}:case:booking:live:ZZ1"),
    ("audit", "HEXISTS {0}:admitted:live ZZ1"),
    ("sandbox", "XRANGE {0}:booking.recorded.v1 - +"),
    ("sandbox", "XDEL {0}:custody.changed.v1:dead:detainer.ero 1-1"),
    ("console", "XRANGE {0}:booking.recorded.v1 - +"),
    ("console", "XREAD STREAMS {0}:booking.recorded.v1 0"),
    ("console", "XREVRANGE {0}:checkpoint.published.v1 + - COUNT 1"),
    ("console", "XLEN {0}:custody.changed.v1:dead:detainer.ero"),
    ("console", "XINFO GROUPS {0}:booking.recorded.v1"),
    ("console", "XPENDING {0}:booking.recorded.v1 audit"),
    ("console", "SCAN 0"),
    ("console", "XADD {0}:custody.changed.v1 * event x"),
    ("console", "XDEL {0}:custody.changed.v1:dead:detainer.ero 1-1"),
]
MAY_NOT = [
    ("detainer", "XADD {0}:fingerprints.submitted.v1 * event x"),  # speak for another
    ("detainer", "XRANGE {0}:booking.recorded.v1 - +"),  # read what was told nobody
    ("booking", "XRANGE {0}:immigration.searched.v1 - +"),
    ("biometric_match", "HGETALL {0}:case:booking:live:ZZ1"),
    ("biometric_match", "XDEL {0}:fingerprints.submitted.v1 1-1"),
    ("booking", "XADD {0}:scatter:biometric_match:1-of-2:questions * body x"),
    ("booking", "XTRIM {0}:booking.recorded.v1 MAXLEN 0"),  # make what happened not have happened
    ("booking", "DEL {0}:booking.recorded.v1"),
    ("detainer", "RENAME {0}:detainer.decided.v1 {0}:custody.claimed.v1"),
    ("audit", "SET {0}:booking.recorded.v1 x"),
    ("audit", "XDEL {0}:custody.changed.v1:dead:detainer.ero 1-1"),
    ("audit", "XADD {0}:custody.changed.v1:dead:detainer.ero * reason x"),
    ("audit", "XADD {0}:booking.recorded.v1 * event x"),
    ("detainer", "XADD {0}:checkpoint.published.v1 * event x"),
    ("audit", "HGETALL {0}:case:booking:live:ZZ1"),  # what another remembers, as opposed to that it does
    ("audit", "HGET {0}:admitted:live ZZ1"),
    ("detainer", "SCAN 0"),
    ("biometric_match", "RANDOMKEY"),
    ("sandbox", "XDEL {0}:booking.recorded.v1 1-1"),
    ("sandbox", "DEL {0}:booking.recorded.v1"),
    ("console", "XDEL {0}:booking.recorded.v1 1-1"),
    ("console", "DEL {0}:booking.recorded.v1"),
    ("console", "XGROUP CREATE {0}:booking.recorded.v1 console 0"),
    ("console", "XACK {0}:booking.recorded.v1 audit 1-1"),
    ("console", "HGETALL {0}:case:booking:live:ZZ1"),  # what a service remembers is the service's to tell
    ("console", "HGETALL {0}:admitted:live"),
    ("console", "XADD {0}:custody.changed.v1:dead:detainer.ero * reason x"),
    ("audit", "SET elsewhere 1"),
    *product(
        (*SERVICES, "sandbox", "console"),
        ("FLUSHALL", "CONFIG GET *", "ACL LIST", "KEYS *", "XGROUP DESTROY {0}:x.v1 audit"),
    ),
]


def test_a_user_of_redis_may_do_its_own_work_and_no_more(project: Project) -> None:
    rules = [*MAY, *MAY_NOT]
    answers = project.redis(*(f"ACL DRYRUN {user} {command}" for user, command in rules))

    for (user, command), answer in zip(rules, answers, strict=True):
        if (user, command) in MAY:
            assert answer == "OK", (user, command)
        else:
            assert "has no permissions" in answer, (user, command)


def test_what_cannot_be_read_is_a_dead_letter_that_the_sandbox_can_send_again(project: Project) -> None:
    project.redis("XADD {0}:outcome.recorded.v1 * event nonsense")

    letters = _letters(project, 3)
    assert {(letter["stream"], letter["reason"]) for letter in letters} == {("outcome.recorded.v1", "not-json")}
    assert {letter["group"] for letter in letters} == {"booking", "audit", "audit.report"}

    assert project.sandbox("dlq", "redrive").strip() == "sent again: 3"
    again = _letters(project, 9)
    assert not {letter["number"] for letter in letters} & {letter["number"] for letter in again}


def _letters(project: Project, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + 30
    while True:
        letters: list[dict[str, Any]] = json.loads(project.sandbox("dlq", "list", "--json"))
        if len(letters) == count:
            return letters
        assert time.monotonic() < deadline, letters


def test_killed_in_the_middle_of_a_run_all_of_them_come_back_and_nothing_is_lost(
    project: Project, undisturbed: dict[str, Any]
) -> None:
    letters = len(json.loads(project.sandbox("dlq", "list", "--json")))
    run = project.start("run", "--rm", "-T", "sandbox", *RUN, "--run", "disturbed")
    _wait_until_open(project, "disturbed", run)
    everything = (*SERVICES, *WITNESSES, "console", "redis")
    killers = [project.start("exec", "-T", name, "sh", "-c", KILL_THE_SERVER) for name in everything]
    for killer in killers:
        killer.communicate(timeout=60)

    disturbed = json.loads(finished(run))
    project.up()

    assert _without(disturbed, "runid", "dead_letters", "log") == _without(undisturbed, "runid", "dead_letters", "log")
    assert disturbed["dead_letters"] == letters
    assert disturbed["reconciled"] is True
    assert disturbed["log"]["published"] == disturbed["log"]["size"]
    assert min(container["RestartCount"] for container in project.containers().values()) >= 1


def _without(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in told.items() if name not in names}


def _wait_until_open(project: Project, runid: str, run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while httpx.get(f"{project.url('booking')}/runs/{runid}", timeout=30).status_code != httpx.codes.OK:
        assert run.poll() is None, finished(run)
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_who_is_expunged_in_the_container_is_told_where_they_still_stand(
    project: Project, undisturbed: dict[str, Any]
) -> None:
    person = next(iter(bookings(load_scenario(undisturbed["scenario"]), undisturbed["seed"], 200)))
    subject = f"{person['ori']}/{person['oca']}"

    expunged = project.audit("expunge", subject, "--yes")

    assert expunged["removed"] > 0
    assert expunged["owed"] == []
    standing = {row["where"] for row in expunged["still_standing"]}
    for runid, tcn in expunged["cases"]:
        assert {keys.case("booking", runid, tcn), keys.admitted(runid)} <= standing
    assert undisturbed["runid"] in {runid for runid, _ in expunged["cases"]}
    assert project.audit("verify")["size"] > expunged["index"]


def test_stopped_and_started_again_it_still_has_everything(project: Project, undisturbed: dict[str, Any]) -> None:
    before = project.audit("reconcile")
    streams = _counts(project, undisturbed["entries"])

    project.compose("down")
    project.up()

    # From here on the sandbox asks audit what it has found, where audit itself has compared everything before.
    after = json.loads(project.sandbox("audit", "reconcile", "--json"))
    numbers = ("reconciled", "lag", "size", "matched", "on_marks", "expunged", "waiting")
    assert [after[name] for name in numbers] == [before[name] for name in numbers]
    assert after["reconciled"] is True
    assert after["expunged"] > 0
    assert after["size"] >= sum(row["count"] for row in undisturbed["disclosures"])
    assert _counts(project, undisturbed["entries"]) == streams


def _counts(project: Project, streams: Iterable[str]) -> list[str]:
    return project.redis(*(f"XLEN {stream}" for stream in streams))


def test_nobody_was_refused_anything_in_all_this(project: Project) -> None:
    assert "".join(project.redis("ACL LOG")) == ""
