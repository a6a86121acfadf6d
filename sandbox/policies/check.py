"""What can be wrong with a policy that reads well: found exhaustively, because every policy is a finite table.

Errors are what nobody can have meant: clauses that contradict each other, or never have a say. Notes are what may be
meant but is worth a look. Each has an example, so that nobody has to take it on trust.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import combinations, groupby

from services.chassis.policy.decide import hear
from services.chassis.policy.mistakes import Mistake
from services.chassis.policy.model import Clause, Place, Policy
from services.chassis.policy.stack import ENACTED
from services.chassis.policy.table import Situation, TooLargeError

NOTE = "note"
OTHERWISE = "otherwise"


def check_policy(policy: Policy) -> list[Mistake]:
    """Everything that is wrong with one policy, or worth a note, beyond what its reading has found already."""
    return [*_dates(policy), *_unused_sets(policy), *_Clauses(policy).findings()]


def check_together(policies: Iterable[Policy]) -> list[Mistake]:
    """What enacted policies of one place, authority and question get wrong between them: overlaps, and holes."""
    enacted = [policy for policy in policies if policy.status == ENACTED]
    found: list[Mistake] = []
    for _, group in groupby(sorted(enacted, key=_subject), key=_subject):
        row = sorted(group, key=lambda policy: (policy.since, policy.id))
        for earlier, later in combinations(row, 2):
            found.extend(_overlap(earlier, later))
        found.extend(_holes(row))
    return found


def _subject(policy: Policy) -> tuple[str, str, str]:
    return policy.question.name, policy.place, policy.authority or ""


def _overlap(earlier: Policy, later: Policy) -> Iterator[Mistake]:
    bound = not earlier.binds or not later.binds or set(earlier.binds) & set(later.binds)
    if bound and (earlier.until is None or later.since <= earlier.until):
        ends = "has no end" if earlier.until is None else f"is still in force until {earlier.until}"
        yield _at(later, "in_force", f"in force from {later.since}, while {earlier.id} in {earlier.file} {ends}.")


def _holes(row: Sequence[Policy]) -> Iterator[Mistake]:
    last = row[0]
    for policy in row[1:]:
        if last.until is not None and policy.since > last.until + timedelta(days=1):
            hole = f"{last.until + timedelta(days=1)} to {policy.since - timedelta(days=1)}"
            sentence = f"nothing of this place and authority is in force from {hole}, after {last.id} in {last.file}."
            yield _at(policy, "in_force", sentence, NOTE)
        if policy.until is None or (last.until is not None and policy.until > last.until):
            last = policy


def _dates(policy: Policy) -> Iterator[Mistake]:
    if policy.verified_through is not None and policy.verified_through < policy.since:
        sentence = f"verified through {policy.verified_through}, which lies before 'from' ({policy.since})."
        yield _at(policy, "verified_through", sentence)
    if policy.status == ENACTED and policy.authority is None:
        yield _at(policy, "status", "an enacted policy needs an 'authority', which gives it its rank among the others.")


def _unused_sets(policy: Policy) -> Iterator[Mistake]:
    words = [
        test.words
        for clause in policy.clauses
        for condition in (clause.when, clause.unless)
        for tests in condition.alternatives
        for test in tests
    ]
    for name in policy.sets:
        if not {f"in {name}", f"not in {name}"} & set(words):
            yield _at(policy, "sets", f"no clause uses the set '{name}'.", NOTE)


def _at(policy: Policy, heading: str, sentence: str, severity: str = "error") -> Mistake:
    return _mistake(policy, policy.place_of(heading), sentence, severity)


def _mistake(policy: Policy, place: Place, sentence: str, severity: str = "error") -> Mistake:
    return Mistake(policy.file, place.line, place.column, sentence, severity)


@dataclass(slots=True)
class _Clash:
    """Two clauses that disagree, in how many kinds of case, and in which for example."""

    cells: int
    example: Situation

    def add(self, found: Situation) -> None:
        self.cells += found.cells
        if found.unusual < self.example.unusual:
            self.example = found


@dataclass(slots=True)
class _Record:
    """What becomes of one clause over all cases and levers."""

    stands: bool = False
    needed: bool = False
    doubles: set[str] | None = None
    prevailing: dict[str, None] = field(default_factory=dict)

    def doubled_by(self, others: set[str]) -> None:
        self.doubles = others if self.doubles is None else self.doubles & others


class _Clauses:
    """The check of a policy's clauses, lever by lever: each lever needs only the facts that its own clauses read."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._found: list[Mistake] = []
        self._records = {clause.id: _Record() for clause in policy.clauses}
        self._effective: set[tuple[str, str]] = set()
        self._otherwise_answers = False

    def findings(self) -> list[Mistake]:
        """All of them."""
        policy = self._policy
        dead = {clause.id for number, clause in enumerate(policy.clauses) if not self._can_apply(number)}
        live = [clause for clause in policy.clauses if clause.id not in dead]
        unchecked = [lever for lever in policy.question.levers if not self._lever(lever, live)]
        for clause in policy.clauses:
            if clause.id in dead:
                self._report(
                    clause, f"clause {clause.id} can never apply: its 'unless' holds whenever its 'when' does."
                )
            elif not unchecked:
                self._judge(clause)
        if not unchecked:
            self._judge_otherwise()
        return self._found

    def _can_apply(self, number: int) -> bool:
        when, unless = self._policy.table.conditions[2 * number : 2 * number + 2]
        try:
            reached = self._policy.table.situations(when | unless)
        except TooLargeError:
            return True
        return any(found.bits & when and not found.bits & unless for found in reached)

    def _lever(self, lever: str, live: Sequence[Clause]) -> bool:
        """Goes through all cases on one lever; whether that could be done."""
        policy = self._policy
        speaking = [clause for clause in live if lever in clause.then]
        table = policy.table
        bits = 0
        for number, clause in enumerate(policy.clauses):
            if clause in speaking:
                bits |= table.conditions[2 * number] | table.conditions[2 * number + 1]
        try:
            reached = table.situations(bits)
        except TooLargeError as error:
            self._found.append(_mistake(policy, Place(1, 1), f"'{lever}' cannot be checked: {error.sentence}."))
            return False
        clashes: dict[tuple[Clause, Clause], _Clash] = {}
        seen: dict[tuple[Clause, ...], list[tuple[Clause, Clause]]] = {}
        for found in reached:
            applying = tuple([clause for clause in policy.applying(found.bits) if clause in speaking])
            if applying not in seen:
                seen[applying] = self._hear(applying, lever)
            for pair in seen[applying]:
                if pair in clashes:
                    clashes[pair].add(found)
                else:
                    clashes[pair] = _Clash(found.cells, found)
        for (first, other), clash in clashes.items():
            cells = f"{clash.cells:,} of {table.count(bits):,} kinds of case"
            self._report(
                other,
                f"conflict: clauses {first.id} ({first.then[lever]}) and {other.id} ({other.then[lever]}) both answer"
                f" '{lever}', e.g. {table.describe(clash.example)} ({cells}). Add 'notwithstanding: [{first.id}]' to"
                " the one that prevails, naming the other.",
            )
        return True

    def _hear(self, applying: tuple[Clause, ...], lever: str) -> list[tuple[Clause, Clause]]:
        """Notes who stands on a lever and who is needed there; the pairs that clash."""
        heard = hear(applying, lever)
        answers = self._answers(heard.standing, lever)
        otherwise = self._policy.otherwise
        if not applying and otherwise is not None and lever in otherwise.then:
            self._otherwise_answers = True
        for clause, by in heard.displaced:
            self._records[clause.id].prevailing.setdefault(by.id)
        for clause in applying:
            self._effective |= {(clause.id, other.id) for other in applying if other.id in clause.notwithstanding}
            record = self._records[clause.id]
            without = hear([other for other in applying if other is not clause], lever).standing
            record.needed |= self._answers(without, lever) != answers
            if clause in heard.standing:
                record.stands = True
                record.doubled_by({other.id for other in without} or {OTHERWISE})
        return [pair for pair in combinations(heard.standing, 2) if pair[0].then[lever] != pair[1].then[lever]]

    def _answers(self, standing: Sequence[Clause], lever: str) -> set[str | None]:
        if standing:
            return {clause.then[lever] for clause in standing}
        otherwise = self._policy.otherwise
        return {otherwise.then[lever] if otherwise and lever in otherwise.then else self._policy.question.unanswered}

    def _judge(self, clause: Clause) -> None:
        record = self._records[clause.id]
        for name in sorted(clause.notwithstanding):
            if (clause.id, name) not in self._effective:
                sentence = f"clause {clause.id} need not stand notwithstanding {name}: they never meet on a lever."
                self._report(clause, sentence, NOTE)
        if not record.stands:
            one = len(record.prevailing) == 1
            prevailing = ", ".join(record.prevailing)
            words = f"{prevailing}, which stands" if one else f"{prevailing}, which stand"
            verb = "covers" if one else "cover"
            sentence = f"clause {clause.id} is unreachable: {words} notwithstanding it, {verb} every case."
            self._report(clause, sentence)
        elif not record.needed:
            doubles = sorted(record.doubles or ()) or ["others"]
            verb = "give" if doubles == ["others"] else "gives"
            sentence = (
                f"clause {clause.id} changes no answer: {doubles[0]} {verb} the same one whenever it applies."
                if doubles != [OTHERWISE]
                else f"clause {clause.id} changes no answer: without it the answer would be the same."
            )
            self._report(clause, sentence, NOTE)

    def _judge_otherwise(self) -> None:
        otherwise = self._policy.otherwise
        if otherwise is not None and not self._otherwise_answers:
            sentence = f"the 'otherwise' ({otherwise.id}) never answers: some clause always does."
            self._report(otherwise, sentence, NOTE)

    def _report(self, clause: Clause, sentence: str, severity: str = "error") -> None:
        self._found.append(_mistake(self._policy, clause.place, sentence, severity))
