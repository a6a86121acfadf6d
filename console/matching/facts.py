"""What was published about files and records, with its sources; error rates are in `sandbox.published_rates`."""

from console.sources import Source, published

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
