"""Chances and numbers as people read them."""

_SMALL = 0.001
_LARGE = 0.1
_MILLION = 1_000_000
_SIZES = ((1e12, " million million"), (1e9, " thousand million"), (1e6, " million"))


def number(value: float) -> str:
    """A count in at most three digits and a word: 200 million, 1.2 thousand million."""
    if value < _MILLION:
        return f"{float(f'{value:.2e}'):,.0f}"
    size, name = next((size, name) for size, name in _SIZES if value >= size)
    return f"{float(f'{value / size:.3g}'):,.15g}{name}"


def chance(rate: float) -> str:
    """A chance in per cent where it is large, as one in so many where it is small."""
    if rate >= 1 - _SMALL / 10:
        return "practically always"
    if rate >= _LARGE:
        return f"{rate * 100:.1f} %"
    if rate >= _SMALL / 10:
        return f"{rate * 100:#.2g} %"
    return f"1 in {number(1 / rate)}" if rate > 0 else "never"


def expected(count: float) -> str:
    """An expected number of cases: in whole cases where there are many."""
    if count >= 100:  # noqa: PLR2004  from here on nobody asks for tenths
        return f"{count:,.0f}"
    return f"{count:.1f}" if count >= 1 else f"{count:.2g}"


def percent(share: float) -> str:
    """A share in per cent: two digits of what is rare, and never 100 % or 0 % of what is neither."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    told = 100 * share
    digits = 1 if _LARGE <= share <= 1 - _SMALL else 2
    shown = f"{told:.{digits}f}"
    return f"{shown} %" if float(shown) not in (0, 100) else ("< 0.01 %" if share < 1 / 2 else "> 99.99 %")
