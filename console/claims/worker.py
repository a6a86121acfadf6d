"""The process that counts: `python -m console.claims.worker ORDER` writes one line of JSON for each step it takes.

The lines are `{"done": ..., "of": ..., "words": ...}`, and at last `{"counted": ...}` or `{"error": ...}`.
"""

import json
import sys
from typing import Any

from console.claims.counting import count_run
from console.claims.order import order_from
from services.chassis.errors import InteropError


def main() -> None:
    """Counts the run of the order in the first argument, as `Order.text` wrote it."""
    try:
        _tell({"counted": count_run(order_from(sys.argv[1]), _tell_step)})
    except InteropError as error:
        _tell({"error": {"code": error.code, "message": error.sentence}})


def _tell_step(done: int, of: int, words: str) -> None:
    _tell({"done": done, "of": of, "words": words})


def _tell(line: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
