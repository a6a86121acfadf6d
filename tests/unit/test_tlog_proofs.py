"""Proof files: that an entry stands in a log, for somebody who is offline and believes nobody but a policy."""

from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from services.audit.tlog.policy import Policy
from services.audit.tlog.proofs import Proof, parse_proof
from services.chassis.errors import InteropError
from tests.foreign import c2sp
from tests.unit.tlogs import LOG, POLICY, SOMEBODY, checkpoint, code, leaves, shares

ENTRIES = shares(300)
NOTE = checkpoint(ENTRIES)


def proof(index: int = 123) -> Proof:
    return Proof(index, tuple(c2sp.inclusion(leaves(ENTRIES), index)), NOTE)


TEXT = proof().text
FIRST_HASH = TEXT.split("\n")[2]


@pytest.mark.parametrize("index", [0, 123, 255, 256, 299])
def test_a_proof_is_what_the_reference_writes(index: int) -> None:
    assert proof(index).text == c2sp.proof(leaves(ENTRIES), index, NOTE.decode())


@pytest.mark.parametrize("index", [0, 123, 299])
def test_a_proof_is_read_as_it_was_written(index: int) -> None:
    assert parse_proof(proof(index).text.encode()) == proof(index)


def test_the_only_entry_of_a_log_needs_no_path() -> None:
    alone = Proof(0, (), checkpoint(shares(1)))

    assert parse_proof(alone.text.encode()) == alone
    alone.verify(shares(1)[0], POLICY)


@given(st.integers(0, len(ENTRIES) - 1))
def test_an_entry_stands_in_the_log(index: int) -> None:
    parse_proof(proof(index).text.encode()).verify(ENTRIES[index], POLICY)


def test_another_entry_does_not() -> None:
    with pytest.raises(InteropError) as caught:
        proof().verify(ENTRIES[124], POLICY)

    assert code(caught) == "not-included"


def test_a_proof_for_another_place_is_refused() -> None:
    with pytest.raises(InteropError) as caught:
        replace(proof(), index=122).verify(ENTRIES[123], POLICY)

    assert code(caught) == "not-included"


@pytest.mark.parametrize(
    ("policy", "found"),
    [
        (replace(POLICY, log=SOMEBODY.verifier), "not-signed"),
        (replace(POLICY, quorum=3), "no-quorum"),
    ],
)
def test_a_proof_is_worth_what_its_checkpoint_is(policy: Policy, found: str) -> None:
    with pytest.raises(InteropError) as caught:
        proof().verify(ENTRIES[123], policy)

    assert code(caught) == found


def test_what_stands_beside_a_proof_is_passed_over() -> None:
    with_extra = TEXT.replace("\nindex", "\nextra aGVyb24=\nindex", 1)

    assert parse_proof(with_extra.encode()) == proof()


@pytest.mark.parametrize(
    "text",
    [
        "",
        TEXT.replace("@v1", "@v2"),
        "\n" + TEXT,
        TEXT.partition("\n\n")[0],
        TEXT.replace("index 123\n", ""),
        TEXT.replace("index 123", "index 0123"),
        TEXT.replace("index 123", "index -123"),
        TEXT.replace("index 123", "index  123"),
        TEXT.replace("index 123", "index 12\u0663"),
        TEXT.replace("index 123", "index 123\nindex 123"),
        TEXT.replace("index 123", "index 123\nextra aGVyb24="),
        TEXT.replace("index 123", f"index {10**19}"),
        TEXT.replace(FIRST_HASH, FIRST_HASH[:-1]),
        TEXT.replace(FIRST_HASH, FIRST_HASH + " "),
        TEXT.replace(FIRST_HASH, "aGVyb24="),
        TEXT.replace(FIRST_HASH, "\udcff").encode(errors="surrogateescape").decode("latin-1"),
    ],
)
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(InteropError) as caught:
        parse_proof(text.encode())

    assert code(caught) == "bad-proof"


@given(st.integers(0, 8 * len(TEXT.partition("\n\n")[0].encode()) - 1))
def test_a_proof_with_one_bit_altered_is_refused(bit: int) -> None:
    altered = bytearray(TEXT.encode())
    altered[bit // 8] ^= 1 << bit % 8

    with pytest.raises(InteropError) as caught:
        parse_proof(bytes(altered)).verify(ENTRIES[123], POLICY)

    assert code(caught) in {"bad-proof", "not-included", "bad-note"}


def test_a_checkpoint_in_a_proof_may_be_signed_by_the_log_alone_where_the_policy_says_so() -> None:
    alone = replace(proof(), checkpoint=checkpoint(ENTRIES, LOG))

    alone.verify(ENTRIES[123], Policy(LOG.verifier))
