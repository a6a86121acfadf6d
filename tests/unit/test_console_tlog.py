"""The verifier of the pages (console/static/tlog.js) agrees with the reference writer, and with the services' own.

It runs in node here, and in a browser in tests/browser/test_ledger.py.
"""

import json
import shutil
import subprocess
from base64 import b64encode
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson
import pytest

import console
from services.audit.domain import Profile, Row, entry_of
from services.audit.tlog.merkle import consistency_proof, verify_consistency
from services.audit.tlog.tiles import hash_reader, tiles_of, width_of
from services.audit.vault import Secret
from tests.foreign import c2sp
from tests.unit import tlogs

STATIC = Path(console.__file__).parent / "static"
RUNNER = Path(__file__).parent / "js" / "verify.mjs"
SIGNERS = [tlogs.oracle(each) for each in (tlogs.LOG, tlogs.CLINIC, tlogs.AUDITOR)]
POLICY = c2sp.policy(SIGNERS[0], SIGNERS[1:])

HERON = Row(
    event_id="5b2c",
    hop=1,
    sender="FBI",
    recipient="DHS",
    categories="biographic biometric charge",
    basis='the relay of every submission, "as a rule" \\ \t\u2028 \x7f, Bußgeld ☂',
    purpose="criminal justice",
    time="2010-02-28T23:59:30+00:00",
    runid="live",
    tcn="ZZ01",
    subject="ZZ0130100/B-0000054",
    event_type="fingerprints.submitted.v1",
)


