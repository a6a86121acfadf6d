"""The answers to the guesses, as the lab's own comparison tells them."""

from math import floor

from console.classroom.population import Crowded
from console.classroom.yardsticks import GUESS_LAWS, QUESTIONS, Question
from sandbox.compare import Comparison, compare
from sandbox.runs import Request

HUNDRED = 100
_HALF = 0.5
"""Rounded as the page rounds: halves up."""


def answers_of(request: Request, population: Crowded) -> list[tuple[Question, str]]:
    """Each question with its answer: so many of a hundred, to the whole number.

    Raises:
        InteropError: a scenario that is unknown or has mistakes.
    """
    result = compare(Comparison(request, GUESS_LAWS))
    first, second = (each["counted"] for each in result["policies"])
    shares = population.data["shares"]
    counted = {
        "unconvicted": shares["unconvicted"] / shares["matches"],
        "lodged": shares["lodged"] / shares["matches"],
        "held_a": first["held"]["dot"] / population.cases,
        "held_b": second["held"]["dot"] / population.cases,
        "taken_a": first["transferred"]["dot"] / population.cases,
    }
    return [(question, str(floor(counted[question.id] * HUNDRED + _HALF))) for question in QUESTIONS]
