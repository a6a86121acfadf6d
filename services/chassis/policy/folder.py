"""A folder of policies that people edit while it is in use: what changed is read again, and what is broken is not.

A file that has mistakes leaves its last good version in force, and the mistakes are told. The worked cases beside the
policies are no policies.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from services.chassis.errors import InteropError
from services.chassis.policy.loader import load_policy
from services.chassis.policy.mistakes import Mistake, PolicyError, did_you_mean
from services.chassis.policy.model import Policy
from services.chassis.policy.vocabulary import Vocabulary
from services.chassis.policy.vocabulary_loader import load_vocabulary

VOCABULARY_FILE = "vocabulary.yaml"
CASES = ".cases.yaml"

_Stamp = tuple[int, int, int]


@dataclass(slots=True)
class _File:
    stamp: _Stamp | None = None
    vocabulary: Vocabulary | None = None
    policy: Policy | None = None
    mistakes: Sequence[Mistake] = field(default_factory=tuple)


class PolicyFolder:
    """The policies of a folder, by id, as its files were when they were last in order. Safe to use from threads."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._vocabulary = _File()
        self._files: dict[Path, _File] = {}
        self._policies: dict[str, Policy] = {}
        self._mistakes: tuple[Mistake, ...] = ()
        self._lock = Lock()

    @property
    def policies(self) -> dict[str, Policy]:
        """All policies in force here, by id; files that changed are read first."""
        self.refresh()
        return self._policies

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """What is wrong with the files as they are now; where a file had a good version, that is still in force."""
        self.refresh()
        return self._mistakes

    @property
    def vocabulary(self) -> Vocabulary:
        """The last good vocabulary.

        Raises:
            InteropError: `no-vocabulary`, when there never was one.
        """
        self.refresh()
        vocabulary = self._vocabulary.vocabulary
        if vocabulary is None:
            why = "; ".join(str(mistake) for mistake in self._vocabulary.mistakes)
            raise InteropError("no-vocabulary", f"{self.path} has no vocabulary that can be used: {why}", status=503)
        return vocabulary

    def policy(self, identity: str) -> Policy:
        """The policy of that id.

        Raises:
            InteropError: `unknown-policy`, with a suggestion; PolicyError, when its file never was in order.
        """
        self.refresh()
        found = self._policies.get(identity)
        if found is not None:
            return found
        broken = self._files.get(self.path / f"{identity}.yaml", self._vocabulary)
        if broken.mistakes:
            raise PolicyError(broken.mistakes)
        raise unknown_policy(identity, self._policies)

    def refresh(self) -> None:
        """Reads what has changed since the last time."""
        with self._lock:
            paths = policy_files(self.path)
            fresh = self._refresh_vocabulary() | self._refresh_files(paths)
            if fresh or self._files.keys() != set(paths):
                self._files = {path: self._files[path] for path in paths}
                self._index()

    def _refresh_vocabulary(self) -> bool:
        path = self.path / VOCABULARY_FILE
        stamp = _stamp(path)
        known = self._vocabulary
        if stamp == known.stamp and (stamp or known.mistakes):
            return False
        try:
            self._vocabulary = _File(stamp, load_vocabulary(text_of(path), path.name))
        except PolicyError as error:
            self._vocabulary = _File(stamp, known.vocabulary, mistakes=error.mistakes)
        return True

    def _refresh_files(self, paths: Sequence[Path]) -> bool:
        vocabulary = self._vocabulary.vocabulary
        fresh = False
        for path in paths:
            known = self._files.setdefault(path, _File())
            stamp = _stamp(path)
            if vocabulary is None or (stamp == known.stamp and known.vocabulary is vocabulary):
                continue
            fresh = True
            try:
                self._files[path] = _File(stamp, vocabulary, load_policy(text_of(path), path.name, vocabulary))
            except PolicyError as error:
                self._files[path] = _File(stamp, vocabulary, known.policy, error.mistakes)
        return fresh

    def _index(self) -> None:
        mistakes = [*self._vocabulary.mistakes]
        policies: dict[str, Policy] = {}
        for file in self._files.values():
            mistakes.extend(file.mistakes)
            policy = file.policy
            if policy is None:
                continue
            other = policies.setdefault(policy.id, policy)
            if other is not policy:
                mistakes.append(twice(policy, other))
        self._policies, self._mistakes = policies, tuple(mistakes)


def unknown_policy(name: str, known: Iterable[str]) -> InteropError:
    """What to say when there is no policy of that name."""
    sentence = f"no policy '{name}'.{did_you_mean(name, known)} See 'interop policies list'."
    return InteropError("unknown-policy", sentence, status=404)


def policy_files(folder: Path) -> list[Path]:
    """The files of a folder that are policies, by name."""
    return sorted(
        path for path in folder.glob("*.yaml") if path.name != VOCABULARY_FILE and not path.name.endswith(CASES)
    )


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        PolicyError: it cannot be read, or is no text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError([Mistake(path.name, 1, 1, f"the file cannot be read: {error.strerror}.")]) from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise PolicyError([Mistake(path.name, line, 1, "the file is no text in UTF-8.")]) from None


def twice(policy: Policy, other: Policy) -> Mistake:
    """The mistake of giving an id that another file has."""
    line, column = policy.place_of("policy")
    return Mistake(policy.file, line, column, f"'{policy.id}' is already the id of the policy in {other.file}.")


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
