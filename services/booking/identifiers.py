"""No real data gets in: identifiers live in ranges that no agency issues, and free text may not hold one.

The real forms are described in EBTS and NCIC (ORI 9 characters, A-number 8 or 9 digits, SID 3-10 characters).
"""

import re
from hashlib import blake2b
from typing import Annotated

from pydantic import AfterValidator, Field

_ORI = re.compile(r"ZZ[0-9A-Z]{7}")
_A_NUMBER = re.compile(r"A000[0-9]{6}")
_SID = re.compile(r"ZZ[0-9]{6,8}")
_LABEL = re.compile(r"[A-Z][a-z]{2,15}-[0-9]{1,7}")
_GAP = r"[\s._-]?"
_LOOKS_REAL = re.compile(
    rf"(?<![0-9])([0-9]{{8,}}|[0-9]{{3}}{_GAP}[0-9]{{2}}{_GAP}[0-9]{{4}}|[0-9]{{3}}{_GAP}[0-9]{{3}}{_GAP}[0-9]{{2,3}})(?![0-9])"
)
"""Eight digits or more, or nine in the groups of a social security number (3-2-4) or an A-number (3-3-3, 3-3-2)."""


def _sandbox_ori(value: str) -> str:
    if not _ORI.fullmatch(value):
        raise ValueError(
            f"'{value}' is not a sandbox ORI: it must begin with ZZ (no real agency does), 9 characters in all"
        )
    return value


def _sandbox_a_number(value: str) -> str:
    if not _A_NUMBER.fullmatch(value):
        raise ValueError("this could be a real A-number; the sandbox takes only A000 and six digits")
    return value


def _sandbox_sid(value: str) -> str:
    if not _SID.fullmatch(value):
        raise ValueError("this could be a real SID; the sandbox takes only ZZ and six to eight digits")
    return value


def _label(value: str) -> str:
    if not _LABEL.fullmatch(value):
        raise ValueError("people have labels like 'Heron-41' here, never names")
    return value


def _no_identifier(value: str) -> str:
    if _LOOKS_REAL.search(value):
        raise ValueError("the text holds what looks like a real identifier; the sandbox takes none")
    return value


Ori = Annotated[str, AfterValidator(_sandbox_ori)]
ANumber = Annotated[str, AfterValidator(_sandbox_a_number)]
Sid = Annotated[str, AfterValidator(_sandbox_sid)]
Label = Annotated[str, AfterValidator(_label)]
Oca = Annotated[str, Field(pattern=r"^[A-Z0-9-]{1,20}$"), AfterValidator(_no_identifier)]
FreeText = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(_no_identifier)]


def tcn_of(runid: str, ori: str, oca: str) -> str:
    """The transaction control number: the same booking of the same run always has the same one (EBTS 1.009, 10-40)."""
    return "ZZ" + blake2b(f"{runid}\x1f{ori}\x1f{oca}".encode(), digest_size=9).hexdigest().upper()


def subject_of(ori: str, oca: str) -> str:
    """The booking's reference, which does not depend on the run."""
    return f"{ori}/{oca}"
