"""Which language a text is written in, told by its script and by how common its words are in each."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from index.word_lists import by_rarity

# By the names that Unicode gives scripts, each with its commonest language, or its only one.
_SCRIPTS = {
    "ARABIC": "ar",
    "ARMENIAN": "hy",
    "BENGALI": "bn",
    "CJK": "zh",
    "CYRILLIC": "ru",
    "DEVANAGARI": "hi",
    "ETHIOPIC": "am",
    "GEORGIAN": "ka",
    "GREEK": "el",
    "GUJARATI": "gu",
    "GURMUKHI": "pa",
    "HANGUL": "ko",
    "HEBREW": "he",
    "KANNADA": "kn",
    "KHMER": "km",
    "LAO": "lo",
    "MALAYALAM": "ml",
    "MYANMAR": "my",
    "SINHALA": "si",
    "TAMIL": "ta",
    "TELUGU": "te",
    "THAI": "th",
}
# Languages of one script, to be told apart by their words.
_BY_WORDS = {
    "ARABIC": ("ar", "fa", "ur"),
    "CYRILLIC": ("bg", "mk", "ru", "uk"),
    "LATIN": ("de", "en", "es", "fr", "it", "nl", "pt", "ro", "sv", "tr"),
}
# Asked only about a text of which none of those above knows this share of the words: a list takes some hundredths of
# a second to load. Names that a language happens to have as words are not enough for it.
_FURTHER = ("ca", "cs", "da", "fi", "hr", "hu", "id", "is", "lt", "lv", "no", "pl", "sk", "sl", "vi")
_MOST = 0.8
_ENOUGH = 0.6
_LISTED_AS = {"hr": "sh", "no": "nb"}
# A word counts for as many centibels as it is commoner than the rarest ones that count at all (once in 200,000 words);
# the likeliest language must be so many ahead of the next. Measured on the questions of PIAF, SQuAD and XQuAD.
_RAREST = 530
_CLEARLY = 50
_AMID = 5
_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE = 4000
# A question is asked about again and again while it is answered.
_REMEMBERED = 32
# Languages that are taken for the one that they share nearly all of their words with.
_VARIANTS = {"bs": "hr", "ms": "id", "nb": "no", "nn": "no", "sr": "hr"}
# Articles, pronouns, prepositions, question words and courtesies.
_FUNCTION_WORDS = frozenset(
    (
        "der die das und ist nicht ein eine den dem des mit für auf von wie wer was wann wo wurde werden sich "
        "zu im auch viele welche welcher warum sind hat hallo danke bitte "
        "the of and to is was that for on with as by it a in his from which what who when where how why did "
        "does are were many much had has have be been at this you your more hello thanks thank please "
        "el los las la y que es una un de en a del por con para su al lo como más qué quién cuándo dónde cómo "
        "fue cuántos cuánto cuál está han se hola gracias "
        "le la les des de et est un une du que qui dans pour sur par au aux à a l d ce avec pas ne où comment "
        "il se quel quelle quels quelles combien quand pourquoi elle sont été cette ses son leur s n qu ont "
        "je vous moi toi quoi faire bonjour bonsoir merci "
        "il lo la gli di che è un una per con del della dei nel nella sono a e come più chi cosa quando dove "
        "anche "
        "de het een en van is dat op te in zijn met voor niet aan er wat wie wanneer waar hoe werd worden ook "
        "o os as a e que é um uma de do da dos em por com para não mais como foi no na ao quem quando onde "
        "și în la a de este cu pe nu un o din care pentru sunt mai au fost ce cine când unde cum după prin "
        "och att det som en på är av för med den till inte om ett har i var vad vem när hur från "
        "ve bir bu da de için ile olarak çok daha ne kim nerede nasıl olan gibi kadar ancak değil "
    ).split()
)
_ISO_639_1 = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en"
    " eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv"
    " ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne"
    " ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st"
    " su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu".split()
)


def detect_language(text: str) -> str | None:
    """Return a two-letter ISO 639-1 code, or None where the text shows no language clearly."""
    return _language_of(text[:_SAMPLE])


@lru_cache(maxsize=_REMEMBERED)
def _language_of(sample: str) -> str | None:
    text = unicodedata.normalize("NFC", sample.lower())
    scripts: Counter[str] = Counter()
    # Of thousands of letters, some dozens are different.
    for letter, count in Counter(filter(str.isalpha, text)).items():
        scripts[unicodedata.name(letter, "").split(" ")[0]] += count
    if not scripts:
        return None
    # Japanese mixes its own letters with Chinese ones, so one in twenty is enough to know it.
    if (scripts["HIRAGANA"] + scripts["KATAKANA"]) * 20 > scripts.total():
        return "ja"
    # Names in Latin letters are common amid others, and hardly the other way round.
    if (scripts.total() - scripts["LATIN"]) * _AMID > scripts.total():
        del scripts["LATIN"]
    script = scripts.most_common(1)[0][0]
    told = _told_by_words(text, script) if script in _BY_WORDS else None
    return told or _SCRIPTS.get(script)


def _told_by_words(text: str, script: str) -> str | None:
    """Return the language of this script whose words a text's are, or None where several are nearly as likely."""
    # The lists are without vowel marks, as most texts are; "İ" in small letters is an i and a dot.
    words = _WORD.findall(_without_marks(text))
    weighed = [_weigh(words, code) for code in _BY_WORDS[script]]
    if script == "LATIN" and max(known for _, known, _ in weighed) < _MOST:
        weighed += [one for one in (_weigh(words, code) for code in _FURTHER) if one[1] >= _ENOUGH]
    (score, _, likeliest), (next_score, _, _), *_ = sorted(weighed, reverse=True)
    return likeliest if score - next_score >= _CLEARLY else None


def _weigh(words: Sequence[str], code: str) -> tuple[int, float, str]:
    """Return how much words count for a language, the share of them that it has, and its code."""
    weights = _weights(code)
    known = [weights[word] for word in words if word in weights]
    return sum(known), len(known) / len(words), code


@cache
def _weights(code: str) -> Mapping[str, int]:
    common = by_rarity(_LISTED_AS.get(code, code))[:_RAREST]
    return {word: _RAREST - centibels for centibels, words in enumerate(common) for word in words}


def stated_language(tag: str | None) -> str | None:
    """Return the ISO 639-1 code of a language tag ("fr-FR" → "fr"), or None where it has none."""
    code = re.split(r"[-_]", (tag or "").strip().lower(), maxsplit=1)[0]
    return code if code in _ISO_639_1 else None


def are_different(one: str | None, other: str | None) -> bool:
    """Whether two languages are known and not the same, nor variants of the same."""
    return one is not None and other is not None and _VARIANTS.get(one, one) != _VARIANTS.get(other, other)


def without_accents(text: str) -> str:
    """Return a text with its letters as they are without accents, cedillas and the like."""
    return unicodedata.normalize("NFC", _without_marks(unicodedata.normalize("NFD", text)))


def _without_marks(text: str) -> str:
    """Return a text without the marks that stand in it as characters of their own."""
    return "".join(letter for letter in text if not unicodedata.combining(letter))


def is_function_word(word: str) -> bool:
    """Whether a word is an article, pronoun, preposition or the like in one of the languages known here."""
    return word.lower() in _FUNCTION_WORDS
