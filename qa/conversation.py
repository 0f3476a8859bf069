"""A question that leans on the turn before → the question as it is searched for, and what it took over.

Told by the words alone, in French and in English, and meant to be cautious: a question that carries
too little finds less, a question that carries the wrong subject finds something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from index.language import is_function_word, without_accents
from index.words import analyse
from qa.courtesy import asks_nothing, is_made_of
from qa.dates import date_words

if TYPE_CHECKING:
    from qa.answer import Answer


@dataclass(frozen=True, slots=True)
class Carried:
    """What a follow-up takes over: the words searched for before its own, and the question they come from.

    `asks_for_more`: « Quoi d'autre ? » has no words to search for, so that the question before is asked once more.
    """

    words: str
    question: str
    asks_for_more: bool = False

    @property
    def terms(self) -> tuple[str, ...]:
        """The words that carry meaning, each once."""
        return tuple(dict.fromkeys(_content_of(self.words)))

    def before(self, question: str) -> str:
        """Return what is searched for."""
        return self.words if self.asks_for_more else f"{self.words} {question}"

    def to_json(self) -> dict[str, Any]:
        return {
            "words": self.words,
            "terms": list(self.terms),
            "question": self.question,
            "asks_for_more": self.asks_for_more,
        }


def carry_over(question: str, history: Sequence[Answer]) -> Carried | None:
    """Return what the question takes over from the last turn, or None where it stands on its own."""
    previous = last_asked(history)
    if previous is None or len(question) > _LONGEST:
        return None
    followed = previous.carried.question if previous.carried and previous.asks_for_more else previous.question
    if asks_for_more(question):
        return Carried(previous.searched, followed, asks_for_more=True)
    own = _content_of(question)
    points_back = len(own) <= _LONGEST_POINTING and not _addresses(question) and _points_back(question, own)
    if not points_back and not _is_fragment(question, previous):
        return None
    before = previous.searched
    kept = _kept(before, question)
    if points_back and own:
        # It has a verb of its own: the old one would only draw towards the old answer.
        names = [word for word in _words(kept)[1:] if _is_name(word)]
        kept = " ".join(names) if names else kept
    if not _content_of(kept):
        return None
    words = " ".join([kept, *_names_of(previous, before)]) if points_back else kept
    return Carried(words[:_LONGEST].rsplit(" ", 1)[0] if len(words) > _LONGEST else words, followed)


def last_asked(history: Sequence[Answer]) -> Answer | None:
    """Return the last turn that asked something: what comes after « Merci ! » follows on from what was thanked for."""
    return next((answer for answer in reversed(history) if not asks_nothing(answer.question)), None)


# Characters of a follow-up, and of what it takes over.
_LONGEST = 400


# --- Words ----------------------------------------------------------------------------------------

_WORD = re.compile(r"\w+")

_ASKING = frozenset(
    "qui que quoi quel quelle quels quelles combien quand où comment pourquoi lequel laquelle lesquels lesquelles"
    " who whom whose what which when where why how many much"
    " quién quiénes qué cuál cuándo dónde cómo cuánto cuántos cuánta cuántas wer wen wem wann wo warum wie".split()
)
_LINKING = frozenset("et and y und mais but alors".split())
_BEING = frozenset(
    "est sont était étaient été être es suis sera seront serait fut furent soit a as ai ont avait avaient eu aura"
    " auront aurait avoir is are was were be been being am has have had do does did done will would can could should"
    " shall may might must peut peuvent doit doivent pourrait devait".split()
)
_OTHERS = frozenset(
    "je tu on nous vous il ils elle elles lui leur leurs eux y en ça cela ceci celui celle ceux celles ci là même aussi"
    " encore donc ni car si très trop peu plus moins bien tout tous toute toutes autre autres dont chez entre vers par"
    " contre sous sans selon après avant pendant depuis jusqu lors puis ensuite mon ton son ma ta sa mes tes ses notre"
    " votre nos vos ce cet cette ces me te moi toi i you he she they we it him her them his its their me my your our us"
    " there here so then too also very just only ever still now again not no yes this that these those into out up down"
    " about over under than or if oui non ok".split()
)
_EMPTY = _ASKING | _LINKING | _BEING | _OTHERS
# Someone who is spoken to, or speaks, is not in the documents.
_PRESENT = frozenset("je tu toi vous i you your votre vos ton".split())
_PLACING = {
    **dict.fromkeys("à au aux en dans a in at into y".split(), "place"),
    **dict.fromkeys("pour for".split(), "goal"),
    **dict.fromkeys("selon après according".split(), "source"),
    **dict.fromkeys("contre against".split(), "foe"),
    **dict.fromkeys("avec with".split(), "with"),
    **dict.fromkeys("de du des d of".split(), "of"),
    **dict.fromkeys("par by".split(), "by"),
    **dict.fromkeys("vers chez sur sous on from to depuis".split(), "other"),
}
_ARTICLES = frozenset("le la les l un une des the an".split())


def _words(text: str) -> list[str]:
    return [word.group() for word in _WORD.finditer(text)]


def _content_of(text: str) -> list[str]:
    return [word for word in _words(text) if _is_content(word)]


def _is_content(word: str) -> bool:
    lower = word.lower()
    return len(word) > 1 and lower not in _EMPTY and not is_function_word(lower)


def _is_name(word: str) -> bool:
    return word[0].isupper() and _is_content(word)


# --- Whether it asks for more of the same ---------------------------------------------------------

# It has one of these words, and no other than those beneath.
_MORE = frozenset(
    without_accents(
        "plus davantage autre autres encore suite continue continuez développe développer développez détaille"
        " détailler détaillez précise préciser précisez détails more else other others further elaborate más otro"
        " otra otros mehr noch weiter weitere"
    ).split()
)
_AROUND_MORE = frozenset(
    without_accents(
        "quoi qui où quand quel quels quelle quelles d de des et rien chose choses détail précision précisions"
        " information informations info infos exemple exemples réponse réponses résultat résultats phrase phrases"
        " passage passages citation citations dis dites donne donnez raconte m me en moi nous le la les l savoir"
        " veux voudrais aimerais j je peux tu pouvez vous dire à ce sujet propos là dessus y a t il elle est tout"
        " ça cela un une peu alors what anything something nothing who where which tell give say us details about"
        " on this that it them is are there any some the and result results answer answers quotes examples i want"
        " would like to know see show do you have can could qué algo cosa hay sobre eso alguna was etwas dazu"
        " davon gibt es"
    ).split()
)
_GO_ON = re.compile(
    r"\W*(?:go on|keep going|c['’]est tout|is that (?:all|it)|that[’']s all|das ist alles|eso es todo)\W*",
    re.IGNORECASE,
)


def asks_for_more(question: str) -> bool:
    """Whether a question asks what else there is on what was asked before: « Quoi d'autre ? », "Tell me more"."""
    return _GO_ON.fullmatch(question) is not None or is_made_of(question, _MORE, _AROUND_MORE)


