"""A question typed in a hurry → the same with the words that were meant.

A slip of the fingers is a letter too few or too many, another letter, or two the wrong way round, which nearly all
are (doi:10.1145/363958.363994). Of the words that are one slip away from one that no document has, the likeliest is
taken, by how common it is in the documents and in its language (a noisy channel, as in doi:10.3115/991813.991831),
unless the one that was typed may be meant itself. Where a question has no accents at all, those that its language
wants are put; where French joins a little word to one that is known, its apostrophe. What a word was taken for is told
with the answer, and one in quotation marks is left as it is.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import islice, takewhile
from typing import Any, Self

from index.language import detect_language, is_function_word
from index.snapshot import Snapshot
from index.word_lists import shares
from index.words import analyse, exact_terms

# Those of which the list of words is long. A question too short to show its language is in one of the first.
_EVERYWHERE = ("fr", "en")
_LANGUAGES = {*_EVERYWHERE, "de", "es", "it", "nl", "pt", "ru", "sv"}
# What stands before an apostrophe is a part of a word, but for a genitive.
_WORD = re.compile(r"[^\W\d_]{3,}\b(?!['’](?!s\b))")
_QUOTED = re.compile(r"«[^»]*»|“[^”]*”|„[^“”]*[“”]|\"[^\"]*\"")
# Of a question's words that are in no document, so many are looked at; each takes some milliseconds.
_MOST_UNKNOWN = 10
# Shorter words have too many neighbours.
_LONG_ENOUGH_FOR_A_SLIP = 4
# A word of the language is a slip, or wants an apostrophe, or accents, only for one that is so many times as common.
_RARER_THAN_MEANT = 1000
_RARER_THAN_ELIDED = 300
_RARER_THAN_ACCENTED = 10
# What French joins to a word that begins with a vowel, and with which it is often written without the apostrophe;
# others hardly stand before a word that finds something.
_ELIDED = ("l", "d", "qu")
_VOWELS = tuple("aeiouyh")
_SHORTEST_AFTER_ELISION = 3
# Little words that are often written together and are none themselves, without accents.
_WRITTEN_TOGETHER = {
    "aujourdhui": "aujourd'hui",
    "cest": "c'est",
    "cetait": "c'était",
    "daccord": "d'accord",
    "dapres": "d'après",
    "dautre": "d'autre",
    "dautres": "d'autres",
    "dun": "d'un",
    "jai": "j'ai",
    "jusqua": "jusqu'à",
    "jusquau": "jusqu'au",
    "lorsquil": "lorsqu'il",
    "nest": "n'est",
    "netait": "n'était",
    "nont": "n'ont",
    "quelquun": "quelqu'un",
    "quest": "qu'est",
    "quil": "qu'il",
    "quils": "qu'ils",
    "quon": "qu'on",
    "quun": "qu'un",
    "quune": "qu'une",
    "sest": "s'est",
}
# The share of a language's words under which one is not looked at, or is not meant unless a document has it.
_RARE = 1e-7
_MEANT = 1e-6
# The share from which on French words are mostly such as « avoir » or « aussi », which find nothing.
_LITTLE = 8e-4
# A passage has about so many words, of which the documents' share of a word is reckoned; it counts for so much of a
# word's probability, and its language for the rest.
_WORDS_A_PASSAGE = 100
_OF_DOCUMENTS = 0.7
# A letter too many is mostly the one before once more; another one is so much less likely.
_STRAY = 0.2
# Of the likeliest words, so many are looked for in so many passages, to see how they are written.
_WEIGHED = 3
_PASSAGES = 20
_TERMS_KEPT = 4096


@dataclass(frozen=True, slots=True)
class Respelling:
    """A word of a question, from the character `start` on, and the one that it was read as."""

    start: int
    typed: str
    read: str

    @property
    def is_another_word(self) -> bool:
        """Whether more than accents differs, or the apostrophe of a little word."""
        return _term(self.typed) not in {_term(self.read), *_WRITTEN_TOGETHER}

    def to_json(self) -> dict[str, Any]:
        return {"start": self.start, "typed": self.typed, "read": self.read}


@dataclass(frozen=True, slots=True)
class _Words:
    """The words of a language: the share of each, and by a word without accents how it is mostly written."""

    share: Mapping[str, float]
    written: Mapping[str, str]
    letters: str

    @classmethod
    @cache
    def of(cls, language: str) -> Self:
        share = shares(language)
        written: dict[str, str] = {}
        # The commonest come first.
        for word in takewhile(lambda word: share[word] >= _RARE, share):
            if word.isalpha():
                written.setdefault(word if word.isascii() else _term(word), word)
        return cls(share, written, "".join(sorted(set().union(*islice(written, 5000)))))


def respelled(question: str, words: Sequence[Respelling]) -> str:
    """Return a question with some of its words read as others."""
    for word in reversed(words):
        question = question[: word.start] + word.read + question[word.start + len(word.typed) :]
    return question


def find_respellings(question: str, snapshot: Snapshot, *, before: str = "") -> tuple[Respelling, ...]:
    """Return the words of a question that were typed otherwise than meant, in their order.

    One too short to show its language is taken to be in that of the question `before`. There are none in a
    language other than Dutch, English, French, German, Italian, Portuguese, Russian, Spanish and Swedish.
    """
    language = detect_language(question) or detect_language(before)
    if language not in (None, *_LANGUAGES):
        return ()
    quoted = [match.span() for match in _QUOTED.finditer(question)]
    words = [
        match
        for match in _WORD.finditer(question)
        # Capitals alone are an abbreviation: one letter off is another one.
        if not (match[0].isupper() or is_function_word(match[0]))
        and not any(start <= match.start() < end for start, end in quoted)
        and _term(match[0])
    ]
    # English wants none, and a question too short to show its language may be English.
    may_want_accents = language not in (None, "en") and all(map(str.isascii, filter(str.isalpha, question)))
    known = snapshot.found_in({_term(match[0]) for match in words})
    unknown = [match for match in words if _term(match[0]) not in known][:_MOST_UNKNOWN]
    found = []
    for match in words:
        if match not in unknown and not may_want_accents:
            continue
        read = None
        if match in unknown and not (match.start() and match[0][0].isupper()):
            read = _with_apostrophe(match[0], language, snapshot)
        read = read or _accented(match[0], language)
        if read is None and match in unknown and len(match[0]) >= _LONG_ENOUGH_FOR_A_SLIP:
            read = _meant(match[0], language, snapshot)
        if read is not None:
            found.append(Respelling(match.start(), match[0], _capitalised(read, match[0])))
    return tuple(found)


def _accented(word: str, language: str | None) -> str | None:
    """Return a word with the accents that it wants."""
    if not word.isascii():
        return None
    written = _written(_term(word), language)
    wanted = _RARER_THAN_ACCENTED * _share(word.casefold(), language)
    return written if not written.isascii() and _share(written, language) >= wanted else None


def _with_apostrophe(word: str, language: str | None, snapshot: Snapshot) -> str | None:
    """Return a French word with the apostrophe that it wants, and after it as the documents write it."""
    if language not in (None, "fr"):
        return None
    term = _term(word)
    # « quest » and « nest » are English words.
    if term in _WRITTEN_TOGETHER and (language or _share(term, "fr") > _share(term, "en")):
        return _WRITTEN_TOGETHER[term]
    for elided in _ELIDED:
        rest = term.removeprefix(elided)
        if rest == term or len(rest) < _SHORTEST_AFTER_ELISION or not rest.startswith(_VOWELS):
            continue
        written = _written(rest, "fr")
        least = _RARER_THAN_ELIDED * _share_as_typed(word, language)
        if least <= _share(written, "fr") < _LITTLE and (forms := _forms(rest, "fr", snapshot)):
            return f"{elided}'{_commonest(_like(written, forms) or forms)}"
    return None


def _meant(word: str, language: str | None, snapshot: Snapshot) -> str | None:
    """Return the likeliest word that is one slip away, as the documents write it, or else the language."""
    term = _term(word)
    typed = _share_as_typed(word, language)
    near = {other for words in _words_of(language) for other in _one_slip_away(term, words.letters)}
    share = {other: _share(_written(other, language), language) for other in near}
    in_passages = snapshot.found_in(near)
    # What is in no document is only taken for meant where the language is known.
    common = {other for other in near if language and share[other] >= _MEANT}

    def likelihood(other: str) -> float:
        of_documents = in_passages.get(other, 0) / (_WORDS_A_PASSAGE * len(snapshot))
        slip = _STRAY if _has_stray_letter(term, other) else 1.0
        return slip * (_OF_DOCUMENTS * of_documents + (1 - _OF_DOCUMENTS) * share[other])

    possible = [other for other in in_passages.keys() | common if share[other] >= _RARER_THAN_MEANT * typed]
    for other in sorted(possible, key=lambda other: (-likelihood(other), other))[:_WEIGHED]:
        if analyse(other, language) == analyse(term, language):
            # Another form of the same word, under which it is found already.
            return None
        forms = _forms(other, language, snapshot) if other in in_passages else Counter[str]()
        written = _written(other, language)
        # The documents tell what has a capital, the language what has an accent.
        if as_written := _like(written, forms):
            return _commonest(as_written)
        if other in common:
            return written
        if forms:
            return _commonest(forms)
    return None


def _one_slip_away(word: str, letters: str) -> Iterator[str]:
    """Yield the words that are one slip away, with the same first letter, which is hardly ever the wrong one."""
    for i in range(1, len(word) + 1):
        before, after = word[:i], word[i:]
        yield from (before + letter + after for letter in letters)
        if after:
            yield from (before + letter + after[1:] for letter in letters if letter != after[0])
            yield before + after[1:]
        if after[1:]:
            yield before + after[1] + after[0] + after[2:]


def _has_stray_letter(typed: str, meant: str) -> bool:
    """Whether what was typed is a letter longer, and that letter not the one before it."""
    if len(typed) <= len(meant):
        return False
    at = next((i for i, letter in enumerate(meant) if typed[i] != letter), len(meant))
    return typed[at] != typed[at - 1]


def _forms(term: str, language: str | None, snapshot: Snapshot) -> Counter[str]:
    """Return how documents in the question's language write a word amid a sentence, and how often."""
    numbers, _ = snapshot.search_words(term, _PASSAGES)
    return Counter(
        match[0] if _is_amid(passage.text, match.start()) else match[0][0].lower() + match[0][1:]
        for passage, document in snapshot.passages(numbers.tolist())
        if document.language in (None, *_codes(language))
        for match in _WORD.finditer(passage.text)
        if _term(match[0]) == term
    )


