"""What people say to a chat and not to its documents: greetings, thanks, « pouvez-vous me dire », « qui es-tu ».

Such words stand in no document, and count as much as those that ask: with them, questions that the documents answer
are left unanswered. Told by the words alone, in French, English, Spanish and German.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from index.language import without_accents
from qa.spelling import Respelling, respelled

_QUOTATION_MARKS = '«»“”„"'
# A longer text says more than that.
_LONGEST = 200
_MOST_WORDS = 12

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
# How one asks for whatever there is on a subject, which is what is looked for.
_ON = (
    r"(?:(?:(?:peux tu|pouvez vous) (?:me|nous) parler|(?:parlez?|raconte) (?:moi|nous)|dis (?:moi tout|m en plus)"
    r"|(?:que|qu est ce que) (?:sais tu|savez vous|tu sais|vous savez|(?:peux tu|pouvez vous) (?:me|nous) dire)"
    r"|(?:(?:can|could) you )?(?:please )?tell (?:me|us)(?: more| everything)?|what do you know|what can you tell me"
    r"|qué sabes|háblame|cuéntame|was weißt du|erzähl mir)"
    r" (?:à propos d(?:es?|u)?|au sujet d(?:es?|u)?|sur|d(?:es?|u)?|about|of|on|sobre|acerca de|über|von)"
    r" (?:(?:la|les?|l|the|el|los|las|der|die|das|den|dem) )?)"
)
_A_QUESTION = r"(?:(?:j ai |i have )?(?:une|a) (?:petite |quick )?question|(?:petite|quick) question)"
_BY_THE_DOCUMENTS = (
    r"(?:(?:d après|selon|dans|according to|based on|in) (?:les|vos|tes|ces|the|your|these)"
    r" (?:documents|sources|articles|textes|fichiers|texts|files))"
)


# A text about the chat itself has one of these words, and no other than those beneath.
_OF_THE_CHAT = frozenset(
    without_accents(
        "sourcier tu te toi ta ton tes vous votre vos you your yours yourself tú ti tus eres usted bist kannst"
        " hast weißt dir dich dein deine documents sources source documentos fuentes fuente dokumente dokumenten"
        " quellen"
    ).split()
)
_ABOUT_THE_CHAT = frozenset(
    without_accents(
        "qui que qu quoi quel quelle quels quelles combien comment où d de des du le la les l un une en ce c ça"
        " cela ces et est es êtes suis sont a as avez y il t je puis on me m moi au bien vraiment donc exactement"
        " sur dans pour à faire fais faites peux peut pouvez sais savez sers servez utiliser marches marchez"
        " fonctionnes fonctionnez demander poser appelles appelez parles parlez parlent traitent contiennent"
        " disent disposes disposez connais connaissez lis lisez lu lus trouvé tiens tenez sors sortez inventes"
        " inventez mens mentez trompes trompez croire confiance créé conçu nom sujet sujets question questions ia"
        " ai robot bot chatbot chatgpt humain humaine machine intelligence artificielle vrai vraie sûr sûre sûrs"
        " certain certaine sérieux sérieuse liste résume résumez résumé français anglais langue langues who what"
        " which where how many do does did can could are is have the these this that an of in about from i name"
        " sure serious really true trust know find found get got work use ask tell say contain cover made created"
        " built human real list show summarize summarise all there for here speak language languages english"
        " french so and quién qué cuál cuáles cómo puedes sabes hacer son los las tratan funcionas llamas seguro"
        " segura una tienes dónde eso wer was wie ich tun machen ki ein eine sicher heißt woher das worum geht"
        " den welche"
    ).split()
)
_CALL_FOR_HELP = r"\W*(?:(?:à l )?aide(?:z)?(?: moi)?|help(?: me)?|ayuda|ayúdame|hilfe|hilf mir)\W*"


# Each is matched for good: the ways to part a long row of them would be too many to try.
_NOTHING_ELSE = rf"\W*+(?>(?:{_GREETING}|{_THANKS}|{_PLEASE}|{_FAREWELL}|{_ASSENT}|{_DENIAL}|{_SMALL_TALK})(?!\w)\W*)+"
_ALOUD = rf"(?:{_GREETING}|{_THANKS}|{_PLEASE}|{_ASSENT}|{_SMALL_TALK}|{_A_QUESTION}|{_BY_THE_DOCUMENTS})"
_BEFORE = (
    rf"{_NO_WORD}*+(?>(?:{_ALOUD} )*{_ALOUD}\s*[,.!?;:…\n]+{_NO_WORD}*"
    rf"|{_GREETING} (?={_ON}|{_TELL}|{_KNOW}|{_ASKING})|{_ON}(?!{_ASKING})(?=[\w{_QUOTATION_MARKS}])"
    rf"|{_TELL} (?=[\w{_QUOTATION_MARKS}])|{_KNOW} (?={_ASKING}))"
)
_AFTER = rf"(?:(?<=[?!.…])|[,;:\n])\s*(?:(?:{_THANKS}|{_PLEASE}|{_FAREWELL})(?!\w)\W*)+$|\s+{_THANKS_AHEAD}\W*$"
_PLEASE_AT_THE_END = rf"[\s,;]+{_PLEASE}(?=\W*$)"


def asks_nothing(text: str) -> bool:
    """Whether a text asks nothing of the documents: « Bonjour ! », "ok, thanks", « Que peux-tu faire ? ».

    What stands in quotation marks is looked for.
    """
    return is_courtesy(text) or is_about_the_chat(text)


def is_courtesy(text: str) -> bool:
    """Whether a text is nothing but greetings, thanks and the like."""
    return _is_short_and_plain(text) and _compiled(_NOTHING_ELSE).fullmatch(text) is not None


def is_about_the_chat(text: str) -> bool:
    """Whether a text asks what the chat is, can do, has read, or whether it is sure."""
    if not _is_short_and_plain(text):
        return False
    asked = without_courtesy(text)
    if _compiled(_CALL_FOR_HELP).fullmatch(asked):
        return True
    return is_made_of(re.sub(r"\bt['’]", "tu ", asked.lower()), _OF_THE_CHAT, _ABOUT_THE_CHAT)


def is_made_of(text: str, needed: frozenset[str], others: frozenset[str]) -> bool:
    """Whether a text of few words has one of those needed, and none but these and the others; all without accents."""
    words = re.findall(r"\w+", without_accents(text.lower()))
    return (
        len(words) <= _MOST_WORDS
        and not needed.isdisjoint(words)
        and all(word in needed or word in others for word in words)
    )


def _is_short_and_plain(text: str) -> bool:
    return len(text) <= _LONGEST and not any(mark in text for mark in _QUOTATION_MARKS)


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
