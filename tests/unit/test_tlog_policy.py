"""Whom a reader believes: checkpoints, and the policy that says whose signatures they must bear."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from services.audit.tlog.checkpoint import Checkpoint, checkpoint_of, parse_checkpoint
from services.audit.tlog.notes import Algorithm, Signer, Verifier
from services.audit.tlog.policy import Policy, parse_policy
from services.chassis.errors import InteropError
from tests.foreign import c2sp
from tests.unit.tlogs import AUDITOR, CLINIC, LOG, ORIGIN, POLICY, SOMEBODY, checkpoint, code, leaves, oracle, shares

ENTRIES = shares(5)
ROOT = c2sp.root(leaves(ENTRIES))
TEXT = Checkpoint(ORIGIN, 5, ROOT).text
PAPER = Signer.from_seed("newspaper.example/w3", Algorithm.COSIGNATURE_V1, b"the key of the local newspaper..")

L, C, A = (each.verifier.vkey for each in (LOG, CLINIC, AUDITOR))


# Checkpoints


def test_a_checkpoint_is_the_origin_the_size_and_the_root() -> None:
    read, note = parse_checkpoint(checkpoint(ENTRIES))

    assert read == Checkpoint(ORIGIN, 5, ROOT)
    assert read.text == note.text


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_a_checkpoint_is_read_as_it_was_written(size: int, root: bytes) -> None:
    assert checkpoint_of(Checkpoint(ORIGIN, size, root).text) == Checkpoint(ORIGIN, size, root)


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT[:-1],
        TEXT + "\n",
        TEXT + "extension\n",
        TEXT.replace(ORIGIN, ""),
        TEXT.replace("\n5\n", "\n05\n"),
        TEXT.replace("\n5\n", "\n+5\n"),
        TEXT.replace("\n5\n", "\n-5\n"),
        TEXT.replace("\n5\n", "\n5 \n"),
        TEXT.replace("\n5\n", "\n\n"),
        TEXT.replace("\n5\n", "\n1\u0665\n"),
        TEXT.replace("\n5\n", f"\n{10**19}\n"),
        TEXT.replace("=\n", "\n"),
        TEXT.replace("=\n", "=\t\n"),
        Checkpoint(ORIGIN, 5, ROOT[:31]).text,
        Checkpoint(ORIGIN, 5, ROOT + b"!").text,
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(InteropError) as caught:
        checkpoint_of(text)

    assert code(caught) == "bad-checkpoint"


# What a policy believes


def test_a_checkpoint_that_log_and_witnesses_have_signed_is_believed() -> None:
    assert POLICY.open(checkpoint(ENTRIES)) == Checkpoint(ORIGIN, 5, ROOT)


def test_a_witness_that_is_not_asked_for_does_no_harm() -> None:
    assert POLICY.open(checkpoint(ENTRIES, LOG, PAPER, CLINIC, AUDITOR)).size == 5


def test_as_many_witnesses_as_the_quorum_will_do() -> None:
    two_of_three = Policy(LOG.verifier, (CLINIC.verifier, AUDITOR.verifier, PAPER.verifier), 2)

    assert two_of_three.open(checkpoint(ENTRIES, LOG, PAPER, CLINIC)).size == 5


def test_a_policy_without_witnesses_believes_the_log_alone() -> None:
    assert Policy(LOG.verifier).open(checkpoint(ENTRIES, LOG)).size == 5


@pytest.mark.parametrize(
    ("signers", "found"),
    [
        ((SOMEBODY, CLINIC, AUDITOR), "not-signed"),
        ((CLINIC, AUDITOR), "not-signed"),
        ((LOG,), "no-quorum"),
        ((LOG, CLINIC), "no-quorum"),
        ((LOG, CLINIC, CLINIC), "no-quorum"),
        ((LOG, CLINIC, PAPER), "no-quorum"),
    ],
    ids=["another log key", "no log", "no witness", "one witness", "one witness twice", "an unknown witness"],
)
def test_a_checkpoint_is_not_believed_that_is_signed_by(signers: Sequence[Signer], found: str) -> None:
    with pytest.raises(InteropError) as caught:
        POLICY.open(checkpoint(ENTRIES, *signers))

    assert code(caught) == found


def test_who_is_missing_from_a_quorum_is_named() -> None:
    with pytest.raises(InteropError, match=r"1 of the 2 witnesses .* missing: stateauditor\.example/w2"):
        POLICY.open(checkpoint(ENTRIES, LOG, CLINIC))


def test_a_checkpoint_of_another_log_is_not_believed() -> None:
    elsewhere = replace(POLICY, log=Signer.from_seed("elsewhere.example", Algorithm.ED25519, LOG.seed).verifier)

    with pytest.raises(InteropError) as caught:
        elsewhere.open(checkpoint(ENTRIES))

    assert code(caught) == "wrong-log"


def test_cosignatures_of_another_tree_are_not_believed() -> None:
    text, _, _ = checkpoint(ENTRIES, LOG).partition(b"\n\n")
    own = checkpoint(ENTRIES, LOG).removeprefix(text)
    _, _, theirs = checkpoint(shares(4), CLINIC, AUDITOR).partition(b"\n\n")

    with pytest.raises(InteropError) as caught:
        POLICY.open(text + own + theirs)

    assert code(caught) == "bad-signature"


# A policy as a file


def test_a_policy_says_who_must_sign() -> None:
    assert POLICY.text == (
        f"log {L}\nwitness witness-1 {C}\nwitness witness-2 {A}\n"
        "group witnesses 2 witness-1 witness-2\nquorum witnesses\n"
    )


@pytest.mark.parametrize("quorum", [0, 1, 2])
def test_a_policy_is_read_as_it_was_written(quorum: int) -> None:
    assert parse_policy(replace(POLICY, quorum=quorum).text) == replace(POLICY, quorum=quorum)


def test_a_policy_of_the_log_alone_is_read_as_it_was_written() -> None:
    assert parse_policy(Policy(LOG.verifier).text) == Policy(LOG.verifier)


def test_the_policy_that_the_reference_writes_is_read() -> None:
    assert parse_policy(c2sp.policy(oracle(LOG), [oracle(CLINIC), oracle(AUDITOR)])) == POLICY


def test_comments_blanks_tabs_and_addresses_are_passed_over() -> None:
    text = f"""
        # whom the class believes
        witness clinic\t{C}   https://lawclinic.example
        log {L} https://sandbox.example/audit
        quorum clinic
    """

    assert parse_policy(text) == Policy(LOG.verifier, (CLINIC.verifier,), 1)


@pytest.mark.parametrize(("threshold", "needed"), [("any", 1), ("all", 2), ("1", 1), ("2", 2)])
def test_a_group_says_how_many_of_it_are_needed(threshold: str, needed: int) -> None:
    read = parse_policy(f"log {L}\nwitness c {C}\nwitness a {A}\ngroup g {threshold} c a\nquorum g\n")

    assert read.quorum == needed


def test_a_quorum_counts_the_members_of_its_group_only() -> None:
    read = parse_policy(f"log {L}\nwitness c {C}\nwitness a {A}\ngroup g all a\nquorum g\n")

    assert read.witnesses == (AUDITOR.verifier,)


def test_a_name_may_hold_what_unicode_calls_a_space() -> None:
    read = parse_policy(f"log {L}\nwitness the\u00a0clinic {C}\nquorum the\u00a0clinic\n")

    assert read.quorum == 1


def renamed(key: Verifier, name: str) -> str:
    return replace(key, name=name).vkey


@pytest.mark.parametrize(
    "lines",
    [
        [],
        ["quorum none"],
        [f"log {L}"],
        [f"log {L}", f"log {L}", "quorum none"],
        [f"log {L} url more", "quorum none"],
        [f"log {L}", "quorum none", "quorum none"],
        [f"log {L}", "quorum c", f"witness c {C}"],
        [f"log {L}", f"witness c {C}", f"witness c {A}", "quorum c"],
        [f"log {L}", f"witness c {C}", f"witness d {C}", "quorum c"],
        [f"log {L}", f"witness c {C}", f"witness d {renamed(CLINIC.verifier, 'again.example')}", "quorum c"],
        [f"log {L}", f"witness c {C}", f"witness d {renamed(AUDITOR.verifier, CLINIC.name)}", "quorum c"],
        [f"log {L}", f"witness none {C}", "quorum none"],
        [f"log {L}", f"witness c {C}", "group none 1 c", "quorum none"],
        [f"log {L}", f"witness c {C}", "group c 1 c", "quorum c"],
        [f"log {L}", f"witness c {C}", "group g 2 c c", "quorum g"],
        [f"log {L}", f"witness c {C}", "group g 1 none", "quorum g"],
        [f"log {L}", f"witness c {C}", "group g 1 a", "quorum g"],
        [f"log {L}", f"witness c {C}", "group g any", "quorum g"],
        [f"log {L}", f"witness c {C}", "group g all", "quorum g"],
        *([f"log {L}", f"witness c {C}", f"group g {many} c", "quorum g"] for many in ("0", "2", "01", "-1", "\u0661")),
        [f"log {L}", f"witness c {C}", "quorum\x0bc"],
        [f"log {L}", "quorum none\r"],
        [f"log {L}", "notary n", "quorum none"],
    ],
)
def test_what_is_no_policy_is_refused(lines: list[str]) -> None:
    with pytest.raises(InteropError) as caught:
        parse_policy("\n".join(lines) + "\n")

    assert code(caught) == "bad-policy"


@pytest.mark.parametrize("lines", [[f"log {C}"], [f"log {L}", f"witness c {L}"], [f"log {L[:-1]}"]])
def test_a_key_of_another_kind_is_refused(lines: list[str]) -> None:
    with pytest.raises(InteropError) as caught:
        parse_policy("\n".join(lines) + "\nquorum none\n")

    assert code(caught) == "bad-key"
