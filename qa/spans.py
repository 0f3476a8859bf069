"""The exact answer within a sentence, as it is shown in bold."""

from __future__ import annotations

_PAIRS = (("«", "»"), ("“", "”"), ("(", ")"), ("[", "]"), ('"', '"'))


def tidied(text: str, start: int, end: int, *, within: tuple[int, int]) -> tuple[int, int]:
    """Return `[start, end)` without commas and spaces at its ends, and not with one of a pair of quotation marks.

    The other one is taken in where it comes next, `within` the sentence; else a mark at either end is left
    out. A place that holds nothing else stays as it is.
    """
    begin, stop = _stripped(text, start, end)
    for opening, closing in _PAIRS:
        missing = text.count(opening, begin, stop) - text.count(closing, begin, stop)
        if opening == closing:
            missing = text.count(opening, begin, stop) % 2
        if missing > 0:
            after = within[1] - len(text[stop : within[1]].lstrip())
            if after < within[1] and text[after] == closing:
                stop = after + 1
            elif text[begin] == opening:
                begin, stop = _stripped(text, begin + 1, stop)
        elif missing < 0 and text[stop - 1] == closing:
            begin, stop = _stripped(text, begin, stop - 1)
        if begin >= stop:
            return start, end
    return begin, stop


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and _is_loose(text[start]):
        start += 1
    while start < end and _is_loose(text[end - 1]):
        end -= 1
    return start, end


def _is_loose(sign: str) -> bool:
    return sign.isspace() or sign in ",;:"
