"""Data that stand in a page for its scripts."""

import json
from typing import Any

from markupsafe import Markup


def as_data(value: Any) -> Markup:
    """JSON that can stand in a `<script type="application/json">`: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026"))  # noqa: S704  escaped
