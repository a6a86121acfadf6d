"""What was published about how well searches work, beside what the model gives for the same."""

from dataclasses import dataclass

from console.sources import Source, published

NISTIR_7110 = published(
    "NIST, Matching Performance for the US-VISIT IDENT System Using Flat Fingerprints, NISTIR 7110, 2004."
    " True accept rates of searches on two flat prints in a gallery of 6 million, and of one-to-one checks.",
    "C:NISTIR 7110",
    "https://doi.org/10.6028/NIST.IR.7110",
)
NISTIR_8034 = published(
    "NIST, Fingerprint Vendor Technology Evaluation, NISTIR 8034, 2014 (FpVTE 2012). That the test took place and how"
    " large it was is in the source; the values here are as remembered, and nobody here has read them in its tables.",
    "B",
    "https://doi.org/10.6028/NIST.IR.8034",
)
AFIT = published(
    "Ten-print search of the FBI, before and after the new matcher of 2011: from 92 per cent to at least 99.",
    "C",
)
IDENT_SIZE = published("IDENT held 120 million people's prints in 2010, and some 260 million in 2019.", "C")
TRAC = published(
    "TRAC, from records released under the Freedom of Information Act: 834 of 949,126 detainers, fiscal years 2008 to"
    " early 2012, were on United States citizens. Of detainers; only those who came to be known as citizens.",
    "C:TRAC",
)
WARREN = published(
    "Warren Institute, Secure Communities by the Numbers, October 2011: about 1.6 per cent of those apprehended were"
    " United States citizens. From a sample of 375; who counts as a citizen was inferred, and the Center for"
    " Immigration Studies disputes it. The size of the sample is as remembered.",
    "C; B",
)
DEPNATION = published(
    "477,035 matches by February 2011, deportationnation.org: about 6.6 per cent of the submissions by then.",
    "C:DEPNATION",
)
STALE_RANGE = Source(
    "project",
    "The default share, 1 to 3 per cent of matches, is this project's own, between what TRAC and the Warren Institute"
    " published; neither counts the same thing.",
    tag="P",
)


@dataclass(frozen=True, slots=True)
class Published:
    """A published error rate, and the setting of the model that it is held against."""

    what: str
    figure: str
    source: Source
    model: str | None = None
    fingers: str = "10"
    rows: float = 1
    fpir: float | None = None
    decibels: float | None = None


PUBLISHED = (
    Published("IDENT, two index fingers, 6 million on file, FPIR 0.31 % (as it was run)", "4 % missed", NISTIR_7110,
              "ident-2004", "2", 6e6, fpir=0.0031),
    Published("IDENT, two index fingers, 6 million on file, FPIR 0.08 %", "5 % missed", NISTIR_7110,
              "ident-2004", "2", 6e6, fpir=0.0008),
    Published("IDENT, two index fingers, one to one, false accepts 0.1 %", "0.5 % missed", NISTIR_7110,
              "ident-2004", "2", decibels=30),
    Published("Best systems of 2012, two index fingers, 1.6 million on file, FPIR 0.1 %", "about 0.27 % missed",
              NISTIR_8034, "afit-2012", "2", 1.6e6, fpir=0.001),
    Published("Best systems of 2012, ten fingers, 5 million on file, FPIR 0.1 %", "about 0.1 % missed", NISTIR_8034,
              "afit-2012", "10", 5e6, fpir=0.001),
    Published("The FBI's search on ten prints before 2011 (IAFIS)", "8 % missed", AFIT),
    Published("The FBI's search on ten prints from 2011 (NGI, AFIT)", "at most 1 % missed", AFIT),
)  # fmt: skip
"""The FBI's rates were given without a threshold, so that no setting of the model answers to them."""
