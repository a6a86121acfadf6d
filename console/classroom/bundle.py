"""Several of our own scripts as one, for a page that may load nothing.

A file that is opened from a stick may not import another. So modules are joined: what they import from each other is
already there. That holds for scripts written as ours are: named imports and exports of functions, classes and
constants, and no name used twice.
"""

import re
from collections.abc import Sequence
from pathlib import Path

from services.chassis.errors import InteropError

_IMPORT = re.compile(r"^import \{[^}]*\} from \"\./[\w-]+\.js\";\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function|class|const|let)", re.MULTILINE)
_ANY_MODULE_WORD = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)
_NAMES = re.compile(r"^(?:async )?(?:function\*?|class|const|let) ([\w$]+)", re.MULTILINE)
_ELEMENT_END = re.compile(r"</(?=script)|<!--", re.IGNORECASE)


def joined(files: Sequence[Path]) -> str:
    """The modules as one script, those first that others import from.

    Raises:
        InteropError: `bad-script`, for a module that cannot be joined with the others.
    """
    parts = [_EXPORT.sub("", _IMPORT.sub("", file.read_text(encoding="utf-8"))) for file in files]
    whole = "\n".join(parts)
    names = _NAMES.findall(whole)
    problem = (
        next((f"has '{found}'" for found in _ANY_MODULE_WORD.findall(whole)), None)
        or next((f"has the name '{name}' twice" for name in names if names.count(name) > 1), None)
        or ("could end its own element" if _ELEMENT_END.search(whole) else None)
    )
    if problem is not None:
        raise InteropError(
            "bad-script", f"the page's scripts cannot be joined: one {problem}; mend console/classroom/page"
        )
    return whole
