"""The drill: whatever is done to a log is detected, and named for what it was."""

from collections import Counter
from functools import cache

import pytest

from services.audit.tlog.drill import REWRITES, TRIES, Attack, drill, files_of
from services.audit.tlog.policy import Policy
from services.chassis.errors import InteropError
from tests.unit.tlogs import AUDITOR, CLINIC, LOG, POLICY, checkpoint, code, files, shares

FLIPS = 10_002
OF_A_CHECKPOINT = {"bad-note", "bad-checkpoint", "bad-signature", "wrong-log", "not-signed", "no-quorum"}


def attacked(size: int, older: int, flips: int, policy: Policy = POLICY) -> dict[str, Attack]:
    entries = shares(size)
    attacks = drill(files(entries), policy, checkpoint(entries[:older]), flips=flips, seed=size, signer=LOG)
    return {attack.name: attack for attack in attacks}


@cache
def the_drill() -> dict[str, Attack]:
    """Of a log with two full bundles and a third."""
    return attacked(700, 300, FLIPS)


def test_ten_thousand_flipped_bits_are_detected_one_by_one() -> None:
    flips = [attack for name, attack in the_drill().items() if name.startswith("one bit of")]

    assert sum(attack.tries for attack in flips) == FLIPS
    assert [attack.detected for attack in flips] == [FLIPS // 3] * 3


def test_nothing_that_was_tried_went_unnoticed() -> None:
    assert [name for name, attack in the_drill().items() if attack.detected != attack.tries] == []


def test_what_was_detected_is_counted_by_its_name() -> None:
    assert all(attack.named.total() == attack.detected for attack in the_drill().values())


@pytest.mark.parametrize(
    ("attack", "names"),
    [
        ("one bit of an entry flipped", {"entry-altered"}),
        ("one bit of a tile flipped", {"tile-altered"}),
        ("one bit of the checkpoint flipped", OF_A_CHECKPOINT),
        ("an entry deleted", {"entry-removed"}),
        ("an entry deleted and the gap closed", {"entry-removed"}),
        ("the newest entries deleted", {"entry-removed"}),
        ("two entries swapped", {"entries-reordered"}),
        ("two bundles swapped", {"entries-reordered"}),
        ("a tile removed", {"tile-missing"}),
        ("a bundle removed", {"entries-missing"}),
        ("the newest entries dropped with their tiles", {"tile-missing"}),
        ("an older state brought back", {"rolled-back"}),
        ("history rewritten and signed by the log", {"no-quorum"}),
        ("history rewritten under the old cosignatures", {"bad-signature"}),
    ],
)
def test_an_attack_is_named_for_what_it_was(attack: str, names: set[str]) -> None:
    assert set(the_drill()[attack].named) == names


@pytest.mark.parametrize(("size", "older"), [(1, 0), (1, 1), (2, 1), (255, 100), (256, 256), (257, 256), (512, 511)])
def test_a_log_of_any_size_withstands_the_drill(size: int, older: int) -> None:
    attacks = attacked(size, older, 300)

    assert {name: attack.tries - attack.detected for name, attack in attacks.items()} == dict.fromkeys(attacks, 0)
    assert set(attacks["one bit of an entry flipped"].named) == {"entry-altered"}
    assert set(attacks["one bit of a tile flipped"].named) == {"tile-altered"}
    assert set(attacks["one bit of the checkpoint flipped"].named) <= OF_A_CHECKPOINT


def test_an_empty_log_has_nothing_but_its_checkpoint_to_attack() -> None:
    assert list(attacked(0, 0, 300)) == ["one bit of the checkpoint flipped"]


def test_a_log_of_three_levels_withstands_the_drill() -> None:
    attacks = attacked(65_800, 65_600, 90)

    assert [attack.named for name, attack in attacks.items() if name.startswith("one bit of")][:2] == [
        Counter({"entry-altered": 30}),
        Counter({"tile-altered": 30}),
    ]


def test_a_cosignature_beyond_the_quorum_is_attacked_too() -> None:
    one_will_do = Policy(LOG.verifier, (CLINIC.verifier, AUDITOR.verifier), 1)
    flips = attacked(3, 2, 3000, one_will_do)["one bit of the checkpoint flipped"]

    assert flips.detected == flips.tries == 1000


def test_without_witnesses_it_is_an_older_checkpoint_that_catches_the_holder_of_the_key() -> None:
    entries = shares(700)
    log = {**files(entries), "checkpoint": checkpoint(entries, LOG)}

    attacks = drill(log, Policy(LOG.verifier), checkpoint(entries[:300], LOG), flips=0, signer=LOG)

    named = {attack.name: attack.named for attack in attacks}
    assert named["history rewritten and signed by the log"] == Counter(forked=REWRITES)


def test_without_witnesses_and_without_anything_older_the_holder_of_the_key_is_not_caught() -> None:
    """Which is why there are witnesses."""
    entries = shares(700)
    log = {**files(entries), "checkpoint": checkpoint(entries, LOG)}

    attacks = drill(log, Policy(LOG.verifier), checkpoint([], LOG), flips=0, signer=LOG)

    by_name = {attack.name: attack for attack in attacks}
    assert by_name["history rewritten and signed by the log"] == Attack(
        "history rewritten and signed by the log", REWRITES, 0, Counter()
    )


def test_who_does_not_hold_the_key_rewrites_no_history() -> None:
    entries = shares(3)
    attacks = drill(files(entries), POLICY, checkpoint(entries[:2]), flips=0)

    assert not any(attack.name.startswith("history") for attack in attacks)


def test_a_drill_is_the_same_every_time() -> None:
    assert list(attacked(257, 200, 300).values()) == list(attacked(257, 200, 300).values())


def test_how_far_the_drill_is_is_told() -> None:
    told: list[tuple[int, int]] = []
    entries = shares(700)

    drill(
        files(entries),
        POLICY,
        checkpoint(entries[:300]),
        flips=30,
        on_progress=lambda done, total: told.append((done, total)),
    )

    total = 30 + 8 * TRIES + REWRITES
    assert told == sorted(told)
    assert (told[0], told[-1]) == ((1, total), (total, total))


def test_a_log_that_is_not_whole_is_not_attacked() -> None:
    log = files(shares(3))
    del log["tile/entries/000.p/3"]

    with pytest.raises(InteropError) as caught:
        drill(log, POLICY, checkpoint(shares(2)))

    assert code(caught) == "entries-missing"


@pytest.mark.parametrize("size", [0, 1, 256, 700, 65_800])
def test_the_files_of_entries_are_those_of_the_reference(size: int) -> None:
    written = files(shares(size))
    del written["checkpoint"]

    assert files_of(shares(size)) == written
