"""Which files a check or a question is about, and their policies."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sandbox.home import HOME
from sandbox.policies.check import check_policy, check_together
from services.chassis.errors import InteropError
from services.chassis.policy import Mistake, Policy, PolicyError, PolicyFolder, Vocabulary, load_policy, load_vocabulary
from services.chassis.policy.folder import CASES, VOCABULARY_FILE, policy_files, text_of, twice

CATALOGUE = HOME / "policies"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has found, in the order of files, lines and columns."""

    files: int
    findings: tuple[Mistake, ...]

    @property
    def errors(self) -> int:
        """How many of them are errors."""
        return sum(found.severity == "error" for found in self.findings)


def check_paths(paths: Sequence[Path]) -> Checked:
    """Checks files and folders together: each by itself, and enacted ones against each other.

    Raises:
        InteropError: `no-such-file`, when one of the paths is neither; `no-policies`, when a folder has none.
    """
    files = [file for path in paths for file in _files_at(path)]
    found: dict[tuple[str, int, int, str], Mistake] = {}
    policies = []
    vocabularies: dict[Path, Vocabulary | None] = {}
    for file in dict.fromkeys(files):
        words = _vocabulary_file(file)
        try:
            if words not in vocabularies:
                vocabularies[words] = None
                vocabularies[words] = load_vocabulary(text_of(words), _shown(words))
            vocabulary = vocabularies[words]
            if vocabulary is not None:
                policy = load_policy(text_of(file), _shown(file), vocabulary)
                policies.append(policy)
                _keep(found, check_policy(policy))
        except PolicyError as error:
            _keep(
                found,
                [
                    replace(mistake, file=_shown(file)) if mistake.file == file.name else mistake
                    for mistake in error.mistakes
                ],
            )
    _keep(found, check_together(policies))
    _keep(found, _same_ids(policies))
    return Checked(len(dict.fromkeys(files)), tuple(found[place] for place in sorted(found)))


def policy_named(name: str) -> Policy:
    """A policy of the catalogue by its id, or of a file by its path, which ends with `.yaml`.

    Raises:
        InteropError: `unknown-policy`, with a suggestion; PolicyError, when the file has mistakes.
    """
    is_path = name.endswith(".yaml")
    path = Path(name) if is_path else CATALOGUE / f"{name}.yaml"
    if not path.is_file() and not is_path:
        return catalogue().policy(name)
    if not path.is_file():
        raise InteropError("unknown-policy", f"there is no file '{name}'. See 'interop policies list'.")
    words = _vocabulary_file(path)
    return load_policy(text_of(path), path.name, load_vocabulary(text_of(words), words.name))


def catalogue() -> PolicyFolder:
    """The policies of this repository."""
    return PolicyFolder(CATALOGUE)


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        files = policy_files(path)
        if not files:
            raise InteropError("no-policies", f"{path} holds no policies; they are files that end with .yaml")
        return files
    if not path.is_file():
        raise InteropError("no-such-file", f"there is no file or folder '{path}'")
    if path.name.endswith(CASES) or path.name == VOCABULARY_FILE:
        raise InteropError("no-policies", f"{path} is no policy; name a policy's file, or the folder")
    return [path]


def _vocabulary_file(policy: Path) -> Path:
    beside = policy.parent / VOCABULARY_FILE
    return beside if beside.is_file() else CATALOGUE / VOCABULARY_FILE


def _shown(path: Path) -> str:
    """A path as a message shows it: from here, where that is shorter."""
    return min(str(path), os.path.relpath(path), key=len)


def _same_ids(policies: Iterable[Policy]) -> list[Mistake]:
    known: dict[str, Policy] = {}
    return [twice(policy, known[policy.id]) for policy in policies if known.setdefault(policy.id, policy) is not policy]


def _keep(found: dict[tuple[str, int, int, str], Mistake], mistakes: Iterable[Mistake]) -> None:
    for mistake in mistakes:
        found[mistake.file, mistake.line, mistake.column, mistake.sentence] = mistake
