"""Errors that reach people: one sentence, a stable code, and the next step.

InteropError
├── (codes are data, not classes: `unknown-run`, `bad-booking`, `redis-filling`, ...)
└── InfrastructureError   Redis or a database is out of reach; the input stays pending and nothing is counted against it
"""


class InteropError(Exception):
    """What went wrong, as `code: sentence`; the sentence ends with what to do next.

    `code` is public and stable: programs may match on it. `status` is the HTTP status that says the same.
    """

    def __init__(self, code: str, sentence: str, *, status: int = 422) -> None:
        super().__init__(f"{code}: {sentence}")
        self.code = code
        self.sentence = sentence
        self.status = status


class InfrastructureError(InteropError):
    """Redis or a database is out of reach: no input is to blame, so none is dead-lettered for it."""

    def __init__(self, sentence: str) -> None:
        super().__init__("infrastructure", sentence, status=503)
