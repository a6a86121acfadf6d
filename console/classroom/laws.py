"""The laws of the hour as data: those that answer what a jail does about a request to hold."""

from typing import Any

from console.tables import decision_tables
from sandbox.policies.files import catalogue


def laws_for_class() -> dict[str, Any]:
    """The decision tables of the catalogue, and the ids of its laws in their order.

    Raises:
        InteropError: where the catalogue has no vocabulary.
    """
    folder = catalogue()
    tables = decision_tables(folder.policies.values(), folder.vocabulary)
    for policy in tables["policies"]:
        for unused in ("sha256", "duties", "binds"):
            policy.pop(unused)
    return {"tables": tables, "laws": [policy["id"] for policy in tables["policies"]]}
