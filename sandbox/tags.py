"""Evidence tags: how well something about the real world is known. Nothing is imported here but words."""

from re import split

UNVERIFIED_TAGS = ("B", "K")
"""What was written down from memory, and not found in a source."""

TAGS = (
    "Tags: C and R, the source or an excerpt of it was read; 2nd, read about in another; S0 to S4, one of five articles"
    " of 2010 and 2011 (Boston Globe, Homeland Security Newswire, WBUR, Los Angeles Times, WGBH) says so; P, this"
    " project's own; B and K, from memory."
)
"""What the tags of sources mean."""


def is_unverified(tag: str) -> bool:
    """Whether a tag says that a thing was written down from memory; it must not be shown as a fact."""
    return any(part.partition(":")[0].strip() in UNVERIFIED_TAGS for part in split("[;,]", tag.strip("[]")))


def tag_in_words(tag: str) -> str:
    """The tag as reports show it."""
    bare = tag.strip("[] ")
    return f"[{bare}, unverified]" if is_unverified(tag) else f"[{bare}]"
