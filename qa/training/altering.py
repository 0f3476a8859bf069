"""Questions that a passage answers → questions that it looks as if it answered."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from index.language import detect_language, is_function_word

_WORD = re.compile(r"\w[\w’'-]*")
_NUMBER = re.compile(r"(?<![\w.,-])\d+(?![\w-]|[.,]\d)")
_JOINED = re.compile(r" (?:(?:de|du|des|of|the|von|del|da|di|al) )*")
_SHORTEST_NAME = 3
# In years: as far as a date that is mistaken for another may lie from it.
_FARTHEST_YEAR = 40
_ENGLISH_VERB = re.compile(r"\b(?:did|does|do|was|were|is|are|had|has|could|should|would)\b(?! not\b)")
_FRENCH_VERB = re.compile(
    r"(?<![\w’'-])(?:a|ont|est|sont|était|étaient|avait|avaient|fut|furent|peut|peuvent|doit)(?![\w’'-])"
)
# By the language of the question: "son" is a word of two.
_OPPOSITES = {
    "fr": (
        "premier dernier", "première dernière", "premiers derniers", "premières dernières", "avant après",
        "plus moins", "grand petit", "grande petite", "haut bas", "haute basse", "ancien nouveau",
        "ancienne nouvelle", "nord sud", "gagné perdu", "gagne perd", "début fin", "minimum maximum",
        "augmenté diminué", "augmente diminue", "hausse baisse", "guerre paix", "ouvert fermé", "acheté vendu",
        "achète vend", "père mère", "fils fille", "frère sœur", "homme femme", "hommes femmes", "roi reine",
        "interdit autorisé", "accepté refusé", "riche pauvre", "chaud froid", "oriental occidental",
        "orientale occidentale", "victoire défaite", "importations exportations", "importe exporte",
        "majorité minorité", "public privé", "publique privée", "intérieur extérieur", "jour nuit", "été hiver",
        "allié ennemi", "alliés ennemis", "libéré emprisonné", "favorable opposé",
    ),
    "en": (
        "first last", "before after", "most least", "more fewer", "largest smallest", "biggest smallest",
        "highest lowest", "higher lower", "larger smaller", "oldest youngest", "north south", "northern southern",
        "eastern western", "won lost", "increase decrease", "increased decreased", "war peace", "opened closed",
        "bought sold", "imports exports", "father mother", "son daughter", "brother sister", "husband wife",
        "man woman", "men women", "king queen", "allowed forbidden", "accepted rejected", "easy difficult",
        "rich poor", "hot cold", "majority minority", "public private", "indoor outdoor", "day night",
        "summer winter", "ally enemy", "allies enemies", "early late", "earliest latest", "best worst",
        "strong weak", "stronger weaker", "joined left",
    ),
    "es": ("primero último", "primera última", "antes después", "más menos", "mayor menor", "norte sur"),
    "de": ("erste letzte", "ersten letzten", "vor nach", "größte kleinste", "größten kleinsten", "mehr weniger"),
}  # fmt: skip
_OPPOSITE = {
    language: {
        word: other for first, second in map(str.split, pairs) for word, other in ((first, second), (second, first))
    }
    for language, pairs in _OPPOSITES.items()
}


def names_in(question: str) -> list[tuple[int, int]]:
    """Return where names stand, as far as capitals tell: runs of words that begin with one, after the first word."""
    runs: list[tuple[int, int]] = []
    for number, word in enumerate(_WORD.finditer(question)):
        start, end = word.span()
        is_name = word.group()[0].isupper() and end - start >= _SHORTEST_NAME and not is_function_word(word.group())
        if not number or not is_name:
            continue
        if runs and _JOINED.fullmatch(question, runs[-1][1], start):
            runs[-1] = runs[-1][0], end
        else:
            runs.append((start, end))
    return runs


def altered(question: str, names: Sequence[str], rng: random.Random) -> str | None:
    """Return the question about another name of those given, another number, the contrary, or what did not happen.

    None for one in which nothing of that is found.
    """
    ways = [
        way
        for way in (
            _with_other_name(question, names, rng),
            _with_other_number(question, rng),
            _with_opposite(question, rng),
            _denied(question, rng),
        )
        if way
    ]
    return rng.choice(ways) if ways else None


def _with_other_name(question: str, names: Sequence[str], rng: random.Random) -> str | None:
    others = [name for name in names if name.lower() not in question.lower()]
    found = names_in(question)
    return _replaced(question, rng.choice(found), rng.choice(others)) if found and others else None


def _with_other_number(question: str, rng: random.Random) -> str | None:
    found = [number.span() for number in _NUMBER.finditer(question)]
    if not found:
        return None
    start, end = rng.choice(found)
    number = int(question[start:end])
    is_year = end - start == len("1998")
    other = number + rng.choice((-1, 1)) * rng.randint(1, _FARTHEST_YEAR if is_year else max(2, number))
    return _replaced(question, (start, end), str(abs(other)))


def _with_opposite(question: str, rng: random.Random) -> str | None:
    opposite = _OPPOSITE.get(detect_language(question) or "", {})
    found = [word for word in _WORD.finditer(question) if word.group().lower() in opposite]
    if not found:
        return None
    word = rng.choice(found)
    other = opposite[word.group().lower()]
    return _replaced(question, word.span(), other.capitalize() if word.group()[0].isupper() else other)


def _denied(question: str, rng: random.Random) -> str | None:
    language = detect_language(question)
    if language == "en":
        found = [(verb.span(), f"{verb.group()}n't") for verb in _ENGLISH_VERB.finditer(question)]
    elif language == "fr":
        found = [
            (verb.span(), f"{'n’' if verb.group()[0] in 'aeoé' else 'ne '}{verb.group()} pas")
            for verb in _FRENCH_VERB.finditer(question)
        ]
    else:
        return None
    return _replaced(question, *rng.choice(found)) if found else None


def _replaced(question: str, place: tuple[int, int], other: str) -> str:
    return question[: place[0]] + other + question[place[1] :]
