"""Lines of printed pages → running text: words, sentences and paragraphs that the layout cut are whole again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from statistics import quantiles

from index.language import is_function_word


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a page with the box around it, in points from the page's lower left corner.

    `is_cut` says that a hyphen stood at its end, which `text` no longer holds.
    """

    text: str
    left: float
    right: float
    bottom: float
    top: float
    is_cut: bool = False

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 0.1)


Page = list[Line]

_LIGATURE = re.compile("[\ufb00-\ufb06]")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\ufffe\uffff]")
_SPACES = re.compile("[\x00-\x20\u2000-\u200a\u205f]+")
# Old TeX files print an accent beside its letter: "d´ej`a".
_LOOSE_ACCENT = re.compile(r"([´ˆ¨])([A-Za-z])|(?<=[^\W\d_])(`)([aeu])")
_COMBINING = {"´": "\u0301", "ˆ": "\u0302", "¨": "\u0308", "`": "\u0300"}

_BULLET = re.compile(r"[•◦▪‣●■–—-]\s|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_SENTENCE_END = re.compile(r"[.!?…:][\s»”\"’)\]]*$")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_COMPOUND = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)+")
_LAST_WORD = re.compile(r"[^\W_]+$")
_CUT = re.compile(r"[^\W\d_][-‐]$")
_HYPHEN_END = re.compile(r"[^\W_][-‐]$")
_IDEOGRAPH = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")
# What follows a hyphen that belongs to the word; no French syllable but these words begins so.
_AFTER_HYPHEN = frozenset(
    "il ils elle elles on en y eux être je nous vous moi lui leur même mêmes t dessus dessous".split()
)
_BEFORE_HYPHEN = frozenset("ex vice demi celui celle ceux celles soi lui eux".split())


def joined(pages: list[Page]) -> tuple[str, tuple[int, ...]]:
    """Return the text of the pages, paragraphs parted by blank lines, and the offset at which each page begins.

    A page without text begins where the next one does.
    """
    words = _vocabulary(line.text for page in pages for line in page)
    pitch = _pitch(pages)
    parts: list[str] = []
    length = 0
    starts: list[int] = []
    previous: Line | None = None
    margins: dict[int, float] = {}
    for page in pages:
        here = _margins(page)
        opens = True
        empty = True
        for line in page:
            text = mended(line.text)
            if not text:
                continue
            if previous is not None:
                before = parts.pop()
                length -= len(before)
                before, glue = _glue(before, previous, line, text, words)
                if _parts(previous, before, line, text, margins, None if opens else pitch):
                    glue = "\n\n"
                parts.append(before + glue)
                length += len(before) + len(glue)
            if empty:
                starts.append(length)
                empty = False
            parts.append(text)
            length += len(text)
            previous, margins, opens = line, here, False
        if empty:
            starts.append(-1)
    following = length
    for number in range(len(starts) - 1, -1, -1):
        following = starts[number] = following if starts[number] < 0 else starts[number]
    return "".join(parts), tuple(starts)


def mended(text: str) -> str:
    """Return a line's text with ligatures taken apart, accents put on their letters, and spaces made plain."""
    text = _LIGATURE.sub(lambda match: unicodedata.normalize("NFKC", match.group()), text)
    text = _SPACES.sub(" ", _INVISIBLE.sub("", text))
    return unicodedata.normalize("NFC", _LOOSE_ACCENT.sub(_accented, text)).strip()


def _accented(match: re.Match[str]) -> str:
    accent, letter = (part for part in match.groups() if part)
    composed = unicodedata.normalize("NFC", letter + _COMBINING[accent])
    return composed if len(composed) == 1 else match.group()


def _vocabulary(lines: Iterable[str]) -> frozenset[str]:
    found: set[str] = set()
    for line in lines:
        line = line.lower()
        found.update(_WORD.findall(line), _COMPOUND.findall(line))
    return frozenset(found)


def _glue(before: str, previous: Line, line: Line, text: str, words: frozenset[str]) -> tuple[str, str]:
    """Return the text before a line's end as it should be, and what goes between it and the next line."""
    is_cut = previous.is_cut
    if not is_cut and _CUT.search(before) and text[0].islower():
        before, is_cut = before[:-1], True
    if is_cut:
        return before, _hyphen(before, text, words)
    # "Guinée-" "Bissau", "2020-" "2022": the hyphen is part of it.
    if _HYPHEN_END.search(before) and text[0].isalnum():
        return before, ""
    if _IDEOGRAPH.match(before[-1]) and _IDEOGRAPH.match(text[0]):
        return before, ""
    return before, " "


def _hyphen(before: str, after: str, words: frozenset[str]) -> str:
    """Return "" where a hyphen was put in to break a word, "-" where it is the word's own."""
    first = _LAST_WORD.search(before)
    second = _WORD.match(after)
    if first is None or second is None:
        return "-"
    one, other = first.group().lower(), second.group().lower()
    if one + other in words:
        return ""
    if f"{one}-{other}" in words or not after[0].islower() or any(map(str.isdigit, one)):
        return "-"
    return "-" if other in _AFTER_HYPHEN or one in _BEFORE_HYPHEN else ""


def _pitch(pages: list[Page]) -> float:
    """Return the usual distance from line to line, in heights of a line."""
    distances = [
        (above.bottom - below.bottom) / below.height
        for page in pages
        for above, below in pairwise(page)
        if 0.5 < (above.bottom - below.bottom) / below.height < 3
    ]
    # The lower quarter, for on some pages every second line begins a paragraph.
    return quantiles(distances, n=4)[0] if len(distances) > 1 else 1.2


_COLUMN = 36


def _margins(page: Page) -> dict[int, float]:
    """Return how far the lines reach that begin in each half inch of the page's width."""
    margins: dict[int, float] = {}
    for line in page:
        for column in range(int(line.left // _COLUMN) - 1, int(line.left // _COLUMN) + 2):
            margins[column] = max(margins.get(column, line.right), line.right)
    return margins


def _parts(previous: Line, before: str, line: Line, text: str, margins: dict[int, float], pitch: float | None) -> bool:
    """Whether a line begins a paragraph; `pitch` is None where it begins a page."""
    if previous.is_cut:
        return False
    ends = _SENTENCE_END.search(before) is not None
    if abs(line.height - previous.height) > 0.12 * max(line.height, previous.height):
        return ends or not text[0].islower()
    if _BULLET.match(text) and (ends or pitch is not None):
        return True
    drop = previous.bottom - line.bottom
    if pitch is not None and drop > 1.35 * pitch * line.height:
        return True
    right = margins[int(previous.left // _COLUMN)]
    room = right - previous.right
    width = max(right - previous.left, 1.0)
    word = (line.right - line.left) * (len(text.split(" ", 1)[0]) + 1) / max(len(text), 1)
    # Where the next word had room, the line was ended on purpose.
    if room > max(1.3 * word, 0.08 * width):
        if ends:
            return True
        last = _LAST_WORD.search(before)
        goes_on = before.endswith(",") or (last is not None and is_function_word(last.group()))
        return pitch is not None and text[0].isupper() and room > 0.35 * width and not goes_on
    return pitch is not None and ends and 0.7 * line.height < line.left - previous.left < 5 * line.height
