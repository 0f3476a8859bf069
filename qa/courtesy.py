"""What people say to a chat that asks nothing of the documents: greetings, thanks, « pouvez-vous me dire ».

Such words stand in no document, and count as much as those that ask: with them, questions that the documents answer
are left unanswered. Told by the words alone, in French, English, Spanish and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from qa.spelling import Respelling, respelled

_QUOTATION_MARKS = '«»“”„"'
# A longer text says more than that.
_LONGEST = 200

# As one set of characters, marks beyond Latin-1 among them, it takes three times as long to compile.
_NO_WORD = r'(?:(?!“)(?!”)(?!„)[^\w«»"])'
# In these patterns a space is whatever stands between words, but a quotation mark: « d’accord », "thank-you".
_GREETING = (
    r"(?:(?:re)?bonjour|bonsoir|salut|coucou|hello|hi|hey|good (?:morning|afternoon|evening|day)|hola"
    r"|buen[oa]s (?:días|dias|tardes|noches)|hallo|guten (?:tag|morgen|abend))"
    r"(?: (?:à tou[st]|à toutes|tout le monde|madame|monsieur|messieurs|mesdames|there|all|everyone|sourcier))*"
)
_THANKS_AHEAD = r"(?:merci (?:d|par) avance|thanks in advance|thank you in advance|gracias de antemano|danke im voraus)"
_THANKS = (
    rf"(?:{_THANKS_AHEAD}|(?:un grand |mille )?merci(?: (?:beaucoup|bien|infiniment|à (?:vous|toi)"
    r"|pour (?:tout|ça|cela|(?:votre|ton) aide|(?:votre|ta) réponse)))*|(?:many )?thanks(?: (?:a lot|so much|again))?"
    r"|thank you(?: (?:very much|so much|again))?|(?:muchas )?gracias|vielen dank|danke(?: (?:schön|sehr))?)"
)
_PLEASE = r"(?:s il (?:te|vous) pla[iî]t|svp|stp|please|por favor|bitte)"
_FAREWELL = (
    r"(?:au revoir|à (?:bientôt|plus tard|demain)|bonne (?:journée|soirée|nuit|continuation)|(?:good)?bye|good night"
    r"|see you(?: (?:soon|later))?|have a (?:nice|good|great) (?:day|evening)|adi[óo]s|hasta luego|tschüss"
    r"|auf wiedersehen)"
)
_ASSENT = (
    r"(?:ok(?:ay)?|d accord|oui|yes|sí|ja|ah|oh|parfait|super|génial|excellent|très bien|entendu|compris"
    r"|c est (?:bien|bon|noté|clair|parfait|super)|je vois|bravo|cool|great|perfect|got it|i see|understood|vale|gut)"
)
_SMALL_TALK = (
    r"(?:(?:comment )?[çc]a va(?: bien)?|comment (?:vas tu|allez vous)|et (?:toi|vous)|enchantée?"
    r"|how are you(?: (?:doing|today))?|and you|nice to meet you)"
)
# Before a question it may be another word: "No. 10 Downing Street".
_DENIAL = r"(?:non|no|nein)"
# How one is asked to tell, and whether one knows: the latter is courtesy only where `_ASKING` follows.
_TELL = (
    r"(?:(?:pou(?:vez|rriez) vous|(?:peux|pourrais) tu|(?:est ce que )?(?:vous pou(?:vez|rriez)|tu (?:peux|pourrais)))"
    r" (?:(?:me|nous) (?:dire|expliquer|préciser|rappeler|indiquer)|m (?:expliquer|indiquer))"
    r"|(?:dis|dites|indiquez?|expliquez?|rappelez?|rappelle) (?:moi|nous)"
    r"|(?:je|on) (?:voudrais|voudrait|veux|veut|souhaite|souhaiterais|cherche à) savoir|j aimerais savoir"
    r"|(?:(?:can|could|would|will) you )?(?:please )?(?:tell|explain to|remind) (?:me|us)"
    r"|i (?:d|would) like to know|i (?:want|wanted|need) to know"
    r"|(?:me (?:puedes|podrías|puede) decir|(?:puedes|podrías|puede) decirme|dime)"
    r"|(?:(?:kannst|könntest) du|können sie|könnten sie) (?:mir|uns) sagen|sag mir)"
)
_KNOW = (
    r"(?:savez vous|sais tu|est ce que (?:vous savez|tu sais)|je me demand(?:e|ais)|do you know|i wonder"
    r"|i was wondering|sabes|weißt du|wissen sie)"
)
_ASKING = (
    r"(?:(?:[àa]|au|aux|de|d|dans|en|par|pour|avec|sur|chez|depuis|vers|jusqu à|in|at|on|from|by|for|to|with|since) )?"
    r"(?:qui|qu|que|quoi|quel(?:le)?s?|quand|o[ùu]|comment|pourquoi|combien|lequel|laquelle|lesquel(?:le)?s|ce qu[ei]?"
    r"|who|whom|whose|what|which|when|where|why|how|quién|quiénes|qué|cuál|cuáles|cuándo|dónde|cómo|cuánt[oa]s?"
    r"|wer|wen|wem|was|wann|wo|warum|wie|welche[rsnm]?)\b"
)
_A_QUESTION = r"(?:(?:j ai |i have )?(?:une|a) (?:petite |quick )?question|(?:petite|quick) question)"
_BY_THE_DOCUMENTS = (
    r"(?:(?:d après|selon|dans|according to|based on|in) (?:les|vos|tes|ces|the|your|these)"
    r" (?:documents|sources|articles|textes|fichiers|texts|files))"
)


# Each is matched for good: the ways to part a long row of them would be too many to try.
_NOTHING_ELSE = rf"\W*+(?>(?:{_GREETING}|{_THANKS}|{_PLEASE}|{_FAREWELL}|{_ASSENT}|{_DENIAL}|{_SMALL_TALK})(?!\w)\W*)+"
_ALOUD = rf"(?:{_GREETING}|{_THANKS}|{_PLEASE}|{_ASSENT}|{_SMALL_TALK}|{_A_QUESTION}|{_BY_THE_DOCUMENTS})"
_BEFORE = (
    rf"{_NO_WORD}*+(?>(?:{_ALOUD} )*{_ALOUD}\s*[,.!?;:…\n]+{_NO_WORD}*"
    rf"|{_GREETING} (?={_TELL}|{_KNOW}|{_ASKING})|{_TELL} (?=[\w{_QUOTATION_MARKS}])|{_KNOW} (?={_ASKING}))"
)
_AFTER = rf"(?:(?<=[?!.…])|[,;:\n])\s*(?:(?:{_THANKS}|{_PLEASE}|{_FAREWELL})(?!\w)\W*)+$|\s+{_THANKS_AHEAD}\W*$"
_PLEASE_AT_THE_END = rf"[\s,;]+{_PLEASE}(?=\W*$)"


def is_courtesy(text: str) -> bool:
    """Whether a text asks nothing: « Bonjour ! », "ok, thanks". What stands in quotation marks is looked for."""
    return (
        len(text) <= _LONGEST
        and not any(mark in text for mark in _QUOTATION_MARKS)
        and _compiled(_NOTHING_ELSE).fullmatch(text) is not None
    )


def without_courtesy(question: str) -> str:
    """Return what is asked: of « Bonjour, pouvez-vous me dire qui a signé ? Merci. », « qui a signé ? ».

    A text that asks nothing is returned as it is.
    """
    if is_courtesy(question):
        return question
    asked = question
    while before := _compiled(_BEFORE).match(asked):
        asked = asked[before.end() :]
    # Looking for an end takes the square of the length.
    body, end = asked[:-_LONGEST], asked[-_LONGEST:]
    asked = (body + _compiled(_AFTER).sub("", _compiled(_PLEASE_AT_THE_END).sub("", end))).strip()
    return asked if any(map(str.isalnum, asked)) else question


def as_meant(question: str, respellings: Sequence[Respelling]) -> str:
    """Return what is looked for and read: a question without the slips and the courtesies of who typed it."""
    return without_courtesy(respelled(question, respellings))


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compile a pattern once it is needed: most commands ask nothing, and a twentieth of a second is long for them."""
    return re.compile(pattern.replace(" ", f"{_NO_WORD}+"), re.IGNORECASE)
