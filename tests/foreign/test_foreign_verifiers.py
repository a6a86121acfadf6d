"""An exported log is verified by code that is not ours: Go's checksum database and Sigstore's client for JavaScript."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.foreign import c2sp
from tests.foreign.conftest import Verify
from tests.foreign.export import Export
from tests.foreign.makers import MAKERS

Tamper = Callable[[Export, Path], None]


@pytest.fixture
def copy(export: Export, tmp_path: Path) -> Path:
    """A copy of the export's folder, to be spoilt."""
    return Path(shutil.copytree(export.folder, tmp_path / "copy"))


def proof_files(export: Export, folder: Path, *indexes: int) -> list[Path]:
    """For each index a proof and the entry that it is of."""
    folder.mkdir(exist_ok=True)
    files = []
    for index in indexes:
        proof, entry = folder / f"{index}.tlog-proof", folder / f"{index}.entry"
        proof.write_text(export.prove(index), encoding="utf-8")
        entry.write_bytes(export.entries[index])
        files += [proof, entry]
    return files


def accepted(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert (done.returncode, done.stderr) == (0, "")
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def cosignature(checkpoint: str) -> str:
    """The line of the second witness."""
    (line,) = (line for line in checkpoint.splitlines(keepends=True) if line.startswith("— stateauditor.example/w2 "))
    return line


def size_and_root(export: Export) -> tuple[int, str]:
    _, size, root, *_ = (export.folder / "checkpoint").read_text(encoding="utf-8").splitlines()
    return int(size), root


# What the exports here are written with


def test_a_tree_has_the_roots_of_rfc_6962() -> None:
    """The inputs and roots are those of the tests of Certificate Transparency, the oldest log of this kind."""
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [c2sp.leaf(bytes.fromhex(text)) for text in inputs]

    assert c2sp.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert c2sp.root(leaves[:1]).hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    assert c2sp.root(leaves[:7]).hex() == "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c"
    assert c2sp.root(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"


# Go


def test_go_accepts_the_export_and_proofs_of_its_entries(go: Verify, export: Export, tmp_path: Path) -> None:
    files = proof_files(export, tmp_path / "proofs", 0, 255, 65_536, len(export.entries) - 1)

    said = accepted(go(export.folder, *files))

    size, root = size_and_root(export)
    older = int((export.folder / "checkpoint.older").read_text(encoding="utf-8").splitlines()[1])
    assert said.pop("seconds") > 0
    assert said == {
        "entries": len(export.entries),
        "size": size,
        "root": root,
        "cosignatures": 2,
        "consistent_with": older,
        "proofs": 4,
    }


def test_go_accepts_an_export_without_an_older_checkpoint(go: Verify, copy: Path) -> None:
    (copy / "checkpoint.older").unlink()

    assert accepted(go(copy))["consistent_with"] == 0


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__module__)
@pytest.mark.parametrize("entries", [1, 2, 255, 256, 257])
def test_go_accepts_a_tree_of_hardly_any_entries(
    go: Verify, make: Callable[[Path, int], Export], entries: int, tmp_path: Path
) -> None:
    assert accepted(go(make(tmp_path, entries).folder))["entries"] == entries


def a_bit_of_an_entry(export: Export, copy: Path) -> None:
    flip(copy / "tile/entries/100", at=-1)


def a_bit_of_a_tile_of_leaves(export: Export, copy: Path) -> None:
    flip(copy / "tile/0/100", at=1000)


def a_bit_of_a_tile_above(export: Export, copy: Path) -> None:
    flip(copy / "tile/1/000", at=1000)


def an_entry_and_its_leaf(export: Export, copy: Path) -> None:
    """As somebody would who knows how the files hang together, but has no key."""
    forged = export.entries[25_600][:-1] + b"!"
    bundle, tile = copy / "tile/entries/100", copy / "tile/0/100"
    bundle.write_bytes(bundle.read_bytes().replace(export.entries[25_600], forged, 1))
    tile.write_bytes(c2sp.leaf(forged) + tile.read_bytes()[32:])


def the_size_in_the_checkpoint(export: Export, copy: Path) -> None:
    text = (copy / "checkpoint").read_text(encoding="utf-8")
    flip(copy / "checkpoint", at=text.index("\n", text.index("\n") + 1) - 1)


def a_cosignature(export: Export, copy: Path) -> None:
    text = (copy / "checkpoint").read_text(encoding="utf-8")
    (copy / "checkpoint").write_text(text.replace(cosignature(text), ""), encoding="utf-8")


def a_cosignature_for_another_tree(export: Export, copy: Path) -> None:
    text, other = (copy / "checkpoint").read_text(encoding="utf-8"), export.cosigned(len(export.entries), bytes(32))
    (copy / "checkpoint").write_text(text.replace(cosignature(text), cosignature(other)), encoding="utf-8")


def an_older_checkpoint_of_another_history(export: Export, copy: Path) -> None:
    (copy / "checkpoint.older").write_text(export.cosigned(12_345, bytes(32)), encoding="utf-8")


def a_newest_entry_that_was_deleted(export: Export, copy: Path) -> None:
    (bundle,) = (copy / "tile/entries/273.p").iterdir()
    bundle.write_bytes(bundle.read_bytes()[: -len(export.entries[-1]) - 2])


CHANGES: dict[Tamper, str] = {
    a_bit_of_an_entry: "entry 25855 is not the one in the tree",
    a_bit_of_a_tile_of_leaves: "the tiles of the entries 16384 to 32767 do not lead to the signed root",
    a_bit_of_a_tile_above: "do not lead to the signed root",
    an_entry_and_its_leaf: "the tiles of the entries 16384 to 32767 do not lead to the signed root",
    a_newest_entry_that_was_deleted: "bundle 273 ends within its entry 111 of 112",
    the_size_in_the_checkpoint: "invalid signature for key sandbox.example/audit",
    a_cosignature: "it lacks the signature of stateauditor.example/w2",
    a_cosignature_for_another_tree: "invalid signature for key stateauditor.example/w2",
    an_older_checkpoint_of_another_history: "its tree of 12345 entries is not how the exported one began",
}


@pytest.mark.parametrize(("tamper", "sentence"), CHANGES.items(), ids=[tamper.__name__ for tamper in CHANGES])
def test_go_refuses_an_export_with_a_change_of(
    go: Verify, export: Export, copy: Path, tamper: Tamper, sentence: str
) -> None:
    tamper(export, copy)

    assert sentence in refusal(go(copy))


def test_go_refuses_a_policy_in_which_one_witness_is_two(go: Verify, copy: Path) -> None:
    twice = (
        c2sp.Signer("first.example", c2sp.COSIGNER, bytes(32)),
        c2sp.Signer("second.example", c2sp.COSIGNER, bytes(32)),
    )
    log, *_ = (copy / "policy").read_text(encoding="utf-8").splitlines()
    (copy / "policy").write_text(f"{log}\nwitness a {twice[0].vkey}\nwitness b {twice[1].vkey}\n", encoding="utf-8")

    assert "second.example has the key of another witness" in refusal(go(copy))


def test_go_refuses_a_proof_of_another_history(go: Verify, export: Export, tmp_path: Path) -> None:
    """One that the log and both witnesses have signed: such a proof by itself is without fault."""
    proof, entry = tmp_path / "0.tlog-proof", tmp_path / "0.entry"
    entry.write_bytes(b"never logged")
    leaf = c2sp.leaf(entry.read_bytes())
    proof.write_text(c2sp.proof([leaf], 0, export.cosigned(1, leaf)), encoding="utf-8")

    assert "its tree of 1 entries is not how the exported one began" in refusal(go(export.folder, proof, entry))


# Both, of a proof


def test_a_forged_entry_is_refused(verify: Verify, export: Export, tmp_path: Path) -> None:
    proof, entry = proof_files(export, tmp_path, 12_345)
    flip(entry, at=10)

    assert "12345.tlog-proof: the entry is not number 12345 of the tree" in refusal(verify(export.folder, proof, entry))


def test_a_proof_does_not_hold_for_another_entry(verify: Verify, export: Export, tmp_path: Path) -> None:
    proof, _, _, entry = proof_files(export, tmp_path, 12_345, 12_346)

    assert "the entry is not number 12345 of the tree" in refusal(verify(export.folder, proof, entry))


def test_a_proof_of_a_tree_that_the_log_has_not_signed_is_refused(
    verify: Verify, export: Export, tmp_path: Path
) -> None:
    """Here all is consistent, but for the signatures: those are of the tree with one entry less."""
    proof, entry = proof_files(export, tmp_path, 0)
    head, _, checkpoint = proof.read_text(encoding="utf-8").partition("\n\n")
    text, _, _ = checkpoint.partition("\n\n")
    _, _, signatures = export.cosigned(len(export.entries) - 1, bytes(32)).partition("\n\n")
    proof.write_text(f"{head}\n\n{text}\n\n{signatures}", encoding="utf-8")

    sentence = refusal(verify(export.folder, proof, entry))
    assert sentence.startswith("0.tlog-proof: ")
    assert "signature" in sentence


# JavaScript


def test_sigstore_accepts_the_export_and_proofs_of_its_entries(js: Verify, export: Export, tmp_path: Path) -> None:
    files = proof_files(export, tmp_path / "proofs", 0, 255, 65_536, len(export.entries) - 1)

    size, root = size_and_root(export)
    assert accepted(js(export.folder, *files)) == {"size": size, "root": root, "proofs": 4}


def test_sigstore_refuses_a_checkpoint_that_the_log_has_not_signed(js: Verify, export: Export, copy: Path) -> None:
    the_size_in_the_checkpoint(export, copy)

    assert "checkpoint: invalid checkpoint signature" in refusal(js(copy))
