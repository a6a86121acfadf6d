"""Where the sandbox is, and what every output of it says. Nothing is imported here: every command imports this."""

from pathlib import Path

HOME = Path(__file__).resolve().parent.parent
"""Where scenarios/, policies/ and contracts/ are: beside the code, in a checkout and in the image alike."""

NOTICE = "Simulated. Not data about any place. Not legal advice."
