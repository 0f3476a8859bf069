"""Sentences as offsets, so that a quote can be cut from the text and found in it again."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

import sentencex

from index.language import is_function_word

Offsets = tuple[int, int]

# Longest sentence, in UTF-8 bytes: about 300 tokens in Latin, Cyrillic and CJK text alike, which
# the 512 tokens of the embedding model hold with room to spare. A longer run is cut at a space.
LONGEST = 1200

_NEWLINE = r"(?:\r\n|\r(?!\n)|\n)"
_BLANK_LINE = re.compile(_NEWLINE + r"[^\S\r\n]*" + _NEWLINE + r"\s*")
_LINE = re.compile(r"[^\r\n]+")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s")
_LIST_ITEM = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s")
# sentencex ends a sentence after these although none ends there (« M. Goïta », "Gen. Traoré").
_ABBREVIATIONS = frozenset(
    # titles
    "m mm me mr mrs ms dr pr prof st ste gen gén lt col cmdt sgt sen rep gov hon rev pdt "
    # references
    "av apr cf env p pp art al vol chap fig no nos ed éd trad dir op cit vs e.g i.e approx "
    # months
    "janv févr avr juil sept oct nov déc jan feb mar aug dec".split()
)
_INITIALS = re.compile(r"(?:[^\W\d_]\.-?)*[^\W\d_a-zà-ÿ]")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_LAST_WORD = re.compile(r"([^\s«»“”\"'’()\[\]]+)\.\s*$")


def split_blocks(text: str, start: int = 0, end: int | None = None) -> Iterator[Offsets]:
    """Yield the paragraphs, list items and lines of prose of `text[start:end]`; headings are left out."""
    end = len(text) if end is None else end
    for paragraph_start, paragraph_end in _between(_BLANK_LINE, text, start, end):
        block_start = None
        for line in _LINE.finditer(text, paragraph_start, paragraph_end):
            heading = _HEADING.match(line.group())
            if block_start is not None and (heading or _LIST_ITEM.match(line.group())):
                yield block_start, line.start()
                block_start = None
            if heading is None and block_start is None:
                block_start = line.start()
        if block_start is not None:
            yield block_start, paragraph_end


def split_sentences(text: str, start: int = 0, end: int | None = None, *, language: str | None = None) -> list[Offsets]:
    """Return the sentences of `text[start:end]` as offsets into `text`, in order, without the space around them."""
    found: list[Offsets] = []
    for block_start, block_end in split_blocks(text, start, end):
        for piece_start, piece_end in _pieces(text, block_start, block_end, language):
            found.extend(_shortened(text, piece_start, piece_end))
    return found


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[Offsets]:
    for match in separator.finditer(text, start, end):
        yield start, match.start()
        start = match.end()
    yield start, end


def _pieces(text: str, start: int, end: int, language: str | None) -> Iterator[Offsets]:
    """Yield what sentencex takes for sentences, with the parts it should not have parted joined again."""
    # sentencex returns parts that join back to the text, so their lengths are enough to place them.
    parts = sentencex.segment(language or "en", text[start:end])
    at = piece_start = start
    for part in parts:
        if at > piece_start and not _belongs_together(text[piece_start:at], part):
            yield piece_start, at
            piece_start = at
        at += len(part)
    if at > piece_start:
        yield piece_start, at


def _belongs_together(before: str, after: str) -> bool:
    """Whether what sentencex parted is one sentence."""
    if before.endswith(".") and after[0].isalnum():
        return True
    after = after.lstrip()
    if not after or not any(map(str.isalpha, before)):
        return True
    # « a-t-il dit », or the hyphen of « J.-C. »: no sentence begins so.
    if after[0].islower() or after[0] in "-–,;:)]»”…" or not any(map(str.isalnum, after)):
        return True
    match = _LAST_WORD.search(before)
    if match is None:
        return False
    if match.group(1).lower() in _ABBREVIATIONS:
        return True
    # « J.-C. », « l’O.N.U. », "George W.": a sentence may end there or go on with a name, and goes
    # on unless the next word is one that opens sentences.
    opening = _FIRST_WORD.match(after)
    return _INITIALS.fullmatch(match.group(1)) is not None and not (
        opening is not None and is_function_word(opening.group())
    )


def _shortened(text: str, start: int, end: int) -> Iterator[Offsets]:
    """Yield `start, end` without the space around it, cut into parts of at most LONGEST bytes."""
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and byte_length(text[start:end]) > LONGEST:
        cut = start + _fitting(text[start : start + LONGEST])
        space = max(text.rfind(" ", start, cut), text.rfind("\n", start, cut))
        if space > start:
            cut = space
        else:
            while cut > start + 1 and _continues(text[cut - 1], text[cut]):
                cut -= 1
        yield from _shortened(text, start, cut)
        start = cut
        while start < end and text[start].isspace():
            start += 1
    if start < end:
        yield start, end


def byte_length(text: str) -> int:
    """Return the length of the UTF-8 form, a measure of text that is fair to every script."""
    return len(text.encode("utf-8", "surrogatepass"))


def _fitting(text: str) -> int:
    """Return how many leading characters fit in LONGEST bytes."""
    return len(text.encode("utf-8", "surrogatepass")[:LONGEST].decode("utf-8", "ignore"))


def _continues(before: str, after: str) -> bool:
    """Whether a cut here would part a letter from its accent or the parts of one emoji."""
    return (
        unicodedata.category(after) in ("Mn", "Me", "Mc")
        or after in "\u200d\ufe0f"
        or before == "\u200d"
        or "\U0001f3fb" <= after <= "\U0001f3ff"
    )
