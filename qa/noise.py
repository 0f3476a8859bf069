"""What people's hurry does to a question: to train on it, and to measure what it costs."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping

from index.language import is_function_word, without_accents

_WORD = re.compile(r"\w[\w-]*")
_APOSTROPHE = re.compile(r"(?<=\w)['’](?=\w)")
_LONG_ENOUGH_FOR_A_SLIP = 5
_KEYS_NEARBY = "aeiounrstl"


def hasty(question: str, _: random.Random) -> str:
    """Drop capitals and the question mark."""
    return question.rstrip(" ?¿\u00a0\u202f").lower()


def without_apostrophes(question: str, _: random.Random) -> str:
    return _APOSTROPHE.sub("", question)


def mistyped(question: str, rng: random.Random) -> str:
    """Let the fingers slip in one word, sometimes two, that are long enough to stay readable."""
    words = question.split(" ")
    long = [number for number, word in enumerate(words) if len(word) >= _LONG_ENOUGH_FOR_A_SLIP]
    for number in rng.sample(long, min(len(long), rng.choice((1, 1, 2)))):
        word, at = words[number], rng.randrange(1, len(words[number]) - 1)
        words[number] = rng.choice(
            (
                word[:at] + word[at + 1 :],
                word[:at] + word[at] + word[at:],
                word[:at] + word[at + 1] + word[at] + word[at + 2 :],
                word[:at] + rng.choice(_KEYS_NEARBY) + word[at + 1 :],
            )
        )
    return " ".join(words)


def keywords(question: str, _: random.Random) -> str:
    """Keep the words that carry meaning, as people type them into a search box."""
    kept = [word for word in _WORD.findall(question) if not is_function_word(word)]
    return " ".join(kept) if len(kept) > 1 else question


NOISES: Mapping[str, Callable[[str, random.Random], str]] = {
    "hasty": hasty,
    "without accents": lambda question, _: without_accents(question),
    "without apostrophes": without_apostrophes,
    "mistyped": mistyped,
    "keywords": keywords,
}