# --- Whether a question leans on the turn before --------------------------------------------------

# Content words that a follow-up of each kind has at most.
_LONGEST_POINTING = 6
_LONGEST_FRAGMENT = 4
_LONGEST_PLACE = 2
_LONGEST_LINKED_VERB = 2
_LONGEST_BARE = 5


def _is_fragment(question: str, previous: Answer) -> bool:
    """Whether a question lacks the verb or the subject that the turn before has: « Et le Niger ? », "Why?"."""
    words = _words(question)
    if not words or _addresses(question):
        return False
    body = _unlinked(words)
    linked = len(body) < len(words)
    dated = date_words(question)
    content = _content_of(question[: dated[0]] + " " + question[dated[1] :] if dated else question)
    asks = any(word.lower() in _ASKING for word in body)
    acts = any(word.lower() in _BEING for word in body[1:] or body)
    if not content:
        return linked or asks or dated is not None
    if linked and not acts and len(content) <= (1 if asks else _LONGEST_FRAGMENT):
        return True
    if linked:
        # « Et qui est le président du Chili ? » after Russia's asks about something new.
        owners = [
            word
            for start, end, kind in _slots(question)
            if kind == "of"
            for word in _words(question[start:end])
            if _is_name(word)
        ]
        return len(content) <= _LONGEST_LINKED_VERB and _is_known(owners or content, previous)
    if asks or acts:
        return asks and not acts and len(content) == 1 and len(body) <= _LONGEST_BARE and not _is_name(content[0])
    placed = body[0].lower() in _PLACING and question.rstrip().endswith("?")
    return placed and len(content) <= _LONGEST_PLACE


def _unlinked(words: Sequence[str]) -> Sequence[str]:
    """Return the words after an opening "and"; « y a-t-il » opens with none, « ¿y en 2021? » does."""
    lower = [word.lower() for word in words[:2]]
    french = lower[:1] == ["y"] and lower[-1] in _BEING
    return words[1:] if lower and lower[0] in _LINKING and not french else words


