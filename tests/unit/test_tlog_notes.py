"""Signed notes: there is one way to write each, and nobody's name stands under what they did not sign."""

import base64

import pytest
from hypothesis import given, strategies as st

from services.audit.tlog.notes import (
    Algorithm,
    Note,
    Signer,
    Verifier,
    from_base64,
    parse_note,
    parse_signature,
    parse_vkey,
    to_base64,
)
from services.chassis.errors import InteropError
from tests.unit.tlogs import AUDITOR, CLINIC, LOG, ORIGIN, SEEN_AT, SOMEBODY, code, oracle

TEXT = "A print was shared.\n\nNobody was asked.\n"

# The example in the documentation of Go's checksum database.
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN_SAID = """\
If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
"""

# The example in c2sp.org/signed-note.
QUASIMODO_SAID = """\
Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""  # noqa: E501


def note(text: str = TEXT, *signers: Signer) -> bytes:
    return (text + "\n" + "".join(signer.sign(text, time=SEEN_AT) for signer in signers or (LOG,))).encode()


def witnessed(signer: Signer, time: int) -> Note:
    return parse_note((TEXT + "\n" + signer.sign(TEXT, time=time)).encode())


# Examples of others


def test_the_note_of_the_checksum_database_is_signed_by_its_key() -> None:
    assert parse_note(NEUMANN_SAID.encode()).signed_by([parse_vkey(NEUMANN)]) == {"PeterNeumann": None}


def test_a_word_less_in_it_is_noticed() -> None:
    altered = parse_note(NEUMANN_SAID.replace(" the answer", " an answer").encode())

    with pytest.raises(InteropError) as caught:
        altered.signed_by([parse_vkey(NEUMANN)])

    assert code(caught) == "bad-signature"


def test_the_note_of_the_specification_has_an_empty_line_in_its_text() -> None:
    read = parse_note(QUASIMODO_SAID.encode())

    assert read.text.endswith("sole:\n\ned è subito sera.\n")
    assert [(name, blob[:4].hex(), len(blob)) for name, blob in read.signatures] == [
        ("quasimodo.example/salvatore", "367ba04b", 68)
    ]


# Signing


@pytest.mark.parametrize("signer", [LOG, CLINIC], ids=["log", "witness"])
def test_a_signature_is_what_the_reference_writes(signer: Signer) -> None:
    assert signer.sign(TEXT, time=SEEN_AT) == oracle(signer).line(TEXT, SEEN_AT)


@pytest.mark.parametrize("signer", [LOG, CLINIC], ids=["log", "witness"])
def test_a_key_as_text_is_what_the_reference_writes(signer: Signer) -> None:
    assert signer.verifier.vkey == oracle(signer).vkey


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_new_key_comes_back_from_its_seed_and_is_like_no_other(algorithm: Algorithm) -> None:
    new = Signer.new("newspaper.example", algorithm)
    again = Signer.from_seed("newspaper.example", algorithm, new.seed)

    assert again.verifier == new.verifier
    assert new.verifier != Signer.new("newspaper.example", algorithm).verifier
    assert note(TEXT, again) == note(TEXT, new)


def test_a_note_says_who_has_signed_it_and_when_a_witness_saw_it() -> None:
    read = parse_note(note(TEXT, LOG, CLINIC, AUDITOR))

    assert read.signed_by([LOG.verifier, CLINIC.verifier]) == {ORIGIN: None, CLINIC.name: SEEN_AT}


def test_the_time_of_a_witness_is_part_of_what_it_signs() -> None:
    at_noon, at_one = (witnessed(CLINIC, time).signatures[0] for time in (SEEN_AT, SEEN_AT + 3600))
    backdated = at_noon[1][:4] + at_one[1][4:12] + at_noon[1][12:]

    with pytest.raises(InteropError) as caught:
        Note(TEXT, ((CLINIC.name, backdated),)).signed_by([CLINIC.verifier])

    assert code(caught) == "bad-signature"


def test_a_key_that_signs_as_a_log_has_not_signed_as_a_witness() -> None:
    as_witness = Signer.from_seed(ORIGIN, Algorithm.COSIGNATURE_V1, LOG.seed)

    assert parse_note(note()).signed_by([as_witness.verifier]) == {}


def test_what_an_unknown_key_of_the_same_name_has_signed_is_passed_over() -> None:
    assert parse_note(note(TEXT, SOMEBODY, LOG)).signed_by([LOG.verifier]) == {ORIGIN: None}


def test_a_signature_by_another_under_the_name_and_id_of_a_key_is_refused() -> None:
    _, theirs = parse_note(note(TEXT, SOMEBODY)).signatures[0]
    pretended = Note(TEXT, ((ORIGIN, LOG.verifier.id + theirs[4:]),))

    with pytest.raises(InteropError) as caught:
        pretended.signed_by([LOG.verifier])

    assert code(caught) == "bad-signature"


@pytest.mark.parametrize("signer", [LOG, CLINIC], ids=["log", "witness"])
@pytest.mark.parametrize("length", [1, 7, 8, 63, 72, 200])
def test_a_signature_of_another_length_is_refused(signer: Signer, length: int) -> None:
    with pytest.raises(InteropError) as caught:
        Note(TEXT, ((signer.name, signer.verifier.id + bytes(length)),)).signed_by([signer.verifier])

    assert code(caught) == "bad-signature"


# Reading


@given(st.text(st.characters(min_codepoint=0x20, exclude_categories=["Cs"])))
def test_any_text_of_lines_can_be_signed_and_read(line: str) -> None:
    assert parse_note(note(f"{line}\n{line}\n")).text == f"{line}\n{line}\n"


def test_the_text_ends_at_the_last_empty_line() -> None:
    assert parse_note(note("one\n\n\n")).text == "one\n\n\n"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\n\n",
        TEXT.encode(),
        note()[:-1],
        note() + b"\n",
        note().replace(b"\n\n\xe2", b"\n\xe2"),
        note().replace(b"print", b"pr\tint"),
        note().replace(b"print", b"pr\x00int"),
        note().replace(b"\n", b"\r\n"),
        note().replace(b"print", b"pr\xffint"),
        note()[:-1] + b"=\n",
        note() + "— nobody\n".encode(),
        note() + b"postscript\n",
    ],
    ids=[
        "nothing",
        "two empty lines",
        "no signature",
        "no newline at the end",
        "an empty line at the end",
        "no empty line before the signatures",
        "a tab",
        "a zero",
        "line ends of Windows",
        "no UTF-8",
        "more padding than there is",
        "a signature without one",
        "a line that is no signature",
    ],
)
def test_a_note_is_refused_that_has(raw: bytes) -> None:
    with pytest.raises(InteropError) as caught:
        parse_note(raw)

    assert code(caught) == "bad-note"


GOOD = f"— {ORIGIN} {to_base64(bytes(68))}"


def test_a_signature_line_names_the_key_and_gives_its_id_with_the_signature() -> None:
    assert parse_signature(GOOD) == (ORIGIN, bytes(68))


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace("—", "-"),
        GOOD.replace("— ", "—"),
        GOOD.replace(ORIGIN, ""),
        GOOD.replace(ORIGIN, "two names"),
        GOOD.replace(ORIGIN, "no-break\u00a0space"),
        GOOD.replace(ORIGIN, "a+b"),
        GOOD + " ",
        GOOD + "=",
        f"— {ORIGIN} {to_base64(bytes(4))}",
        f"— {ORIGIN} ",
        f"— {ORIGIN}",
    ],
)
def test_what_is_no_signature_line_is_refused(line: str) -> None:
    with pytest.raises(InteropError) as caught:
        parse_signature(line)

    assert code(caught) == "bad-note"


# Base64


@given(st.binary())
def test_base64_is_the_standard_one(blob: bytes) -> None:
    assert to_base64(blob) == base64.standard_b64encode(blob).decode()
    assert from_base64(to_base64(blob)) == blob


@pytest.mark.parametrize(
    "text",
    ["QQ", "QQ=", "QR==", "QUJ=", "QQ==\n", " QQ==", "QQ==QQ==", "Q-_=", "=", "Q", "QQ===", "ＱＱ=="],  # noqa: RUF001
)
def test_base64_that_is_written_in_another_way_is_refused(text: str) -> None:
    with pytest.raises(InteropError) as caught:
        from_base64(text)

    assert code(caught) == "bad-note"


# Keys


@pytest.mark.parametrize("signer", [LOG, CLINIC], ids=["log", "witness"])
def test_a_key_is_read_as_it_was_written(signer: Signer) -> None:
    assert parse_vkey(signer.verifier.vkey) == signer.verifier


@given(st.integers(0, len(NEUMANN) - 1), st.integers(0, 6))
def test_a_key_with_one_bit_altered_is_refused(at: int, bit: int) -> None:
    altered = NEUMANN[:at] + chr(ord(NEUMANN[at]) ^ 1 << bit) + NEUMANN[at + 1 :]

    with pytest.raises(InteropError) as caught:
        parse_vkey(altered)

    assert code(caught) == "bad-key"


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a3",
        "PeterNeumann+c74f20a3+",
        NEUMANN.replace("c74f20a3", "C74F20A3"),
        NEUMANN.replace("c74f20a3", "0c74f20a3"),
        NEUMANN + "=",
        "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        Verifier("", Algorithm.ED25519, bytes(32)).vkey,
        Verifier("Peter Neumann", Algorithm.ED25519, bytes(32)).vkey,
        Verifier("PeterNeumann", Algorithm.ED25519, bytes(31)).vkey,
    ],
)
def test_what_is_no_key_is_refused(vkey: str) -> None:
    with pytest.raises(InteropError) as caught:
        parse_vkey(vkey)

    assert code(caught) == "bad-key"
