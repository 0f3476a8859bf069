r"""The words of the interface, in French and in English; nothing here is ever part of an answer.

French puts a narrow no-break space (\u202f) before ? ! ; and a no-break space (\u00a0) before :
and % and inside « »; they are written as escapes, since they cannot be seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from index.language import detect_language
from qa.answer import Answer


@dataclass(frozen=True, slots=True)
class Texts:
    """Every string of the interface in one language; `{braces}` are filled in where it is drawn."""

    language: str
    tagline: str
    welcome: str
    welcome_hint: str
    examples: str
    example: str
    conversation: str
    new_conversation: str
    dark_theme: str
    question_label: str
    question_placeholder: str
    send: str
    searching: str
    reading: str
    failed: str
    busy: str

    password: str
    log_in: str
    wrong_password: str
    wait: str

    confidence_high: str
    confidence_medium: str
    confidence_low: str
    percent: str
    one_source: str
    many_sources: str
    also_in_one: str
    also_in_many: str
    also_in_document: str
    not_said: str
    not_said_hint: str
    nothing_asked: str
    about: str
    more: str
    no_more: str
    closest: str
    read_on: str
    closest_badge: str
    respelled: str
    respelled_word: str
    carried: str
    without: str
    of_period: str
    counted_from: str
    partly_embedded: str
    characters: str
    copy_answer: str
    copy_citation: str
    copy_passage: str
    copied: str
    quoted: str

    panel: str
    panel_hint: str
    close_panel: str
    source: str
    passage: str
    source_gone: str
    previous_source: str
    next_source: str
    whole_document: str
    back_to_sources: str
    part: str
    earlier_part: str
    later_part: str
    documents: str
    no_documents: str
    and_more: str
    open_source: str
    open_pdf: str
    file: str
    page: str
    undated: str
    first_of_month: str
    months: tuple[str, ...]

    history: str
    history_hint: str
    history_none: str
    history_off: str
    history_full: str
    history_unreadable: str
    close_history: str
    rename: str
    new_title: str
    save: str
    cancel: str
    delete: str
    deleted: str
    undo: str
    delete_all: str
    delete_all_sure: str
    export_markdown: str
    export_json: str
    edit_question: str
    ask_again: str
    what_else: str
    stale: str
    useful: str
    useless: str
    why: str
    reasons: tuple[str, ...]
    comment: str
    send_feedback: str
    feedback_hint: str
    feedback_sent: str
    feedback_back: str
    feedback_failed: str

    documents_view: str
    close_documents: str
    search_documents: str
    after_filter: str
    before_filter: str
    date_example: str
    language_filter: str
    any_language: str
    source_filter: str
    source_example: str
    filters_hint: str
    filters_active: str
    remove_filter: str
    clear_filters: str
    bad_date: str
    bad_order: str
    no_document_passes: str
    asked_of: str
    documents_listed: str
    none_listed: str
    character_count: str
    only_this: str
    remove_document: str
    remove_question: str
    keep_document: str
    removed_document: str
    already_removed: str
    add_files: str
    drop_hint: str
    sending: str
    waiting_for_others: str
    reading_files: str
    nothing_sent: str
    added_one: str
    added_many: str
    unchanged_one: str
    unchanged_many: str
    refused_one: str
    refused_many: str
    refusals: Mapping[str, str] = field(hash=False)
    language_names: Mapping[str, str] = field(hash=False)


_FRENCH = Texts(
    language="fr",
    tagline="Des réponses copiées mot pour mot de vos documents, avec leurs sources.",
    welcome="Que voulez-vous savoir\u202f?",
    welcome_hint="Posez une question\u00a0: vous lirez les phrases exactes de vos documents. "
    "Un clic sur un numéro ouvre le passage d’où vient la phrase.",
    examples="Exemples de questions",
    example="Que dit-on de «\u00a0{title}\u00a0»\u202f?",
    conversation="Conversation",
    new_conversation="Nouvelle conversation",
    dark_theme="Thème sombre",
    question_label="Votre question",
    question_placeholder="Posez une question…",
    send="Envoyer la question",
    searching="Recherche dans les documents…",
    reading="Lecture des passages trouvés…",
    failed="La recherche a échoué. Le détail est dans le journal du programme.",
    busy="Trop de questions à la fois. Réessayez dans un instant.",
    password="Mot de passe",
    log_in="Entrer",
    wrong_password="Ce n’est pas le mot de passe.",
    wait="Trop d’essais. Réessayez dans {seconds}\u00a0s.",
    confidence_high="Confiance élevée",
    confidence_medium="Confiance moyenne",
    confidence_low="Confiance faible",
    percent="{percent}\u00a0%",
    one_source="1\u00a0source",
    many_sources="{count}\u00a0sources",
    also_in_one="Aussi dans 1\u00a0autre source\u00a0:",
    also_in_many="Aussi dans {count}\u00a0autres sources\u00a0:",
    also_in_document="Aussi dans «\u00a0{title}\u00a0»\u00a0:",
    not_said="Les documents ne le disent pas.",
    not_said_hint="Essayez d’autres mots, ou ajoutez un document qui en parle.",
    nothing_asked="Posez une question\u00a0: les documents y répondent avec leurs propres phrases.",
    about=(
        "sourcier cherche dans les documents et répond avec leurs phrases, copiées mot pour mot, chacune avec sa"
        " source\u202f; il n’en écrit aucune. Quand ils ne disent rien, il le dit. Posez une question sur ce dont ils"
        " parlent."
    ),
    more="Ce qu’il y a d’autre sur «\u00a0{question}\u00a0».",
    no_more="Rien d’autre n’y répond assez sûrement.",
    closest="Les passages les plus proches ne sont pas des réponses\u00a0:",
    read_on="À lire autour\u00a0:",
    closest_badge="Passage proche, pas une réponse",
    respelled="Lu {words}. Un mot entre guillemets est laissé tel quel.",
    respelled_word="«\u00a0{read}\u00a0» pour «\u00a0{typed}\u00a0»",
    carried="Suite de la question précédente.",
    without="Sans «\u00a0{terms}\u00a0»",
    of_period="Passages de cette date d’abord\u00a0: {period}.",
    counted_from="«\u00a0{words}\u00a0» est compté depuis le document le plus récent ({newest}).",
    partly_embedded=(
        "{percent}\u00a0% des passages se trouvent déjà par leur sens, les autres seulement par leurs mots\u202f; "
        "la suite vient."
    ),
    characters="caractères {start}-{end}",
    copy_answer="Copier la réponse",
    copy_citation="Copier la citation",
    copy_passage="Copier le passage",
    copied="Copié",
    quoted="«\u00a0{quote}\u00a0»",
    panel="Sources",
    panel_hint="Le passage d’origine s’affiche ici quand vous cliquez sur un numéro.",
    close_panel="Fermer les sources",
    source="Source",
    passage="Passage",
    source_gone="Cette source n’est plus en mémoire. Posez de nouveau la question.",
    previous_source="Source précédente",
    next_source="Source suivante",
    whole_document="Tout le document",
    back_to_sources="Retour aux sources",
    part="Partie {part} sur {parts}",
    earlier_part="Avant",
    later_part="Après",
    documents="Documents indexés ({count})",
    no_documents="Aucun document indexé pour l’instant.",
    and_more="et {count} de plus",
    open_source="Ouvrir sur {host}",
    open_pdf="Ouvrir le PDF à la page\u00a0{page}",
    file="Fichier\u00a0: {name}",
    page="page\u00a0{page}",
    undated="non daté",
    first_of_month="1er",
    months=(
        "janvier",
        "février",
        "mars",
        "avril",
        "mai",
        "juin",
        "juillet",
        "août",
        "septembre",
        "octobre",
        "novembre",
        "décembre",
    ),
    history="Conversations",
    history_hint="Gardées dans ce navigateur, et nulle part ailleurs.",
    history_none="Aucune conversation pour l’instant.",
    history_off="Ce navigateur ne garde rien\u00a0: les conversations se perdent quand la page se ferme.",
    history_full="Ce navigateur n’a plus de place\u00a0: cette conversation n’est pas gardée.",
    history_unreadable="Cette conversation n’a pas pu être relue.",
    close_history="Fermer les conversations",
    rename="Renommer",
    new_title="Nouveau titre",
    save="Enregistrer",
    cancel="Annuler",
    delete="Supprimer",
    deleted="«\u00a0{title}\u00a0» est supprimée.",
    undo="Rétablir",
    delete_all="Tout supprimer",
    delete_all_sure="Supprimer toutes les conversations\u202f?",
    export_markdown="Enregistrer en Markdown",
    export_json="Enregistrer en JSON",
    edit_question="Modifier la question",
    ask_again="Reposer la question",
    what_else="Quoi d’autre\u202f?",
    stale="Les documents ont changé depuis cette réponse. Reposez la question.",
    useful="Bonne réponse",
    useless="Mauvaise réponse",
    why="Pourquoi\u202f? (facultatif)",
    reasons=("Mauvaise phrase", "Les documents disent mieux", "Source dépassée", "Autre"),
    comment="Votre remarque",
    send_feedback="Envoyer",
    feedback_hint="Votre avis reste sur la machine qui fait tourner sourcier.",
    feedback_sent="Votre avis est noté.",
    feedback_back="Votre avis est retiré.",
    feedback_failed="Votre avis n’a pas pu être noté. Le détail est dans le journal du programme.",
    documents_view="Documents",
    close_documents="Fermer les documents",
    search_documents="Chercher un titre ou un fichier",
    after_filter="Depuis",
    before_filter="Jusqu’à",
    date_example="2022 ou 2022-10",
    language_filter="Langue",
    any_language="Toutes",
    source_filter="Fichier",
    source_example="*.pdf",
    filters_hint="Les questions ne portent que sur les documents qui passent ces filtres.",
    filters_active="Filtres\u00a0:",
    remove_filter="Retirer le filtre «\u00a0{name}\u00a0»",
    clear_filters="Tout effacer",
    bad_date="Une date s’écrit 2022, 2022-10 ou 2022-10-04.",
    bad_order="La première date vient après la seconde.",
    no_document_passes="Aucun document ne passe les filtres.",
    asked_of="Avec les filtres\u00a0: {filters}",
    documents_listed="{count} sur {total}",
    none_listed="Aucun document trouvé.",
    character_count="{count}\u00a0caractères",
    only_this="N’interroger que lui",
    remove_document="Retirer",
    remove_question="Retirer ce document de l’index\u202f?",
    keep_document="Garder",
    removed_document="«\u00a0{title}\u00a0» a été retiré de l’index.",
    already_removed="Ce document n’est plus dans l’index.",
    add_files="Ajouter des fichiers",
    drop_hint="ou déposez-les ici, {limit}\u00a0Mo au plus chacun\u00a0: {kinds}",
    sending="Envoi des fichiers\u00a0: {done} sur {total}",
    waiting_for_others="D’autres fichiers sont en cours d’ajout\u202f; les vôtres viendront après.",
    reading_files="Lecture des fichiers…",
    nothing_sent="Aucun fichier n’a été reçu.",
    added_one="1\u00a0document ajouté",
    added_many="{count}\u00a0documents ajoutés",
    unchanged_one="1\u00a0fichier déjà présent",
    unchanged_many="{count}\u00a0fichiers déjà présents",
    refused_one="1\u00a0fichier refusé",
    refused_many="{count}\u00a0fichiers refusés",
    refusals={
        "kind": "ce genre de fichier n’est pas lu",
        "large": "plus de {limit}\u00a0Mo",
        "empty": "le fichier est vide",
        "full": "trop de fichiers attendent\u202f; réessayez plus tard",
        "many": "plus de {most}\u00a0fichiers à la fois",
        "failed": "l’envoi a échoué",
    },
    language_names={
        "am": "amharique",
        "ar": "arabe",
        "bg": "bulgare",
        "bn": "bengali",
        "ca": "catalan",
        "cs": "tchèque",
        "da": "danois",
        "de": "allemand",
        "el": "grec",
        "en": "anglais",
        "es": "espagnol",
        "fa": "persan",
        "fi": "finnois",
        "fr": "français",
        "gu": "gujarati",
        "he": "hébreu",
        "hi": "hindi",
        "hr": "croate",
        "hu": "hongrois",
        "hy": "arménien",
        "id": "indonésien",
        "is": "islandais",
        "it": "italien",
        "ja": "japonais",
        "ka": "géorgien",
        "km": "khmer",
        "kn": "kannada",
        "ko": "coréen",
        "lo": "lao",
        "lt": "lituanien",
        "lv": "letton",
        "mk": "macédonien",
        "ml": "malayalam",
        "my": "birman",
        "nl": "néerlandais",
        "no": "norvégien",
        "pa": "pendjabi",
        "pl": "polonais",
        "pt": "portugais",
        "ro": "roumain",
        "ru": "russe",
        "si": "cingalais",
        "sk": "slovaque",
        "sl": "slovène",
        "sv": "suédois",
        "ta": "tamoul",
        "te": "télougou",
        "th": "thaï",
        "tr": "turc",
        "uk": "ukrainien",
        "ur": "ourdou",
        "vi": "vietnamien",
        "zh": "chinois",
    },
)

_ENGLISH = Texts(
    language="en",
    tagline="Answers copied word for word from your documents, with their sources.",
    welcome="What would you like to know?",
    welcome_hint="Ask a question and read the exact sentences of your documents. "
    "Click a number to open the passage a sentence comes from.",
    examples="Example questions",
    example="What is said about “{title}”?",
    conversation="Conversation",
    new_conversation="New conversation",
    dark_theme="Dark theme",
    question_label="Your question",
    question_placeholder="Ask a question…",
    send="Send the question",
    searching="Searching the documents…",
    reading="Reading the passages found…",
    failed="The search failed. The details are in the program’s log.",
    busy="Too many questions at once. Try again in a moment.",
    password="Password",
    log_in="Enter",
    wrong_password="That is not the password.",
    wait="Too many attempts. Try again in {seconds}\u00a0s.",
    confidence_high="High confidence",
    confidence_medium="Medium confidence",
    confidence_low="Low confidence",
    percent="{percent}%",
    one_source="1\u00a0source",
    many_sources="{count}\u00a0sources",
    also_in_one="Also in 1\u00a0other source:",
    also_in_many="Also in {count}\u00a0other sources:",
    also_in_document="Also in “{title}”:",
    not_said="The documents do not say.",
    not_said_hint="Try other words, or add a document that covers it.",
    nothing_asked="Ask a question: the documents answer it in their own sentences.",
    about=(
        "sourcier searches the documents and answers with their sentences, copied word for word, each with its source;"
        " it writes none of its own. Where they say nothing, it says so. Ask about what they cover."
    ),
    more="What else there is on “{question}”.",
    no_more="Nothing else answers it with enough certainty.",
    closest="The closest passages are not answers:",
    read_on="To read around it:",
    closest_badge="Close passage, not an answer",
    respelled="Read {words}. A word in quotation marks is left as it is.",
    respelled_word="“{read}” for “{typed}”",
    carried="Follows on from the previous question.",
    without="Without “{terms}”",
    of_period="Passages of that date first: {period}.",
    counted_from="“{words}” counts from the newest document ({newest}).",
    partly_embedded="{percent}% of the passages are found by their meaning already, the rest by their words alone.",
    characters="characters {start}-{end}",
    copy_answer="Copy answer",
    copy_citation="Copy citation",
    copy_passage="Copy passage",
    copied="Copied",
    quoted="“{quote}”",
    panel="Sources",
    panel_hint="The original passage appears here when you click a number.",
    close_panel="Close the sources",
    source="Source",
    passage="Passage",
    source_gone="This source is no longer in memory. Please ask again.",
    previous_source="Previous source",
    next_source="Next source",
    whole_document="Whole document",
    back_to_sources="Back to the sources",
    part="Part {part} of {parts}",
    earlier_part="Earlier",
    later_part="Later",
    documents="Indexed documents ({count})",
    no_documents="No document is indexed yet.",
    and_more="and {count} more",
    open_source="Open on {host}",
    open_pdf="Open the PDF at page\u00a0{page}",
    file="File: {name}",
    page="page\u00a0{page}",
    undated="undated",
    first_of_month="1",
    months=(
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
    history="Conversations",
    history_hint="Kept in this browser, and nowhere else.",
    history_none="No conversation yet.",
    history_off="This browser keeps nothing: conversations are lost when the page is closed.",
    history_full="This browser is out of room: this conversation is not kept.",
    history_unreadable="This conversation could not be read.",
    close_history="Close the conversations",
    rename="Rename",
    new_title="New title",
    save="Save",
    cancel="Cancel",
    delete="Delete",
    deleted="“{title}” is deleted.",
    undo="Undo",
    delete_all="Delete all",
    delete_all_sure="Delete all conversations?",
    export_markdown="Save as Markdown",
    export_json="Save as JSON",
    edit_question="Edit the question",
    ask_again="Ask again",
    what_else="What else?",
    stale="The documents have changed since this answer. Ask again.",
    useful="Good answer",
    useless="Bad answer",
    why="Why? (optional)",
    reasons=("Wrong sentence", "The documents say better", "Outdated source", "Other"),
    comment="Your remark",
    send_feedback="Send",
    feedback_hint="Your feedback stays on the machine that runs sourcier.",
    feedback_sent="Your feedback is noted.",
    feedback_back="Your feedback is taken back.",
    feedback_failed="Your feedback could not be noted. The details are in the program’s log.",
    documents_view="Documents",
    close_documents="Close the documents",
    search_documents="Search for a title or file",
    after_filter="From",
    before_filter="Until",
    date_example="2022 or 2022-10",
    language_filter="Language",
    any_language="Any",
    source_filter="File",
    source_example="*.pdf",
    filters_hint="Questions are asked only of the documents that pass these filters.",
    filters_active="Filters:",
    remove_filter="Remove the filter “{name}”",
    clear_filters="Clear all",
    bad_date="Write a date as 2022, 2022-10 or 2022-10-04.",
    bad_order="The first date comes after the second.",
    no_document_passes="No document passes the filters.",
    asked_of="With the filters: {filters}",
    documents_listed="{count} of {total}",
    none_listed="No document found.",
    character_count="{count}\u00a0characters",
    only_this="Ask only this one",
    remove_document="Remove",
    remove_question="Remove this document from the index?",
    keep_document="Keep",
    removed_document="“{title}” was removed from the index.",
    already_removed="This document is no longer in the index.",
    add_files="Add files",
    drop_hint="or drop them here, {limit}\u00a0MB each at most: {kinds}",
    sending="Sending the files: {done} of {total}",
    waiting_for_others="Other files are being added; yours come after them.",
    reading_files="Reading the files…",
    nothing_sent="No file was received.",
    added_one="1\u00a0document added",
    added_many="{count}\u00a0documents added",
    unchanged_one="1\u00a0file already there",
    unchanged_many="{count}\u00a0files already there",
    refused_one="1\u00a0file refused",
    refused_many="{count}\u00a0files refused",
    refusals={
        "kind": "files of this kind are not read",
        "large": "over {limit}\u00a0MB",
        "empty": "the file is empty",
        "full": "too many files are waiting; try again later",
        "many": "over {most}\u00a0files at once",
        "failed": "it could not be sent",
    },
    language_names={
        "am": "Amharic",
        "ar": "Arabic",
        "bg": "Bulgarian",
        "bn": "Bengali",
        "ca": "Catalan",
        "cs": "Czech",
        "da": "Danish",
        "de": "German",
        "el": "Greek",
        "en": "English",
        "es": "Spanish",
        "fa": "Persian",
        "fi": "Finnish",
        "fr": "French",
        "gu": "Gujarati",
        "he": "Hebrew",
        "hi": "Hindi",
        "hr": "Croatian",
        "hu": "Hungarian",
        "hy": "Armenian",
        "id": "Indonesian",
        "is": "Icelandic",
        "it": "Italian",
        "ja": "Japanese",
        "ka": "Georgian",
        "km": "Khmer",
        "kn": "Kannada",
        "ko": "Korean",
        "lo": "Lao",
        "lt": "Lithuanian",
        "lv": "Latvian",
        "mk": "Macedonian",
        "ml": "Malayalam",
        "my": "Burmese",
        "nl": "Dutch",
        "no": "Norwegian",
        "pa": "Punjabi",
        "pl": "Polish",
        "pt": "Portuguese",
        "ro": "Romanian",
        "ru": "Russian",
        "si": "Sinhala",
        "sk": "Slovak",
        "sl": "Slovenian",
        "sv": "Swedish",
        "ta": "Tamil",
        "te": "Telugu",
        "th": "Thai",
        "tr": "Turkish",
        "uk": "Ukrainian",
        "ur": "Urdu",
        "vi": "Vietnamese",
        "zh": "Chinese",
    },
)

TEXTS = {texts.language: texts for texts in (_FRENCH, _ENGLISH)}
DEFAULT_LANGUAGE = "fr"


def texts_around(answer: Answer, interface: Texts) -> Texts:
    """Return the words to put around an answer: in the question's language, else in the interface's.

    A follow-up too short to tell is taken to be in the language of the question it follows.
    """
    questions = [answer.question, answer.carried.question if answer.carried else ""]
    languages = (detect_language(question) or "" for question in questions)
    return next((TEXTS[language] for language in languages if language in TEXTS), interface)


def whole_percent(share: float) -> int:
    """Return a share in percent, rounded down: all but a few are not all."""
    return int(100 * share)


def preferred_language(accept_language: str | None) -> str:
    """Choose among our languages by an Accept-Language header: English for others, French without one."""
    if not accept_language:
        return DEFAULT_LANGUAGE
    wanted = sorted(_ranges(accept_language), key=lambda pair: -pair[1])
    return next((language for language, _ in wanted if language in TEXTS), "en")


def _ranges(accept_language: str) -> Iterable[tuple[str, float]]:
    for item in accept_language.split(","):
        tag, _, parameters = item.partition(";")
        weight = parameters.strip().removeprefix("q=")
        try:
            quality = float(weight) if weight else 1.0
        except ValueError:
            continue
        if quality > 0:
            yield tag.strip().lower().split("-")[0], quality