def _addresses(question: str) -> bool:
    return not _PRESENT.isdisjoint(word.lower() for word in _words(question))


def _is_known(content: Sequence[str], previous: Answer) -> bool:
    """Whether one of the words stands in the passages that answered before."""
    for citation in previous.citations:
        language = citation.document.language
        held = set(analyse(citation.passage.text, language))
        if any(held.intersection(analyse(word, language)) for word in content):
            return True
    return False


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


# The phrase that a question opens with: its noun is what is asked for, not what a pronoun stands for.
_OPENING = _pattern(
    r"\W*(?:(?:et|and|mais|but|alors)\W+)?(?:(?:[àa]|de|d['’]|en|dans|par|pour|vers|sur|avec|contre|depuis|jusqu['’][àa]"
    r"|in|at|on|from|by|for|to|with|since)\s*)?"
    r"(?:combien(?: d(?:e |['’])\w+)?|quel(?:le)?s?(?: \w+)?(?: d(?:e |['’])\w+)?|qu(?:['’]|e )est-ce qu(?:['’]|e )"
    r"|(?:quand|o[ùu]|pourquoi|comment) (?:est-ce qu(?:['’]|e ))?|qu['’]|que |qui |quoi |o[ùu] "
    r"|how (?:many|much)(?: of)?(?: (?!did|does|do|was|were|is|are|had|has|have|will)\w+)?"
    r"|how (?:long|old|far|often|high)\b|(?:which|what)(?: (?!did|does|do|was|were|is|are|had|has|have|will)\w+)?"
    r"|how|who|whom|whose|when|where|why)"
)
_FRENCH_SUBJECT = _pattern(r"\b(?:(?P<verb>\w+)(?:-t)?[- ])?(?P<pronoun>ils?|elles?)\b")
_IMPERSONAL_VERB = _pattern(
    r"^(?:faut|faudra|faudrait|fait|fera|faisait|pleut|reste|restait|manque|manquait|existe|agit|suffit|passe|arrive|vaut)$"
)
_IMPERSONAL = _pattern(
    r"\bil (?:faut|y a|y avait|pleut|existe|s['’]agit|manque|reste|suffit|est (?:vrai|possible|temps|interdit))\b"
    r"|\by a(?:-t|vait| t)?[- ]il\b|\bheure est[- ]il\b"
    r"|\best-il (?:vrai|possible|nécessaire|obligatoire|interdit|légal|permis|utile|dangereux|normal|prévu|difficile)\b"
    r"|\bwhat time is it\b|\bit (?:takes?|costs?)\b|\bdoes it (?:take|cost)\b"
    r"|\bis it (?:true|possible|legal|safe|raining|easy|hard|necessary|ok|better|worth)\b"
)
_ENGLISH_SUBJECT = _pattern(
    r"\b(?:did|does|do|was|were|is|are|had|has|have|will|would|can|could|should) (?:he|she|they|it)\b"
    r"|^\W*(?:and |but )?(?:he|she|they|it)\b"
)
_OBJECT = _pattern(
    r"\b(?:him|her|them|it|his|hers|its|their|theirs|lui|eux|son|sa|ses|leurs?)\b"
    r"|\bl['’](?:a|ont|avait|avaient|aurait)\b|\ben (?:a|ont|est|sont|avait|avaient|aura)\b"
    r"|\by (?:est|sont|était|étaient|ont|avait|a-t-on)\b"
)
_POINTING = _pattern(
    r"\b(?:celui|celle|ceux|celles)-(?:ci|là)\b|\bce(?:tte)? derni(?:er|ère)\b|\blà-bas\b|\b(?:ça|cela)\b"
    r"|\b(?:this|that|there|those|these)(?: now)?\W*$"
    r"|\b(?:of|in|to|for|from|by|with|about|after|during) that \w"
)
_THIS = _pattern(r"(?<!est-)\b(?:ce|cet|cette|ces|this|these|those) (?P<noun>\w+)")
_TIMES = frozenset(
    "an année mois semaine jour jours matin soir fois moment siècle été hiver printemps automne week-end"
    " year month week day morning evening time moment century summer winter spring autumn".split()
)
_PLURAL = frozenset("they them their theirs leur leurs ils elles eux".split())


