"""Questions → sentences that say the same and answer nothing, as leads and headings of news do.

A reader that goes by shared words takes such a sentence for the answer. Beside one, it must look for what
is asked for.
"""

from __future__ import annotations

import random
import re

from index.language import detect_language

_END = re.compile(r"[\s?.!¿]+$")
# « a-t-il », « sont elles »: nothing takes the subject up again in a statement. « a-t-on »: there it comes first.
_TAKEN_UP = re.compile(r"[- ](?:t[-’' ])?(?:ils?|elles?)\b(?=[ ,]|$)")
_ON_AFTER = re.compile(r"(\w+)[- ](?:t[-’' ])?on\b(?=[ ,]|$)")
_PREPOSITION = r"(?:à|dans|en|sur|pour|avec|par|contre|de|sous|chez|selon|depuis|vers|entre|après|avant) "
_BE_FR = r"(?:est|sont|était|étaient|fut|furent|a été|ont été|sera)"
_DO = r"(?:did|does|do)"
_AUXILIARY = r"(?:did|does|do|is|was|are|were|can|could|has|have|had|will|would|should|used|may|must)\b"
_OF_ONE = re.compile(r"\bde un", re.IGNORECASE)
_FEWEST_WORDS = 4

# What asks, and what may stand in its place without answering.
_VAGUE = {
    "fr": (
        (r"combien d(?=e |['’])", ("beaucoup d", "un certain nombre d", "un nombre connu d")),
        (r"qui est-ce qui(?= )|qui(?= )", ("quelqu'un", "une personne connue de tous", "un homme", "une femme")),
        (r"qu['’]est[- ]ce qui(?= )", ("quelque chose", "une seule chose", "un fait bien connu")),
        (
            r"(?:d['’]|depuis |jusqu['’]à |par )?(?:quand|où|comment|pourquoi)(?: est[- ]ce que)?(?= )",
            ("alors", "ainsi", "un jour", "quelque part", "par la suite", "pour une raison connue"),
        ),
        (rf"quel(?:le)?s? {_BE_FR}(?= )", ("on connaît", "tous connaissent", "chacun sait", "l'article rappelle")),
        (rf"(?P<before>{_PREPOSITION})?quel(?= )", ("{before}un certain",)),
        (rf"(?P<before>{_PREPOSITION})?quelle(?= )", ("{before}une certaine",)),
        (rf"(?P<before>{_PREPOSITION})?quel(?:le)?s(?= )", ("{before}plusieurs",)),
    ),
    "en": (
        (
            rf"(?:when|where|why|how) {_DO} ",
            ("at some point, ", "somehow, ", "then ", "for a known reason, ", "somewhere, ", ""),
        ),
        (rf"who (?!{_DO} |(?:is|was) the )", ("someone ", "a well-known person ", "a man ", "a woman ")),
        (
            r"(?:who|what) (?:is|was|are|were) (?=the |an? )",
            ("everybody knows ", "the article mentions ", "few had heard of "),
        ),
        (
            rf"how (?:many|much) (?!{_AUXILIARY}|of |money |time )(?=[\w-]+ (?!{_AUXILIARY}))",
            ("a certain number of ", "many ", "some "),
        ),
        (rf"which (?!{_AUXILIARY})(?=[\w-]+ (?!{_AUXILIARY}))", ("a certain ", "some ", "one ")),
    ),
}
# Sentences that take a whole question in.
_TELLING = {
    "fr": (
        "on s'est longtemps demandé {}",
        "reste à savoir {}",
        "la presse a raconté {}",
        "tout le monde sait {}",
        "nul n'ignore {}",
        "les historiens ont établi {}",
        "un témoin a expliqué {}",
    ),
    "en": (
        "it is well known {}",
        "many have asked {}",
        "historians have established {}",
        "the press reported {}",
        "it remains to be seen {}",
        "a witness explained {}",
    ),
}
_ASKING = {
    "fr": re.compile(
        rf"(?:{_PREPOSITION}|d['’]|jusqu['’]à )?(?:qui|quand|où|comment|pourquoi|combien|quel(?:le)?s?)\b",
        re.IGNORECASE,
    ),
    "en": re.compile(r"(?:(?:in|on|at|to|for|by|with) )?(?:who|what|when|where|why|how|which)\b", re.IGNORECASE),
}
_WHAT_FR = re.compile(r"qu(?:e |['’])(?:est[- ]ce (?:que |qu['’]|(?P<subject>qui )))?", re.IGNORECASE)
_VOWEL = re.compile(r"[aeiouyhéèêâîô]", re.IGNORECASE)


def restated(question: str, rng: random.Random) -> str | None:
    """Return a sentence that says what a French or English question says, but for what it asks for.

    None for one in another language, or of a form that is not known.
    """
    text = _END.sub("", question).strip()
    language = detect_language(text)
    if language not in _VAGUE or len(text.split()) < _FEWEST_WORDS:
        return None
    if language == "fr":
        text = _ON_AFTER.sub(r"on \1", _TAKEN_UP.sub("", text))
    ways = [found for found in (_vague(text, language, rng), _told(text, language, rng)) if found]
    if not ways:
        return None
    sentence = rng.choice(ways)
    return f"{sentence[0].upper()}{sentence[1:]}."


def _vague(text: str, language: str, rng: random.Random) -> str | None:
    """Put something vague in the place of what asks."""
    for pattern, instead in _VAGUE[language]:
        if found := re.match(pattern, text, re.IGNORECASE):
            before = found.groupdict().get("before") or ""
            vague = _OF_ONE.sub("d'un", rng.choice(instead).format(before=before))
            return vague + text[found.end() :]
    return None


def _told(text: str, language: str, rng: random.Random) -> str | None:
    """Let somebody know or tell it."""
    telling = rng.choice(_TELLING[language])
    if _ASKING[language].match(text):
        return telling.format(text[0].lower() + text[1:])
    if language == "fr" and (found := _WHAT_FR.match(text)):
        rest = text[found.end() :]
        what = "ce qui " if found["subject"] else "ce qu'" if _VOWEL.match(rest) else "ce que "
        return telling.format(what + rest)
    return None
