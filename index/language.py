"""Which language a text is written in, told by its commonest words or by its script."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# Function words that few of the other languages share; a text of a paragraph holds dozens.
_FUNCTION_WORDS = {
    "de": "der die das und ist nicht ein eine den dem des mit für auf von wie wer was wann wo wurde werden sich zu im",
    "en": "the of and to is was that for on with as by it a in his from which what who when where how why did does",
    "es": "el los las la y que es una un de en a del por con para su al lo como más qué quién cuándo dónde cómo fue",
    "fr": "le la les des de et est un une du que qui dans pour sur par au aux à a l d ce avec pas ne où comment il se",
    "it": "il lo la gli di che è un una per con del della dei nel nella sono a e come più chi cosa quando dove anche",
    "nl": "de het een en van is dat op te in zijn met voor niet aan er wat wie wanneer waar hoe werd worden ook",
    "pt": "o os as a e que é um uma de do da dos em por com para não mais como foi no na ao quem quando onde",
    "ro": "și în la a de este cu pe nu un o din care pentru sunt mai au fost ce cine când unde cum după prin",
    "sv": "och att det som en på är av för med den till inte om ett har i var vad vem när hur från",
    "tr": "ve bir bu da de için ile olarak çok daha ne kim nerede nasıl olan gibi kadar ancak değil",
}
# Question words, greetings, and others that only make up their mind together with those above.
_MORE_WORDS = {
    "de": "auch viele welche welcher warum sind hat hallo danke bitte",
    "en": "are were many much had has have be been at this you your more hello thanks thank please",
    "es": "cuántos cuánto cuál está han se hola gracias",
    "fr": "quel quelle quels quelles combien quand pourquoi elle sont été cette ses son leur s n qu ont"
    " je vous moi toi quoi faire bonjour bonsoir merci",
}
_WORDS_OF = {code: {*words.split(), *_MORE_WORDS.get(code, "").split()} for code, words in _FUNCTION_WORDS.items()}
_LANGUAGES_OF = {
    word: tuple(code for code, words in _WORDS_OF.items() if word in words)
    for words in _WORDS_OF.values()
    for word in words
}
_SCRIPTS = {
    "CYRILLIC": "ru",
    "ARABIC": "ar",
    "GREEK": "el",
    "HEBREW": "he",
    "HIRAGANA": "ja",
    "HANGUL": "ko",
    "CJK": "zh",
}
_WORD = re.compile(r"[^\W\d_]+")
_ISO_639_1 = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en"
    " eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv"
    " ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne"
    " ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st"
    " su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu".split()
)
_SAMPLE = 4000


def detect_language(text: str) -> str | None:
    """Return a two-letter ISO 639-1 code, or None where the text shows no language clearly."""
    sample = text[:_SAMPLE].lower()
    scripts: Counter[str] = Counter()
    # Of thousands of letters, some dozens are different.
    for letter, count in Counter(filter(str.isalpha, sample)).items():
        scripts[unicodedata.name(letter, "").split(" ")[0]] += count
    if not scripts:
        return None
    # Japanese mixes its own letters with Chinese ones, so one in twenty is enough to know it.
    if scripts["HIRAGANA"] * 20 > scripts.total():
        return "ja"
    script = scripts.most_common(1)[0][0]
    if script != "LATIN":
        return _SCRIPTS.get(script)
    votes: Counter[str] = Counter()
    for word in _WORD.findall(sample):
        codes = _LANGUAGES_OF.get(word, ())
        for code in codes:
            # A word of one language tells more than a word of four.
            votes[code] += 12 // len(codes)
    ranked = votes.most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] < 1.2 * ranked[1][1]):
        return None
    return ranked[0][0]


def stated_language(tag: str | None) -> str | None:
    """Return the ISO 639-1 code of a language tag ("fr-FR" → "fr"), or None where it has none."""
    code = re.split(r"[-_]", (tag or "").strip().lower(), maxsplit=1)[0]
    return code if code in _ISO_639_1 else None


def are_different(one: str | None, other: str | None) -> bool:
    """Whether two languages are known and not the same."""
    return None not in (one, other) and one != other


def without_accents(text: str) -> str:
    """Return a text with its letters as they are without accents, cedillas and the like."""
    decomposed = unicodedata.normalize("NFD", text)
    return unicodedata.normalize("NFC", "".join(letter for letter in decomposed if not unicodedata.combining(letter)))


def is_function_word(word: str) -> bool:
    """Whether a word is an article, pronoun, preposition or the like in one of the languages known here."""
    return word.lower() in _LANGUAGES_OF
