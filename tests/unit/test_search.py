"""The search: whoever scores, in however many threads and parts, the lists are those of a search in plain Python."""

import os
import subprocess
import sys
from threading import Event

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from sandbox.scenario import HOME
from services.biometric_match import search
from services.biometric_match.gallery import Files, Gallery
from services.biometric_match.prints import TEN, captures
from services.biometric_match.search import NO_ROW, NO_SCORE, Compiled, Top, has_numba, merged, scan_with_numpy, top

KERNELS = ("numpy", "numba") if has_numba() else ("numpy",)
THREADS = range(1, (os.cpu_count() or 1) + 2)
INDEX_FINGERS = np.arange(TEN) % 5 == 1
SEED = 1903

by_both = pytest.mark.parametrize("kernel", KERNELS)


def in_plain_python(codes, probes, present, count):
    """What `top` answers, row by row and finger by finger."""
    lists = []
    for probe, there in zip(probes.tolist(), present.tolist(), strict=True):
        scores = [
            sum(
                max(0, 22 - (code ^ word).bit_count()) for code, word, has in zip(row, probe, there, strict=True) if has
            )
            for row in codes.T.tolist()
        ]
        best = sorted(enumerate(scores), key=lambda found: (-found[1], found[0]))[:count]
        lists.append(best + [(NO_ROW, NO_SCORE)] * (count - len(best)))
    return lists


def as_lists(found: Top):
    return [
        list(zip(rows, scores, strict=True))
        for rows, scores in zip(found.rows.tolist(), found.scores.tolist(), strict=True)
    ]


def words(random, *shape):
    return random.integers(0, 2**64, shape, dtype=np.uint64)


