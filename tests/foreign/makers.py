"""Who makes the exports that the foreign verifiers are shown."""

from collections.abc import Callable
from pathlib import Path

from tests.foreign import our_export
from tests.foreign.export import Export, make_export

MAKERS: tuple[Callable[[Path, int], Export], ...] = (make_export, our_export.make)
"""All that the foreign verifiers are shown."""
