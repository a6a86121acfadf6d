"""The old pattern-class filter, and what it loses: an experiment beside the matcher, which compares everybody.

Before computers could compare a print with everybody's, files were divided by what a finger's pattern looks like, and a
search went only through the records of the same classes. That saves work, and costs people: a finger that was read
as another class hides its own record. Classes do not travel on the wire here, and no service filters by them.

*A person's fingers resemble each other.* With independent fingers, ten would leave a few records in a million; the
Inspector General of the Department of Justice wrote in 2006 that ten rolled prints let IAFIS search "about 2 percent"
of its file (I-2006-007, appendix I [R]). So each finger has, with chance `habit`, the one class that its owner's
fingers tend to, and otherwise a class of its own; `HABIT` is chosen so that ten fingers leave 2 %, and is nothing that
was measured [P].
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.prints import TEN, Bits
from services.chassis.draws import Integers, draws, picks

Classes = NDArray[np.uint8]
"""Pattern classes as places in `SHARES`, `[finger, person]`."""

SHARES: Final = {"arch": 0.037, "tented arch": 0.029, "left loop": 0.338, "right loop": 0.317, "whorl": 0.279}
"""How common each class is among fingers: Wilson, Candela and Watson, *Neural network fingerprint classification*
(NIST, 1993), from memory and to be confirmed [K]. Which finger it is, and of which hand, is left out."""

HABIT: Final = 0.8104
"""At which ten fingers leave 2 % of the file where no reading errs; see above."""

_WEIGHTS = np.array(list(SHARES.values())) / sum(SHARES.values())
_CLASSES = len(SHARES)


def _misread() -> NDArray[np.float64]:
    """As what a finger of each class is read when it is read wrongly, `[true, read]`: as common classes more often."""
    others = np.where(np.eye(_CLASSES, dtype=np.bool_), 0.0, _WEIGHTS)
    chances: NDArray[np.float64] = others / others.sum(axis=1, keepdims=True)
    return chances


_MISREAD = _misread()


@dataclass(frozen=True, slots=True)
class PatternModel:
    """How fingers come by their pattern classes, and how often one is read as another."""

    habit: float = HABIT
    """The chance that a finger has the class that its owner's fingers tend to."""

    error_share: float = 0.01
    """Of readings of a finger that was on file before: those that give another class than the file has.

    About 1 % is an illustration (matcher.md 3.7), and no figure about any system.
    """

    def lost(self, fingers: int) -> float:
        """The share of people on file whom the filter hides: at least one of so many fingers is read as another class.

        1 - (1 - error)^fingers, where all fingers have to agree.
        """
        return float(1 - (1 - self.error_share) ** fingers)

    def penetration(self, fingers: int) -> float:
        """The share of the file that a search goes through: the chance that strangers agree on so many fingers.

        Given what the fingers of both people tend to, fingers are independent; so it is a mean of powers.
        """
        filed = self.habit * np.eye(_CLASSES) + (1 - self.habit) * _WEIGHTS
        read = filed @ self._readings()
        agree = read @ filed.T
        return float(_WEIGHTS @ agree**fingers @ _WEIGHTS)

    def _readings(self) -> NDArray[np.float64]:
        """The chance that a finger of one class is read as another, `[true, read]`."""
        return (1 - self.error_share) * np.eye(_CLASSES) + self.error_share * _MISREAD


def on_file(seed: int, persons: Integers, model: PatternModel) -> Classes:
    """The classes that a file has of people's fingers: the same whoever asks, and in whatever order."""
    tends_to = picks(_WEIGHTS.tolist(), draws(seed, "pattern.habit", persons))
    classes = np.empty((TEN, len(persons)), np.uint8)
    for finger in range(TEN):
        own = picks(_WEIGHTS.tolist(), draws(seed, f"pattern.{finger}", persons))
        is_habitual = draws(seed, f"pattern.is_habitual.{finger}", persons) < model.habit
        classes[finger] = np.where(is_habitual, tends_to, own)
    return classes


def read_again(seed: int, persons: Integers, classes: Classes, model: PatternModel) -> Classes:
    """The classes as they are read when the same people are printed anew: some are read wrongly.

    Args:
        seed: the run's seed.
        persons: whose fingers they are.
        classes: what the file has of them.
        model: how often a reading differs.
    """
    ends = np.cumsum(_MISREAD, axis=1)
    read = classes.copy()
    for finger in range(TEN):
        is_wrong = draws(seed, f"pattern.misread.{finger}", persons) < model.error_share
        drawn = draws(seed, f"pattern.misread_as.{finger}", persons)
        another = (drawn.reshape(-1, 1) >= ends[classes[finger]]).sum(axis=1)
        read[finger] = np.where(is_wrong, np.minimum(another, _CLASSES - 1), classes[finger])
    return read


def passes(read: Classes, present: Bits, filed: Classes) -> Bits:
    """Which records a search goes through: those that agree with the reading on every finger that there is.

    Args:
        read: the classes of one probe, `[finger]`.
        present: which of its fingers there are.
        filed: the classes on file, `[finger, record]`.
    """
    through: Bits = (filed[present] == read[present].reshape(-1, 1)).all(axis=0)
    return through