def run(*commands: dict[str, Any]) -> list[Any]:
    """What the verifier answers to some commands, in order."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, RUNNER, STATIC], input=json.dumps(commands), capture_output=True, text=True, check=False, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    answers: list[Any] = json.loads(done.stdout)
    return answers


def told(at: int = 70, size: int = 300, profile: Profile = "open", row: Row = HERON) -> dict[str, Any]:
    """A disclosure as audit tells it, with a proof that the reference writer has made."""
    secret = Secret(1, sha256(b"Heron-41").digest())
    entry = entry_of(row, secret.commitment(row), profile)
    entries = tlogs.shares(size)
    entries[at] = entry
    record = {name: getattr(row, name) for name in row.__slots__}
    proof = c2sp.proof(tlogs.leaves(entries), at, tlogs.checkpoint(entries).decode())
    return {
        "record": record,
        "index": at,
        "entry": entry.decode(),
        "opening_key": secret.opening_key(row).hex(),
        "proof": proof,
    }


def states(steps: list[dict[str, Any]]) -> dict[str, str]:
    return {step["name"]: step["code"] or step["state"] for step in steps}


def base64(data: bytes) -> str:
    return b64encode(data).decode()


EVERY_STEP_HOLDS = dict.fromkeys(("record", "entry", "inclusion", "log", "witnesses"), "holds")


def test_a_disclosure_is_verified_from_its_record_to_the_signatures_under_the_root() -> None:
    places = [(0, 1), (0, 2), (70, 300), (255, 256), (256, 257), (299, 300)]
    answers = run(*({"do": "check", "told": told(at, size), "policy": POLICY} for at, size in places))
    assert [states(steps) for steps in answers] == [EVERY_STEP_HOLDS] * len(places)


def test_an_entry_that_shows_only_a_quarter_is_verified_as_well() -> None:
    (steps,) = run({"do": "check", "told": told(profile="official"), "policy": POLICY})
    assert states(steps) == EVERY_STEP_HOLDS


def test_a_record_is_written_byte_for_byte_as_the_vault_commits_to_it() -> None:
    records = [
        {"b": 'He said "no" \\', "a": 7, "ü": "\u2028\u2029\x7f\x1f\b\f\n\r\t", "Z": "☂ 𝄞 </script>"},
        {"list": ["one", "two"], "empty": {}, "zero": 0, "minus": -1},
    ]
    answers = run(*({"do": "canonical", "record": record} for record in records))
    assert [answer.encode() for answer in answers] == [
        orjson.dumps(each, option=orjson.OPT_SORT_KEYS) for each in records
    ]


def test_every_flipped_byte_of_a_copy_is_refused_and_the_step_is_named() -> None:
    (found,) = run({"do": "flipAll", "told": told(at=5, size=11), "policy": POLICY})
    assert {part: result["passed"] for part, result in found.items()} == {part: [] for part in found}
    assert all(result["tries"] >= 32 for result in found.values())
    assert "record: record-altered" in found["record"]["codes"]
    assert found["openingKey"]["codes"] == ["entry: record-altered", "record: record-altered"]
    assert {"inclusion: not-included", "record: record-altered"} <= set(found["entry"]["codes"])
    assert {"inclusion: not-included", "log: bad-signature", "witnesses: no-quorum", "log: wrong-log"} <= set(
        found["proof"]["codes"]
    )


def test_a_record_of_somebody_else_under_a_proof_that_is_right_is_refused() -> None:
    disclosed = told()
    disclosed["record"] |= {"recipient": "SIB"}
    (steps,) = run({"do": "check", "told": disclosed, "policy": POLICY})
    assert states(steps) == EVERY_STEP_HOLDS | {"record": "record-altered", "entry": "record-altered"}


def test_what_is_not_published_yet_waits_for_the_witnesses() -> None:
    (steps,) = run({"do": "check", "told": told() | {"proof": None}, "policy": POLICY})
    assert states(steps) == {"record": "holds", "entry": "holds", "proof": "waits"}


def test_where_signatures_cannot_be_checked_that_is_told_and_everything_else_is_checked() -> None:
    (steps,) = run({"do": "check", "told": told(), "policy": POLICY, "signatures": False})
    assert states(steps) == EVERY_STEP_HOLDS | {"log": "unchecked", "witnesses": "unchecked"}


def test_signatures_are_demanded_of_the_log_and_of_as_many_witnesses_as_the_policy_says() -> None:
    entries = tlogs.shares(7)
    by = {
        "all": tlogs.checkpoint(entries),
        "no auditor": tlogs.checkpoint(entries, tlogs.LOG, tlogs.CLINIC),
        "somebody": tlogs.checkpoint(entries, tlogs.SOMEBODY, tlogs.CLINIC, tlogs.AUDITOR),
    }
    of_one = f"log {SIGNERS[0].vkey}\nwitness clinic {SIGNERS[1].vkey}\nquorum clinic\n"
    twice = f"log {SIGNERS[0].vkey}\nwitness a {SIGNERS[1].vkey}\nwitness b {SIGNERS[1].vkey}\nquorum none\n"
    answers = run(
        *({"do": "open", "checkpoint": base64(note), "policy": POLICY} for note in by.values()),
        {"do": "open", "checkpoint": base64(by["no auditor"]), "policy": of_one},
        {"do": "open", "checkpoint": base64(by["all"]), "policy": twice},
        {"do": "open", "checkpoint": base64(by["all"]), "policy": POLICY.replace("lawclinic", "lawcl1nic")},
    )
    times = [[each.name, tlogs.SEEN_AT] for each in SIGNERS[1:]]
    assert answers == [
        {"size": 7, "witnesses": times},
        "no-quorum",
        "not-signed",
        {"size": 7, "witnesses": times[:1]},
        "bad-policy",
        "bad-key",
    ]


@pytest.mark.parametrize("size", [1, 2, 7, 256, 257, 300, 1000])
def test_roots_and_proofs_are_made_of_the_tiles_as_the_reference_writer_makes_them(size: int) -> None:
    entries = tlogs.shares(size)
    leaves, files = tlogs.leaves(entries), tlogs.files(entries)
    places = sorted({0, 1, 255, 256, size // 2, size - 1} & set(range(size)))
    olds = sorted({1, 2, 128, 256, size // 2, size} & set(range(1, size + 1)))
    served = {path: base64(data) for path, data in files.items()}
    (tree,) = run({"do": "tree", "files": served, "size": size, "indexes": places, "olds": olds})

    def tile(level: int, number: int) -> bytes:
        width = width_of(level, number, size)
        return next(
            files[each.path] for each in tiles_of(size) if (each.level, each.number) == (level, number) and width
        )

    assert tree["root"] == base64(c2sp.root(leaves))
    assert tree["inclusions"] == [[base64(each) for each in c2sp.inclusion(leaves, place)] for place in places]
    proofs = [consistency_proof(old, size, hash_reader(tile)) for old in olds]
    assert tree["consistencies"] == [[base64(each) for each in proof] for proof in proofs]
    for old, proof in zip(olds, proofs, strict=True):
        verify_consistency(old, c2sp.root(leaves[:old]), size, c2sp.root(leaves), proof)


def test_a_tree_that_has_grown_is_told_from_one_that_was_rewritten() -> None:
    before, after = tlogs.leaves(tlogs.shares(200)), tlogs.leaves(tlogs.shares(300))
    rewritten = [c2sp.leaf(b"rewritten"), *after[1:]]

    def question(old: int, leaves: list[bytes]) -> dict[str, Any]:
        proof = consistency_proof(
            old, 300, lambda level, index: c2sp.root(leaves[index << level : (index + 1) << level])
        )
        return {
            "do": "consistent",
            "old": old,
            "oldRoot": base64(c2sp.root(before[:old])),
            "size": 300,
            "root": base64(c2sp.root(leaves)),
            "proof": [base64(each) for each in proof],
        }

    olds = (1, 64, 127, 200)
    honest = [question(old, after) for old in olds]
    forged = [question(old, rewritten) for old in olds]
    assert run(*honest, *forged) == [None] * len(olds) + ["inconsistent"] * len(olds)


def test_the_files_of_a_log_have_the_names_that_audit_gives_them() -> None:
    sizes = (0, 1, 256, 257, 70_000, 256_000)
    answers = run(*({"do": "paths", "size": size} for size in sizes))
    assert [[*filter(None, paths)] for paths in answers] == [[each.path for each in tiles_of(size)] for size in sizes]


def test_hashes_are_right_where_a_browser_has_no_web_crypto() -> None:
    lengths = [0, 1, 3, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 70_000]
    assert run({"do": "sha256", "lengths": lengths}) == [[]]
