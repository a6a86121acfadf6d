"""Where a figure comes from: every one on a page can be asked.

A published figure has its citation and how well it is known; a simulated one has the command that reproduces it.
"""

from dataclasses import dataclass
from itertools import count
from typing import Literal

from sandbox.tags import is_unverified, tag_in_words

_NUMBERS = count(1)


@dataclass(frozen=True, slots=True)
class Source:
    """What is told when somebody asks where a figure comes from.

    Attributes:
        kind: whether the figure was published, comes from this sandbox, or is a choice of this project.
        citation: who published it, when and where; or what a simulated figure counts.
        tag: the evidence tag of the dossier, `[C:...]`, `[S2]`, `[2nd:...]`, `[B]`, `[P]`; none for what is simulated.
        url: where to read it.
        command: what reproduces a simulated figure.
    """

    kind: Literal["published", "simulated", "project"]
    citation: str
    tag: str | None = None
    url: str | None = None
    command: str | None = None

    @property
    def tag_words(self) -> str | None:
        """How well the figure is known, in words."""
        return None if self.tag is None else tag_in_words(self.tag)

    @property
    def is_unverified(self) -> bool:
        """Whether nobody here has read it in its source, so that it must not be shown as a fact."""
        return self.tag is not None and is_unverified(self.tag)


def published(citation: str, tag: str, url: str | None = None) -> Source:
    """The source of a published figure."""
    return Source("published", citation, tag=tag, url=url)


def simulated(what: str, command: str) -> Source:
    """The source of a figure of this sandbox: what it counts, and the command that gives it again."""
    return Source("simulated", what, command=command)


def next_id(kind: str) -> str:
    """An id for an element that nobody links to; unique on its page, whatever the page is put together from."""
    return f"{kind}-{next(_NUMBERS)}"
