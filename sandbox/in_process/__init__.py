"""A scenario through the services' pure handlers in this machine's memory, for runs too large for the streams."""

from sandbox.in_process.run import InProcessResult, Progress, run_in_process
from sandbox.in_process.searches import MATCH, NO_ROW, SEARCHED, Search

__all__ = ["MATCH", "NO_ROW", "SEARCHED", "InProcessResult", "Progress", "Search", "run_in_process"]
