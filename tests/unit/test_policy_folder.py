"""A folder of policies in use: changes count at once, and a broken file leaves the last good one in force."""

import os
from pathlib import Path

import pytest

from services.chassis.errors import InteropError
from services.chassis.policy import PolicyError, PolicyFolder, decide
from tests.unit.policy_files import POLICIES

TRUST_ACT = "us-ca-trust-act-2014"
REGISTERED = {"registry": True}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("vocabulary.yaml", f"{TRUST_ACT}.yaml", f"{TRUST_ACT}.cases.yaml"):
        (tmp_path / name).write_text((POLICIES / name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    later = path.stat().st_mtime_ns + 1_000_000
    os.utime(path, ns=(later, later))


def hold(folder: PolicyFolder) -> str:
    return decide(folder.policy(TRUST_ACT), REGISTERED).answers["hold"]


def test_worked_cases_and_the_vocabulary_are_no_policies(home: Path) -> None:
    assert list(PolicyFolder(home).policies) == [TRUST_ACT]


def test_a_change_counts_at_once(home: Path) -> None:
    folder = PolicyFolder(home)
    assert hold(folder) == "may"
    edit(home / f"{TRUST_ACT}.yaml", "registry: yes", "registry: no")
    assert hold(folder) == "must_not"


def test_a_file_that_did_not_change_is_not_read_again(home: Path) -> None:
    folder = PolicyFolder(home)
    assert folder.policy(TRUST_ACT) is folder.policy(TRUST_ACT)


def test_a_broken_file_leaves_the_last_good_one_in_force_and_its_mistakes_are_told(home: Path) -> None:
    folder = PolicyFolder(home)
    assert hold(folder) == "may"
    edit(home / f"{TRUST_ACT}.yaml", "registry: yes", "regstry: yes")
    assert hold(folder) == "may"
    assert "unknown fact 'regstry'. Did you mean 'registry'?" in str(folder.mistakes[0])
    edit(home / f"{TRUST_ACT}.yaml", "regstry: yes", "registry: no")
    assert hold(folder) == "must_not"
    assert folder.mistakes == ()


def test_a_broken_vocabulary_leaves_everything_as_it_was(home: Path) -> None:
    folder = PolicyFolder(home)
    assert hold(folder) == "may"
    edit(home / "vocabulary.yaml", "facts:", "fcts:")
    assert hold(folder) == "may"
    assert "unknown key 'fcts'" in str(folder.mistakes[0])


def test_a_file_that_never_was_in_order_says_what_is_wrong_with_it(home: Path) -> None:
    edit(home / f"{TRUST_ACT}.yaml", "registry: yes", "regstry: yes")
    with pytest.raises(PolicyError, match="unknown fact 'regstry'"):
        PolicyFolder(home).policy(TRUST_ACT)


def test_a_policy_that_is_taken_away_is_gone(home: Path) -> None:
    folder = PolicyFolder(home)
    assert folder.policies
    (home / f"{TRUST_ACT}.yaml").unlink()
    assert folder.policies == {}


def test_an_unknown_id_gets_a_suggestion(home: Path) -> None:
    with pytest.raises(InteropError) as caught:
        PolicyFolder(home).policy("ca-trust")
    assert str(caught.value) == (
        "unknown-policy: no policy 'ca-trust'. Did you mean 'us-ca-trust-act-2014'? See 'interop policies list'."
    )


def test_a_folder_without_a_vocabulary_says_so(tmp_path: Path) -> None:
    folder = PolicyFolder(tmp_path / "nowhere")
    assert folder.policies == {}
    with pytest.raises(InteropError, match="no-vocabulary"):
        assert folder.vocabulary


def test_two_files_with_one_id_are_a_mistake(home: Path) -> None:
    text = (home / f"{TRUST_ACT}.yaml").read_text(encoding="utf-8")
    (home / "zz-copy.yaml").write_text(text, encoding="utf-8")
    assert [mistake.sentence for mistake in PolicyFolder(home).mistakes] == [
        f"'{TRUST_ACT}' is already the id of the policy in {TRUST_ACT}.yaml."
    ]
