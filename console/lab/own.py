"""Policies of one's own: texts that are checked as one types, and files that stand in one folder and nowhere else."""

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

from sandbox.policies.check import check_policy
from sandbox.policies.files import CATALOGUE
from services.chassis.errors import InteropError
from services.chassis.policy import Mistake, Policy, PolicyError, Vocabulary, load_policy
from services.chassis.policy.folder import VOCABULARY_FILE, policy_files, text_of

MOST_BYTES = 64 << 10
MOST_POLICIES = 200
LONGEST_ID = 60
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_UNTITLED = "policy.yaml"


def check_text(text: str, vocabulary: Vocabulary, taken: Mapping[str, Policy]) -> tuple[Policy | None, list[Mistake]]:
    """A text as a policy, and everything that is wrong with it, in the sentences of `interop policies check`.

    Args:
        text: the YAML text.
        vocabulary: the words that it may use.
        taken: the policies of the catalogue, whose ids it may not have.
    """
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return None, [Mistake(_UNTITLED, 1, 1, "the text has half a character in it; write it anew.")]
    if size > MOST_BYTES:
        return None, [Mistake(_UNTITLED, 1, 1, f"a policy has at most {MOST_BYTES // 1024} KiB.")]
    try:
        # Past the memory of texts: each letter typed would push out one that a run has use for.
        policy = load_policy.__wrapped__(text, _UNTITLED, vocabulary)
    except PolicyError as error:
        return None, list(error.mistakes)
    found = check_policy(policy)
    line, column = policy.place_of("policy")
    if policy.id in taken:
        sentence = f"'{policy.id}' is the id of a policy of this repository; give yours another."
        found.append(Mistake(_UNTITLED, line, column, sentence))
    elif not _is_name(policy.id):
        sentence = f"'{policy.id}' cannot be the name of a file; take at most {LONGEST_ID} letters, and another word."
        found.append(Mistake(_UNTITLED, line, column, sentence))
    return policy, sorted(found, key=lambda mistake: (mistake.line, mistake.column))


class OwnPolicies:
    """The folder of one's own policies: what is in it, and the only way into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def policies(self, vocabulary: Vocabulary, taken: Mapping[str, Policy]) -> dict[str, Policy]:
        """Those that can be used, by id; what has mistakes, or the id of another, is left out."""
        found: dict[str, Policy] = {}
        for path in self._files():
            with suppress(PolicyError):
                policy = load_policy(text_of(path), path.name, vocabulary)
                if policy.id == path.stem and policy.id not in taken:
                    found[policy.id] = policy
        return found

    def text(self, identity: str) -> str:
        """The text of one of them.

        Raises:
            InteropError: `unknown-policy`, when there is none.
        """
        return text_of(self._known(identity))

    def save(self, text: str, vocabulary: Vocabulary, taken: Mapping[str, Policy], *, instead: bool) -> Policy:
        """Writes a policy under its own id.

        Args:
            text: the policy, without a mistake.
            vocabulary: the words that it may use.
            taken: the policies of the catalogue.
            instead: whether it may replace one of that id.

        Raises:
            InteropError: `bad-policy`, with the mistakes; `policy-exists`; `too-many-policies`; `not-saved`, when the
                folder cannot be written.
        """
        policy, mistakes = check_text(text, vocabulary, taken)
        errors = [mistake for mistake in mistakes if mistake.severity == "error"]
        if policy is None or errors:
            raise PolicyError(errors)
        path = self._path(policy.id)
        if os.path.lexists(path) and not instead:
            sentence = f"there is a policy '{policy.id}' of your own already; edit that one, or take another id"
            raise InteropError("policy-exists", sentence, status=409)
        if len(self._files()) >= MOST_POLICIES and not path.exists():
            raise InteropError("too-many-policies", f"{MOST_POLICIES} policies of your own are enough; delete some")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            _write_at_once(path, text.encode())
        except OSError as error:
            sentence = f"{self.folder} cannot be written ({error.strerror}); see INTEROP_OWN_POLICIES"
            raise InteropError("not-saved", sentence, status=500) from error
        return policy

    def delete(self, identity: str) -> None:
        """Removes one of them.

        Raises:
            InteropError: `unknown-policy`, when there is none.
        """
        self._known(identity).unlink(missing_ok=True)

    def paths(self) -> dict[str, str]:
        """Where each of them is, as a command takes it: from here, where that is shorter."""
        return {path.stem: min(str(path), os.path.relpath(path), key=len) for path in self._files()}

    def _known(self, identity: str) -> Path:
        path = self._path(identity)
        if path not in self._files():
            raise InteropError("unknown-policy", f"there is no policy '{identity}' of your own", status=404)
        return path

    def _path(self, identity: str) -> Path:
        if not _is_name(identity):
            sentence = "a policy's id has small letters, digits and single '-'; take another one"
            raise InteropError("bad-policy-id", sentence)
        return self.folder / f"{identity}.yaml"

    def _files(self) -> list[Path]:
        """Plain files alone: a link could lead anywhere."""
        return [path for path in policy_files(self.folder) if _is_name(path.stem) and _is_plain(path)]


def details_of(policy: Policy) -> dict[str, Any]:
    """The file of a policy of the catalogue, to begin one's own with."""
    return {"id": policy.id, "text": text_of(CATALOGUE / policy.file)}


def _is_name(identity: str) -> bool:
    return len(identity) <= LONGEST_ID and _ID.fullmatch(identity) is not None and f"{identity}.yaml" != VOCABULARY_FILE


def _is_plain(path: Path) -> bool:
    return stat.S_ISREG(path.lstat().st_mode)


def _write_at_once(path: Path, text: bytes) -> None:
    """Whoever reads the file finds the old text or the new one, and a link in its place is replaced, not followed."""
    passing = path.with_name(f".{path.stem}.{token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(passing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as file:
            file.write(text)
        passing.replace(path)
    finally:
        passing.unlink(missing_ok=True)