def _like(written: str, forms: Counter[str]) -> Counter[str]:
    """Return the forms that have the accents of a word."""
    return Counter({form: count for form, count in forms.items() if form.casefold() == written})


def _commonest(forms: Counter[str]) -> str:
    return min(forms, key=lambda form: (-forms[form], form))


def _is_amid(text: str, start: int) -> bool:
    """Whether what stands before a word does not give it a capital."""
    before = text[:start].rstrip()[-1:]
    return before.isalnum() or before in tuple(",;’'-(")


def _capitalised(word: str, like: str) -> str:
    return word[0].upper() + word[1:] if like[0].isupper() else word


@lru_cache(_TERMS_KEPT)
def _term(word: str) -> str:
    """Return the term under which documents have a word as it is; "" where it is none, or several."""
    terms = exact_terms(word, None)
    return terms[0] if len(terms) == 1 else ""


def _codes(language: str | None) -> tuple[str, ...]:
    return (language,) if language else _EVERYWHERE


def _words_of(language: str | None) -> list[_Words]:
    return [_Words.of(code) for code in _codes(language)]


def _written(term: str, language: str | None) -> str:
    """Return how a language mostly writes a word that is given without accents; "" where it has none."""
    return max((words.written.get(term, "") for words in _words_of(language)), key=lambda one: _share(one, language))


def _share(word: str, language: str | None) -> float:
    """Return the share of a word among those of a language, of several the largest."""
    return max(words.share.get(word, 0.0) for words in _words_of(language))


def _share_as_typed(word: str, language: str | None) -> float:
    """Return the share of a word as it is, or with accents: in a question in one language stand names of another."""
    return max(_share(one, code) for code in (language, None) for one in (word.casefold(), _written(_term(word), code)))
