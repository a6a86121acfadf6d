"""The scoring of a gallery at the speed of the memory: a kernel that numba compiles when this module is imported.

It is the optional extra `fast`: numba and its compiler take 210 MB on the disk, half a second to import and a second to
compile this. The answers are those of `search.scan_with_numpy`, bit for bit.

Loops that LLVM is left to vectorise alone are a third slower than reading the memory (matcher.md 2.2), because it
widens the small numbers to 64 bits. So the innermost step is said in LLVM's own vectors. It names no processor's
instructions; LLVM chooses them.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from services.biometric_match.scores import POINTS
from services.biometric_match.search import Bits, Ranks, Top, scan_with_numpy
from services.chassis.draws import Words

_ROWS_AT_ONCE = 2048
"""Ten columns of so many rows fit a processor's second cache, so that a batch of probes reads the memory once."""

_LANES = 16
"""Rows that are scored in one step: two of a processor's cache lines of every column."""

_WORD_BYTES = 8


def scan_with_numba(codes: Words, probes: Words, present: Bits, count: int) -> Top:
    """See `search.Scan`. Only the columns of fingers that a probe has are read."""
    if codes.shape[1] < _LANES:
        return scan_with_numpy(codes, probes, present, count)
    if codes.strides[1] != _WORD_BYTES:
        codes = np.ascontiguousarray(codes)
    found = Top.nothing(len(probes), count)
    # The columns of the fingers that there are come first in each line.
    columns = np.argsort(~present, axis=1, kind="stable")
    wanted = np.take_along_axis(probes, columns, axis=1)
    _scan(codes, columns, present.sum(axis=1), wanted, found.rows, found.scores)
    return found


_INTEGER = ir.IntType(64)
_BYTE = ir.IntType(8)
_ROWS_OF_WORDS = ir.VectorType(_INTEGER, _LANES)
_ROWS_OF_BYTES = ir.VectorType(_BYTE, _LANES)
_ALL_BYTES = ir.VectorType(_BYTE, _LANES * _WORD_BYTES)


def _losing(_: Any, codes: Any, row: Any, columns: Any, fingers: Any, wanted: Any, lost: Any, place: Any) -> Any:
    """Writes to `lost`, from `place` on, the points that the rows from `row` on lose: one byte each.

    A row loses a point for each bit that differs, and at most `POINTS` a finger.
    """

    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        codes, row, columns, fingers, wanted, lost, place = (
            context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
            for kind, value in zip(signature.args, arguments, strict=True)
        )
        first_byte = builder.bitcast(codes.data, _BYTE.as_pointer())
        column_bytes = builder.extract_value(codes.strides, 0)
        row_bytes = builder.mul(row, _INTEGER(_WORD_BYTES))
        total = cgutils.alloca_once_value(builder, _ALL_BYTES(None))
        with cgutils.for_range(builder, fingers) as loop:
            column = builder.load(builder.gep(columns.data, [loop.index]))
            offset = builder.add(builder.mul(column, column_bytes), row_bytes)
            on_file = builder.load(
                builder.bitcast(builder.gep(first_byte, [offset]), _ROWS_OF_WORDS.as_pointer()), align=_WORD_BYTES
            )
            word = builder.load(builder.gep(wanted.data, [loop.index]))
            different = builder.xor(on_file, _in_all_lanes(builder, word))
            bits = builder.bitcast(_call(builder, "llvm.ctpop", _ROWS_OF_WORDS, different), _ALL_BYTES)
            # A count needs one byte of its word, and the other seven are 0: bytes can be compared and added.
            points = _call(builder, "llvm.umin", _ALL_BYTES, bits, _ALL_BYTES([POINTS] * _ALL_BYTES.count))
            builder.store(builder.add(builder.load(total), points), total)
        totals = builder.trunc(builder.bitcast(builder.load(total), _ROWS_OF_WORDS), _ROWS_OF_BYTES)
        target = builder.gep(lost.data, [place])
        builder.store(totals, builder.bitcast(target, _ROWS_OF_BYTES.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(codes, row, columns, fingers, wanted, lost, place), code


_lose: Any = intrinsic(_losing)


def _in_all_lanes(builder: Any, word: Any) -> Any:
    """A vector of nothing but this word."""
    undefined = _ROWS_OF_WORDS(ir.Undefined)
    first_lanes = ir.VectorType(ir.IntType(32), _LANES)(None)
    return builder.shuffle_vector(builder.insert_element(undefined, word, ir.IntType(32)(0)), undefined, first_lanes)


def _call(builder: Any, name: str, vector: Any, *operands: Any) -> Any:
    """One of LLVM's own functions of vectors, which yields such a vector."""
    kind = ir.FunctionType(vector, [vector] * len(operands))
    function = cgutils.get_or_insert_function(builder.module, kind, f"{name}.v{vector.count}{vector.element}")
    return builder.call(function, operands)


@njit(
    types.void(
        types.Array(types.uint64, 2, "A", readonly=True),
        types.Array(types.int64, 2, "C", readonly=True),
        types.Array(types.int64, 1, "C", readonly=True),
        types.Array(types.uint64, 2, "C", readonly=True),
        types.Array(types.int64, 2, "C"),
        types.Array(types.int64, 2, "C"),
    ),
    nogil=True,
)
def _scan(codes: Words, columns: Ranks, fingers: Ranks, wanted: Words, rows: Ranks, scores: Ranks) -> None:
    """Enters the best rows into lists that begin with no rows, of at least `_LANES` rows.

    Of the probe's `columns`, `[probe, finger]`, the first `fingers` are compared with its words `wanted`.
    """
    end = codes.shape[1]
    last = rows.shape[1] - 1
    # The last step begins early enough to be a whole one. What it scores again may lie before the block: room for it.
    room = np.empty(_LANES + _ROWS_AT_ONCE, np.uint8)
    for start in range(0, end, _ROWS_AT_ONCE):
        stop = min(start + _ROWS_AT_ONCE, end)
        lost = room[_LANES : _LANES + stop - start]
        for probe in range(len(wanted)):
            for step in range(start, stop, _LANES):
                row = min(step, end - _LANES)
                _lose(codes, row, columns[probe], fingers[probe], wanted[probe], room, row - start + _LANES)
            least = lost[0]
            for points in lost:
                least = min(least, points)
            most = fingers[probe] * POINTS
            if most - np.int64(least) <= scores[probe, last]:
                continue
            for index in range(len(lost)):
                score = most - np.int64(lost[index])
                # Rows come in their order: of equal scores the first ones stay.
                if score > scores[probe, last]:
                    place = last
                    while place > 0 and score > scores[probe, place - 1]:
                        rows[probe, place] = rows[probe, place - 1]
                        scores[probe, place] = scores[probe, place - 1]
                        place -= 1
                    rows[probe, place] = start + index
                    scores[probe, place] = score
