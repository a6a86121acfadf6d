"""`interop bench lab`: how fast the policy lab decides and compares, as ratios within one run.

Facts are drawn evenly over their values, which is harder than any population: there, few combinations occur. Each
comparison runs in a process of its own, and tells its own peak of memory.
"""

import multiprocessing
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from sandbox.compare import Comparison, compare
from sandbox.lab.cells import Fact, decide_all
from sandbox.lab.expressions import NEVER_AS_NUMBER, compile_policy
from sandbox.runs import Request
from sandbox.scenario import HOME, names_in
from services.chassis.policy import NEVER, Kind, Policy, Value, Vocabulary, decide, load_policy, load_vocabulary

QUESTION = "detainer"
SCENARIO = "boston-2008-2010"
COMPARED = ("us-full-cooperation", "us-ca-trust-act-2014", "us-il-cook-2011")
SEED = 2008
GALLERY_ROWS = 1_000_000
IN_A_LOOP = 20_000
"""Rows of each policy that are decided one by one: more would only take longer."""

_KIB_A_MIB = 1024


def measure(rows: Sequence[int], bookings: Sequence[int], on_step: Callable[[str], None]) -> dict[str, Any]:
    """Decides so many rows under every detainer policy of the catalogue, and compares policies on so many bookings."""
    policies = _catalogue()
    # A process starts with the peak of the one that started it, so what is small comes first.
    compared = [_compared(count, on_step) for count in bookings]
    decided = [_decide(policies, count, on_step) for count in rows]
    last = decided[-1]
    return {
        "policies": len(policies),
        "decided": _with_ratios(decided, "rows"),
        "decisions_a_second": last["decisions_a_second"],
        "ratio_to_loop": round(last["decisions_a_second"] / last["in_a_loop_a_second"], 1),
        "ratio_to_expressions": round(last["decisions_a_second"] / last["by_expressions_a_second"], 2),
        "cost_ratio": _with_ratios(decided, "rows")[-1]["cost_ratio"],
        "scenario": SCENARIO,
        "compared_policies": COMPARED,
        "compared": _with_ratios(compared, "bookings"),
    }


def _decide(policies: Sequence[Policy], count: int, on_step: Callable[[str], None]) -> dict[str, Any]:
    cells, loop, compiled = 0.0, 0.0, 0.0
    for place, policy in enumerate(policies):
        on_step(f"{count:,} rows: {policy.id}")
        facts = _drawn(policy, count, np.random.default_rng([SEED, place]))
        cells += _seconds(partial(decide_all, policy, facts, count))
        few = min(count, IN_A_LOOP)
        rows = [{name: fact.values[fact.places[row]] for name, fact in facts.items()} for row in range(few)]
        policy.verdicts.clear()
        loop += _seconds(partial(_in_a_loop, policy, rows)) * count / few
        frame, answers = _frame(policy.vocabulary, facts, count), compile_policy(policy)
        compiled += _seconds(partial(frame.select, **answers))
    decisions = count * len(policies)
    return {
        "rows": count,
        "seconds": round(cells, 3),
        "decisions_a_second": round(decisions / cells),
        "in_a_loop_a_second": round(decisions / loop),
        "by_expressions_a_second": round(decisions / compiled),
    }


def _in_a_loop(policy: Policy, rows: Sequence[Mapping[str, Value | None]]) -> None:
    for row in rows:
        decide(policy, row)


def _compared(bookings: int, on_step: Callable[[str], None]) -> dict[str, Any]:
    on_step(f"a comparison of {bookings:,} bookings")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        return alone.submit(_compare, bookings).result()


def _compare(bookings: int) -> dict[str, Any]:
    request = Request(SCENARIO, bookings, SEED, regime="ice-r1-levels-2008", gallery_rows=GALLERY_ROWS, search="mates")
    seconds = _seconds(partial(compare, Comparison(request, COMPARED)))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // _KIB_A_MIB
    return {"bookings": bookings, "seconds": round(seconds, 3), "peak_mib": peak}


def _with_ratios(measured: Sequence[Mapping[str, Any]], size: str) -> list[dict[str, Any]]:
    """Each with the ratio of its cost for one to that of the first."""
    first = measured[0]["seconds"] / measured[0][size]
    return [{**each, "cost_ratio": round(each["seconds"] / each[size] / first, 3)} for each in measured]


def _catalogue() -> list[Policy]:
    folder = HOME / "policies"
    texts = {name: (folder / f"{name}.yaml").read_text(encoding="utf-8") for name in names_in(folder)}
    vocabulary = load_vocabulary(texts.pop("vocabulary"), "vocabulary")
    policies = [load_policy(text, name, vocabulary) for name, text in texts.items()]
    return [policy for policy in policies if policy.question.name == QUESTION]


def _drawn(policy: Policy, count: int, random: np.random.Generator) -> dict[str, Fact]:
    domains: dict[str, Sequence[Value | None]] = {name: policy.vocabulary.facts[name].domain for name in policy.reads}
    return {
        name: Fact(random.integers(0, len(domain), count, dtype=np.uint16), domain) for name, domain in domains.items()
    }


def _frame(vocabulary: Vocabulary, facts: Mapping[str, Fact], count: int) -> pl.DataFrame:
    """The same facts as columns of values."""
    columns = {"row": pl.Series(np.zeros(count, np.uint8))}
    for name, fact in facts.items():
        is_number = vocabulary.facts[name].kind is Kind.NUMBER
        values = [NEVER_AS_NUMBER if is_number and value == NEVER else value for value in fact.values]
        columns[name] = pl.Series(values, dtype=pl.Int16 if is_number else None).gather(fact.places)
    return pl.DataFrame(columns)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