def _points_back(question: str, own: Sequence[str]) -> bool:
    """Whether a pronoun or "this ..." of the question stands for nothing in the question itself."""
    if _IMPERSONAL.search(question):
        return False
    if _POINTING.search(question):
        return True
    opening = _OPENING.match(question)
    begin = opening.end() if opening else 0
    opened = _content_of(question[:begin])

    def held(end: int) -> list[str]:
        """Return the content words after the opening that a pronoun at `end` may stand for."""
        return _content_of(question[begin : max(begin, end)])

    for match in _FRENCH_SUBJECT.finditer(question):
        verb = match["verb"] or ""
        inverted = "-" in match.group() or verb.lower() in _BEING
        if not _IMPERSONAL_VERB.match(verb) and not held(match.start() if inverted else match.start("pronoun")):
            return True
    if any(not held(match.start()) for match in _ENGLISH_SUBJECT.finditer(question)):
        return True
    for match in _OBJECT.finditer(question):
        bound = match.group().lower() in _PLURAL and opened and not question[: match.start()].endswith("of ")
        nouns = held(match.start())
        if len(own) <= 4 and len(nouns) <= 2 and not bound and not _has_noun(question[begin : match.start()]):
            return True
    for match in _THIS.finditer(question):
        noun = match["noun"]
        names = any(map(_is_name, held(match.start()))) or _is_name(noun)
        if _is_content(noun) and noun.lower() not in _TIMES and not names:
            return True
    return False


def _has_noun(text: str) -> bool:
    """Whether a text holds a name, or an article with its noun."""
    words = _words(text)
    return any(map(_is_name, words)) or any(a.lower() in _ARTICLES and _is_content(b) for a, b in pairwise(words))


# --- What is taken over ---------------------------------------------------------------------------


def _kept(before: str, question: str) -> str:
    """Return the words of the question before that the follow-up does not replace."""
    if date_words(question) and (dated := date_words(before)):
        before = before[: dated[0]] + " " + before[dated[1] :]
    before = _INVERTED.sub(" ", _without_slot(before, question))
    dropped = _ASKING | _LINKING
    return " ".join(word for word in _PLAIN.findall(before) if word.lower() not in dropped)


_PLAIN = re.compile(r"[\w’'.,-]*\w[’']?")
_INVERTED = _pattern(r"\best-ce qu(?:e\b|['’])|-t-(?:il|elle|ils|elles|on)\b|-(?:il|elle|ils|elles|on|ce)\b|[?!]")


def _without_slot(before: str, question: str) -> str:
    """Leave out the place, purpose or person of the question before that a fragment puts another for."""
    dated = date_words(question)
    words = _unlinked(_words(question[: dated[0]] + " " + question[dated[1] :] if dated else question))
    if not words or any(word.lower() in _ASKING for word in words) or any(w.lower() in _BEING for w in words[1:]):
        return before
    if words[0].lower() == "d" and len(words) > 1:  # « d’après »
        words = words[1:]
    kind = _PLACING.get(words[0].lower())
    named = [word for word in words if _is_name(word)]
    for start, end, found in reversed(list(_slots(before))):
        if (found == kind and kind is not None) or (kind is None and found is None and named):
            return before[:start] + " " + before[end:]
    return before


def _slots(text: str) -> Iterator[tuple[int, int, str | None]]:
    """Yield each phrase after a preposition, and each name without one, as `[start, end)` and its kind."""
    words = list(_WORD.finditer(text))
    position = 0
    while position < len(words):
        kind = _PLACING.get(words[position].group().lower())
        first = position - (position > 0 and kind == "source" and words[position - 1].group().lower() == "d")
        position += 1
        if kind is None:
            if not _is_name(words[first].group()):
                continue
            while position < len(words) and _is_name(words[position].group()):
                position += 1
            yield words[first].start(), words[position - 1].end(), None
            continue
        while position < len(words) and words[position].group().lower() in _ARTICLES:
            position += 1
        if position < len(words) and _is_name(words[position].group()):
            while position < len(words) and _is_name(words[position].group()):
                position += 1
        elif kind == "source":
            while position < len(words) and _is_content(words[position].group()):
                position += 1
        else:
            continue
        yield words[first].start(), words[position - 1].end(), kind


def _names_of(previous: Answer, known: str) -> list[str]:
    """Return the names in the first quote of an answer that the words carried do not hold already."""
    if not previous.citations:
        return []
    have = {word.lower() for word in _words(known)}
    names = []
    quote = previous.citations[0].quote
    for match in _WORD.finditer(quote):
        word = match.group()
        if match.start() and _is_name(word) and word.lower() not in have:
            have.add(word.lower())
            names.append(word)
    return names[:_MOST_NAMES]


_MOST_NAMES = 6
