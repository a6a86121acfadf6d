"""Policies as polars expressions over columns of facts, one for each lever, compiled from the same files.

They are for whoever has facts in a table of their own. The lab itself asks `decide` once for each combination of facts
that a policy tells apart (`sandbox.lab.cells`): that gives the reasons, too, and over the catalogue it decides 1.4 to
1.9 times as many rows a second, even on facts drawn evenly, where most combinations occur (`interop bench lab`
measures both).
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from operator import and_, or_

import polars as pl

from services.chassis.policy import NEVER, Clause, Kind, Policy, Value, Vocabulary
from services.chassis.policy.conditions import Condition

NEVER_AS_NUMBER = -1
"""How columns of numbers spell `never`."""


def compile_policy(policy: Policy) -> dict[str, pl.Expr]:
    """The answer on each lever, as an expression over the columns that `facts_frame` makes.

    Where clauses contradict each other, so that `decide` raises an error, the answer is null.
    """
    applies = {clause.id: _applies(clause, policy.vocabulary) for clause in policy.clauses}
    return {lever: _answer(policy, lever, applies) for lever in policy.question.levers}


def facts_frame(
    vocabulary: Vocabulary, rows: Sequence[Mapping[str, Value | None]], names: Iterable[str]
) -> pl.DataFrame:
    """Facts as columns: words as text, yes and no as booleans, numbers as numbers; null where nobody said.

    Raises:
        InteropError: for an unknown fact or value.
    """
    columns: dict[str, pl.Series] = {}
    for name in names:
        fact = vocabulary.fact(name)
        given = [row.get(name) for row in rows]
        values = [None if value is None else _spelled(fact.canonical(value), fact.kind) for value in given]
        kind = {Kind.YES_NO: pl.Boolean(), Kind.NUMBER: pl.Int16()}.get(fact.kind, pl.String())
        columns[name] = pl.Series(name, values, dtype=kind)
    return pl.DataFrame(columns)


def _answer(policy: Policy, lever: str, applies: Mapping[str, pl.Expr]) -> pl.Expr:
    speaking = [clause for clause in policy.clauses if lever in clause.then]
    standing: dict[str, list[pl.Expr]] = {}
    for clause in speaking:
        gives_way = [applies[other.id] for other in speaking if clause.id in other.notwithstanding]
        stands = applies[clause.id] & ~_any(gives_way)
        standing.setdefault(clause.then[lever], []).append(stands)
    otherwise = policy.otherwise.then.get(lever) if policy.otherwise is not None else None
    silent = otherwise or policy.question.unanswered
    says = {answer: _any(clauses) for answer, clauses in standing.items()}
    answer = pl.lit(silent, dtype=pl.String)
    for word, said in says.items():
        answer = pl.when(said).then(pl.lit(word)).otherwise(answer)
    agreeing = pl.sum_horizontal(pl.lit(0), *says.values()) <= 1
    return pl.when(agreeing).then(answer).alias(lever)


def _applies(clause: Clause, vocabulary: Vocabulary) -> pl.Expr:
    return _holds(clause.when, vocabulary) & ~_holds(clause.unless, vocabulary)


def _holds(condition: Condition, vocabulary: Vocabulary) -> pl.Expr:
    alternatives = [
        _all(
            pl.col(test.fact)
            .fill_null(_spelled(vocabulary.facts[test.fact].when_missing, vocabulary.facts[test.fact].kind))
            .is_in([_spelled(value, vocabulary.facts[test.fact].kind) for value in test.allowed])
            for test in tests
        )
        for tests in condition.alternatives
    ]
    return _any(alternatives)


def _spelled(value: Value, kind: Kind) -> Value:
    return NEVER_AS_NUMBER if kind is Kind.NUMBER and value == NEVER else value


def _any(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(or_, conditions, pl.lit(value=False))


def _all(conditions: Iterable[pl.Expr]) -> pl.Expr:
    return reduce(and_, conditions, pl.lit(value=True))
