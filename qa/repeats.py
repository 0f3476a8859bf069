"""Whether two sentences say the same, and whether one of them says it otherwise: another number, another name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from index.dates import MONTHS
from index.language import is_function_word
from index.passages import sentences_of
from index.words import analyse
from qa.answer import SearchHit
from qa.features import NUMBER
from qa.reader import Finding

# Two sentences that share this part of their terms are one sentence; dispatches are copied nearly whole.
_REPEATED = 0.75
# With numbers and names taken out, fewer terms than these tell nothing.
_FEWEST_TERMS = 3
# Names that begin with so many of the same letters are one name: "Centrafrique", "centrafricaine".
# "Niger" and "Nigeria" share five.
_SAME_NAME = 7
_NUMERAL = re.compile(r"\d+(?:[.,’'\s]\d{3}(?!\d))*(?:[.,]\d+)?")
_BETWEEN_THOUSANDS = re.compile(r"[.,’'\s](?=\d{3}(?!\d))")
_INITIALS = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_WORD = re.compile(r"[^\W\d_]+")
_SHORTEST_NAME = 3
_NEGATION = re.compile(r"\b(?:pas|jamais|aucune?|not|never|no|nunca|nicht|nie|keine?[rnms]?)\b|n[’']t\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Wording:
    """What is compared of a sentence; `frame` is its terms without those of numbers and names."""

    terms: frozenset[str]
    frame: frozenset[str]
    words: frozenset[str]
    names: frozenset[str]
    numbers: tuple[str, ...]
    negated: bool


def repeats(one: Finding, other: Finding) -> bool:
    """Whether two sentences are nearly alike word for word, and have the same numbers and names."""
    first, second = _wording_of(one), _wording_of(other)
    return _are_alike(first, second) and not _is_otherwise(first, second)


def tells_otherwise(one: Finding, other: Finding) -> bool:
    """Whether two sentences are nearly alike, but for another number, month or name, or a "not"."""
    first, second = _wording_of(one), _wording_of(other)
    return _are_alike(first, second) and _is_otherwise(first, second)


def counterparts(finding: Finding, copies: Sequence[SearchHit]) -> Iterator[Finding]:
    """Yield, for each copy that has one, the sentence that is the finding's, word for word or nearly.

    It may tell otherwise. It scores what the finding does, since it was not read.
    """
    wording = _wording_of(finding)
    for copy in copies:
        likest, best = None, 0.0
        for start, end in sentences_of(copy.document, copy.passage):
            one = Finding(copy, start, end, finding.score)
            likeness = _likeness(wording.terms, _wording_of(one).terms)
            if likeness > best and _are_alike(wording, _wording_of(one)):
                likest, best = one, likeness
        if likest is not None:
            yield likest


def _wording_of(finding: Finding) -> _Wording:
    return _wording(finding.text, finding.hit.document.language)


@lru_cache(4096)
def _wording(text: str, language: str | None) -> _Wording:
    text = _INITIALS.sub(lambda initials: initials.group().replace(".", ""), text)
    numerals = [_BETWEEN_THOUSANDS.sub("", found).replace(",", ".") for found in _NUMERAL.findall(text)]
    numbers = [word for word in map(str.lower, NUMBER.findall(text)) if not word.isdigit()]
    words = _WORD.findall(text)
    names = {word for i, word in enumerate(words) if _is_name(word, is_first=i == 0)}
    rest = " ".join(word for word in words if word not in names and not NUMBER.fullmatch(word))
    return _Wording(
        terms=frozenset(analyse(text, language) or [text]),
        frame=frozenset(analyse(rest, language)),
        words=frozenset(map(str.casefold, words)),
        names=frozenset(map(str.casefold, names)),
        numbers=tuple(sorted([*numerals, *numbers])),
        negated=_NEGATION.search(text) is not None,
    )


def _is_name(word: str, *, is_first: bool) -> bool:
    if word.lower() in MONTHS:
        return True
    return len(word) >= _SHORTEST_NAME and word[0].isupper() and not (is_first and is_function_word(word))


def _are_alike(one: _Wording, other: _Wording) -> bool:
    if _likeness(one.terms, other.terms) >= _REPEATED:
        return True
    is_enough = min(len(one.frame), len(other.frame)) >= _FEWEST_TERMS
    return is_enough and _likeness(one.frame, other.frame) >= _REPEATED


def _is_otherwise(one: _Wording, other: _Wording) -> bool:
    if one.numbers != other.numbers or one.negated != other.negated:
        return True
    # A name in one of them only, such as a first name, makes no other statement; one for another does.
    return bool(_missing(one.names, other.words) and _missing(other.names, one.words))


def _missing(names: frozenset[str], words: frozenset[str]) -> set[str]:
    beginnings = {word[:_SAME_NAME] for word in words if len(word) >= _SAME_NAME}
    return {name for name in names - words if name[:_SAME_NAME] not in beginnings}


def _likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets that are not both empty."""
    return len(one & other) / len(one | other)