@st.composite
def searches(draw):
    """A gallery, some probes and a number of places. Few different rows, so that many score the same."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    rows, probes = draw(st.integers(0, 80)), draw(st.integers(0, 4))
    people = words(random, TEN, draw(st.integers(1, 80)))
    codes = np.ascontiguousarray(people[:, random.integers(0, people.shape[1], rows)])
    seen = people[:, random.integers(0, people.shape[1], probes)].T
    flips = np.bitwise_and.reduce(words(random, draw(st.integers(1, 4)), probes, TEN))
    present = random.random((probes, TEN)) < draw(st.sampled_from([0, 0.3, 0.9, 1]))
    return codes, np.ascontiguousarray(seen ^ flips), present, draw(st.integers(1, 100))


class TestEverySearch:
    @by_both
    @given(searches(), st.integers(1, 5), st.integers(1, 40))
    @settings(max_examples=100)
    def test_it_finds_what_plain_python_finds(self, kernel, asked, threads, rows_at_once):
        codes, probes, present, count = asked
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "_ROWS_AT_ONCE", rows_at_once)
            patch.setattr(search, "_FEW_ROWS", 7)
            found = top(codes, probes, present, count, threads=threads, kernel=kernel)

        assert as_lists(found) == in_plain_python(codes, probes, present, count)

    @given(searches(), st.lists(st.integers(0, 80), max_size=4), st.randoms())
    @settings(max_examples=50)
    def test_the_parts_of_a_gallery_find_together_what_the_whole_finds(self, asked, cuts, random):
        codes, probes, present, count = asked
        ends = sorted(min(cut, codes.shape[1]) for cut in cuts)
        ranges = list(zip([0, *ends], [*ends, codes.shape[1]], strict=True))
        random.shuffle(ranges)
        parts = [top(codes[:, first:end], probes, present, count, first_row=first) for first, end in ranges]

        together = merged(parts, count)

        assert as_lists(together) == as_lists(top(codes, probes, present, count))

    @by_both
    def test_a_thousand_random_searches_are_the_same_in_any_number_of_threads(self, kernel):
        random = np.random.default_rng(SEED)
        codes, probes = words(random, TEN, 5_000), words(random, 1_000, TEN)
        present = random.random(probes.shape) < 0.9

        expected = as_lists(top(codes, probes, present, 10, threads=1, kernel="numpy"))

        assert expected[:5] == in_plain_python(codes, probes[:5], present[:5], 10)
        for threads in THREADS:
            assert as_lists(top(codes, probes, present, 10, threads=threads, kernel=kernel)) == expected


@by_both
class TestWhatIsSearched:
    def test_the_mate_comes_first(self, kernel):
        files = Files(SEED, 3_000, 0)
        taken = captures(SEED, np.array([2_999, 17]), "booked on a Friday night")

        found = Gallery.generate(files, "iafis")
        best = top(found.codes, taken.codes.T, taken.present.T, 3, kernel=kernel)

        assert best.rows[:, 0].tolist() == [2_999, 17]

    def test_of_equal_scores_the_lowest_rows_are_listed(self, kernel):
        codes = np.full((TEN, 40_000), 7, np.uint64)

        found = top(codes, codes[:, :1].T, np.ones((1, TEN), np.bool_), 3, threads=2, kernel=kernel)

        assert as_lists(found) == [[(0, 220), (1, 220), (2, 220)]]

    def test_rows_are_numbered_from_the_first_one(self, kernel):
        codes = words(np.random.default_rng(SEED), TEN, 100)

        found = top(codes, codes[:, 42:43].T, np.ones((1, TEN), np.bool_), 1, first_row=5_000_000, kernel=kernel)

        assert as_lists(found) == [[(5_000_042, 220)]]

    def test_a_search_on_two_fingers_does_not_see_the_others(self, kernel):
        codes = words(np.random.default_rng(SEED), TEN, 500)
        elsewhere = codes.copy()
        elsewhere[~INDEX_FINGERS] = 0
        probe, two = codes[:, 123:124].T, INDEX_FINGERS.reshape(1, TEN)

        found = top(codes, probe, two, 5, kernel=kernel)

        assert found.scores[0, 0] == 44
        assert as_lists(found) == as_lists(top(elsewhere, probe, two, 5, kernel=kernel))

    def test_a_probe_without_fingers_scores_nothing_anywhere(self, kernel):
        codes = words(np.random.default_rng(SEED), TEN, 50)

        found = top(codes, codes[:, :1].T, np.zeros((1, TEN), np.bool_), 2, kernel=kernel)

        assert as_lists(found) == [[(0, 0), (1, 0)]]

    def test_a_gallery_of_no_rows_has_nobody(self, kernel):
        nobody = top(
            np.empty((TEN, 0), np.uint64), np.zeros((1, TEN), np.uint64), np.ones((1, TEN), bool), 2, kernel=kernel
        )

        assert as_lists(nobody) == [[(NO_ROW, NO_SCORE)] * 2]

    def test_columns_may_lie_in_memory_in_any_way(self, kernel):
        codes = words(np.random.default_rng(SEED), TEN, 64)
        by_rows = np.asfortranarray(codes)
        probe, there = codes[:, 5:6].T, np.ones((1, TEN), np.bool_)

        found = top(by_rows, probe, there, 4, kernel=kernel)

        assert as_lists(found) == as_lists(top(codes, probe, there, 4, kernel="numpy"))


def test_a_list_without_places_is_refused():
    with pytest.raises(ValueError, match="at least one place, not 0"):
        top(np.empty((TEN, 0), np.uint64), np.empty((0, TEN), np.uint64), np.empty((0, TEN), np.bool_), 0)


@pytest.mark.parametrize(("processors", "threads"), [(1, 1), (4, 4), (64, 8)])
def test_large_searches_use_all_processors_up_to_eight(processors, threads, monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(processors)), raising=False)

    assert search.usual_threads(1_000_000) == threads
    assert search.usual_threads(10_000) == 1


class TestTheCompiler:
    """The kernel is compiled when that is worth it, and nobody waits for it."""

    def test_few_searches_never_compile(self):
        compiled = Compiled(lambda: pytest.fail("compiled"), lambda: True, after=1_000)

        assert [compiled.after(500), compiled.after(500)] == [None, None]
        compiled.wait()

    def test_searches_go_on_without_it_until_it_is_there(self):
        is_compiled = Event()

        def compile_scan():
            assert is_compiled.wait(60)
            return scan_with_numpy

        compiled = Compiled(compile_scan, lambda: True, after=1_000)

        assert [compiled.after(2_000), compiled.after(2_000)] == [None, None]
        is_compiled.set()
        compiled.wait()
        assert compiled.after(1) is scan_with_numpy

    def test_it_is_not_tried_where_it_is_not_installed(self):
        compiled = Compiled(lambda: pytest.fail("compiled"), lambda: False, after=0)

        assert compiled.after(1) is None
        compiled.wait()

    def test_where_it_cannot_be_compiled_numpy_searches_on(self, caplog):
        def compile_scan():
            raise ImportError("this processor is not known to LLVM")

        compiled = Compiled(compile_scan, lambda: True, after=0)

        compiled.after(1)
        compiled.wait()

        assert compiled.after(1) is None
        assert "numpy searches on" in caplog.text


def test_searches_need_no_numba():
    program = (
        "import sys; sys.modules['numba'] = None\n"
        "import numpy as np\n"
        "from services.biometric_match.search import top\n"
        "codes = np.zeros((10, 200_000), np.uint64)\n"
        "print(top(codes, codes[:, :1].T, np.ones((1, 10), bool), 1).scores)\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=HOME, check=False)

    assert (done.stdout, done.stderr) == ("[[220]]\n", "")
