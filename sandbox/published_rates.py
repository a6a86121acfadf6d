"""What was published about how well searches work, beside what the model gives for the same setting."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import log10
from typing import Final

from services.biometric_match.prints import PRESETS, Preset
from services.biometric_match.rates import miss_rates, scores_asked


@dataclass(frozen=True, slots=True)
class Source:
    """Who published it: in words, with the evidence tag and the address."""

    words: str
    tag: str
    url: str | None = None


NISTIR_7110: Final = Source(
    "NIST, Matching Performance for the US-VISIT IDENT System Using Flat Fingerprints, NISTIR 7110, 2004."
    " True accept rates of searches on two flat prints in a gallery of 6 million, and of one-to-one checks.",
    "C:NISTIR 7110",
    "https://doi.org/10.6028/NIST.IR.7110",
)
NISTIR_8034: Final = Source(
    "NIST, Fingerprint Vendor Technology Evaluation, NISTIR 8034, 2014 (FpVTE 2012). That the test took place and how"
    " large it was is in the source; the values here are as remembered, and nobody here has read them in its tables.",
    "B",
    "https://doi.org/10.6028/NIST.IR.8034",
)
AFIT: Final = Source(
    "Ten-print search of the FBI, before and after the new matcher of 2011: from 92 per cent to at least 99.",
    "C",
)


@dataclass(frozen=True, slots=True)
class PublishedRate:
    """A published error rate, and the setting of the model that it is held against."""

    what: str
    figure: str
    source: Source
    model: Preset | None = None
    """The preset; None where no threshold was published, so that no setting of the model answers to the figure."""

    fingers: int = 10
    rows: float = 1
    fpir: float | None = None
    decibels: float = 0.0
    """The threshold, where it was given for one comparison and not for a search."""

    def modelled(self) -> float | None:
        """The share that the model misses at the published setting; a missing finger scores nothing."""
        if self.model is None:
            return None
        decibels = self.decibels if self.fpir is None else 10 * log10(self.rows / self.fpir)
        score = scores_asked(self.fingers, 10 ** (-decibels / 10))[-1]
        model = PRESETS[self.model]
        return miss_rates(model, self.fingers).rate_at(score, model.missing_share)


PUBLISHED_RATES: Final = (
    PublishedRate("IDENT, two index fingers, 6 million on file, FPIR 0.31 % (as it was run)", "4 % missed", NISTIR_7110,
                  "ident-2004", 2, 6e6, fpir=0.0031),
    PublishedRate("IDENT, two index fingers, 6 million on file, FPIR 0.08 %", "5 % missed", NISTIR_7110,
                  "ident-2004", 2, 6e6, fpir=0.0008),
    PublishedRate("IDENT, two index fingers, one to one, false accepts 0.1 %", "0.5 % missed", NISTIR_7110,
                  "ident-2004", 2, decibels=30),
    PublishedRate("Best systems of 2012, two index fingers, 1.6 million on file, FPIR 0.1 %", "about 0.27 % missed",
                  NISTIR_8034, "afit-2012", 2, 1.6e6, fpir=0.001),
    PublishedRate("Best systems of 2012, ten fingers, 5 million on file, FPIR 0.1 %", "about 0.1 % missed", NISTIR_8034,
                  "afit-2012", 10, 5e6, fpir=0.001),
    PublishedRate("The FBI's search on ten prints before 2011 (IAFIS)", "8 % missed", AFIT),
    PublishedRate("The FBI's search on ten prints from 2011 (NGI, AFIT)", "at most 1 % missed", AFIT),
)  # fmt: skip


def beside_the_model() -> Iterator[dict[str, object]]:
    """Each figure with what the model gives, in the form that `--json` prints."""
    for rate in PUBLISHED_RATES:
        yield {
            "what": rate.what,
            "published": rate.figure,
            "model": rate.modelled(),
            "source": rate.source.words,
            "tag": rate.source.tag,
        }
