"""The process that counts: `python -m console.claims.worker ORDER` writes one line of JSON for each step it takes.

The lines are `{"done": ..., "of": ..., "words": ...}`, and at last `{"result": ...}` or `{"error": ...}`.
"""

import sys
from typing import Any

from console.claims.counting import count_run
from console.claims.order import order_from
from console.working import Tell, run


def main() -> None:
    """Counts the run of the order in the first argument, as `Order.text` wrote it."""
    run(_counted)


def _counted(tell: Tell) -> dict[str, Any]:
    return count_run(order_from(sys.argv[1]), lambda done, of, words: tell({"done": done, "of": of, "words": words}))


if __name__ == "__main__":
    main()
