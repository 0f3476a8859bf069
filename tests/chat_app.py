"""The chat over an answerer with fixed answers, for the browser tests: `python chat_app.py PORT`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from index.document import Document, DocumentSummary, Passage
from index.errors import InputError
from index.filters import Filters
from qa.answer import Answer, Citation, Repeat, SearchHit, Span
from qa.conversation import carry_over
from qa.dates import find_period
from ui.backend import Holdings
from ui.uploads import Outcome, Received

FERTILISER = Document(
    id="engrais",
    title="Engrais russes : une nouvelle livraison",
    date="2022-10",
    language="fr",
    source="/home/someone/secret-folder/engrais.txt",
    text=(
        "La Russie livrera des engrais au Mali.\n\n"
        "Le 4 octobre, les deux présidents se sont parlé. Vladimir Poutine a promis 60 000 tonnes d'engrais, "
        "250 000 tonnes de blé et\n  35 000 tonnes de carburant. "
        "Les premiers navires sont attendus à Dakar\tavant l'hiver.\n\n"
        "Les producteurs de coton, eux, ont vu le prix du sac doubler en un an."
    ),
)
AGREEMENT = Document(
    id="accord",
    title="Accord sur l'exportation des engrais et des produits alimentaires par la mer Noire",
    date="2022-07-22",
    language="fr",
    source="https://archives.example/accord?piece=1&page=2",
    pages=(0, 60),
    text=(
        "Préambule. Les parties sont convenues de ce qui suit. Titre II.\n"
        "Les engrais circulent sans droits de douane. La Russie fournira au Mali 60 000 tonnes d'engrais. "
        "Le présent accord prend effet à sa signature."
    ),
)
HOSTILE = Document(
    id="<script>window.attacked=1</script>",
    title="<b>Rules</b> <img src=x onerror=window.attacked=2> \u202eesrever " + "long title " * 1000,
    date="<i>2022</i>",
    language='en" onmouseover="window.attacked=3',
    source="javascript:window.attacked=4//evil.html",
    text=(
        "Rules: <script>window.attacked=5</script> and "
        "<img src=http://evil.example/x onerror=window.attacked=6> stay text. "
        "Templates ${window.attacked=7}, {{constructor}} and `${alert(1)}` \\u0041 C:\\users\\new stay text.\r\n"
        "\t\tIndented **bold** [link](javascript:window.attacked=8) $$x^2$$ "
        "</mark></blockquote></section> stays text. "
        "Reset a badge at the <b>desk</b> & keep \"quotes\" and 'apostrophes' \u202eright to left."
    ),
)
REPORT = Document(id="report", title="", date=None, language="en", source="", text="The budget is not stated here.")
TEXTS_BY_ID = {one.id: one for one in (FERTILISER, AGREEMENT, HOSTILE, REPORT)}
DOCUMENTS = tuple(
    DocumentSummary(one.id, one.title, one.source, one.date, one.language, len(one.text))
    for one in TEXTS_BY_ID.values()
)

FERTILISER_QUESTION = "Combien de tonnes d'engrais la Russie livrera-t-elle au Mali ?"
HOSTILE_QUESTION = "What do the rules say?"
UNKNOWN_QUESTION = "Qui dirige la Mongolie ?"
FOLLOW_UP = "Et le mois dernier ?"
EXAMPLES = {"fr": (FERTILISER_QUESTION, UNKNOWN_QUESTION), "en": (HOSTILE_QUESTION,)}


ATTACK = "<script>window.attacked=5</script>"


def passage_around(document: Document, first: str, last: str) -> Passage:
    """Cut the passage that begins with one phrase and ends with another."""
    start, end = document.text.index(first), document.text.index(last) + len(last)
    return Passage(f"{document.id}-0", document.id, start, end, document.text[start:end])


def cite(
    number: int, document: Document, first: str, last: str, *, bold: str = "", also: Sequence[Repeat] = ()
) -> Citation:
    """Cite the sentence that begins and ends so; its passage leaves out the document's first word."""
    start, end = document.text.index(first), document.text.index(last) + len(last)
    begin = min(start, document.text.index(" ") + 1)
    passage = Passage(f"{document.id}-0", document.id, begin, len(document.text), document.text[begin:])
    span = None
    if bold:
        at = document.text.index(bold)
        span = Span(at, at + len(bold), bold)
    return Citation(number, document.text[start:end], start, end, span, document, passage, 0.9, also_in=tuple(also))


def repeat(document: Document, quote: str) -> Repeat:
    """Point at the same thing said elsewhere."""
    start = document.text.index(quote)
    return Repeat(quote, start, start + len(quote), document)


class FakeAnswerer:
    """Answers by a word of the question: engrais, rules, boom, crash; « attends » and "wait" are slow.

    Its newest document is of 2022-10, and follow-ups are recognised as they really are.
    """

    def documents(self, filters: Filters | None = None) -> Sequence[DocumentSummary]:
        """Return every document that can be cited, in a language if that is asked for."""
        languages = filters.languages if filters else ()
        return [one for one in DOCUMENTS if not languages or one.language in languages]

    def add_files(self, files: Sequence[Received], on_begin: Callable[[], None]) -> Outcome:
        """Nothing is added to fixed documents."""
        return Outcome(unchanged=tuple(file.name for file in files))

    def remove(self, ids: Iterable[str]) -> Sequence[DocumentSummary]:
        """Nothing is removed from them either."""
        return ()

    def examples(self) -> Mapping[str, Sequence[str]]:
        """Return questions that the fixed answers cover."""
        return EXAMPLES

    def read(self, ids: Iterable[str]) -> Mapping[str, Document]:
        """Return the documents that can be cited, by id."""
        return {id_: TEXTS_BY_ID[id_] for id_ in ids if id_ in TEXTS_BY_ID}

    def holdings(self) -> Holdings:
        """Return made-up figures."""
        return Holdings("gen-7", len(DOCUMENTS), 11)

    def retrieve(self, question: str, *, top_k: int = 5, filters: Filters | None = None) -> Sequence[SearchHit]:
        """Return the same two passages each time."""
        if "boom" in question:
            raise InputError("the question is too short: 1 word found, 2 expected; write a sentence")
        return _closest()[:top_k]

    def original(self, document_id: str) -> tuple[str, bytes] | None:
        """No document was read from a file."""
        return None

    def stages(
        self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None
    ) -> Iterator[Sequence[SearchHit] | Answer]:
        """Yield the same two passages each time, then the fixed answer."""
        yield _closest()
        yield self.ask(question, history=history, filters=filters)

    def ask(self, question: str, *, history: Sequence[Answer] = (), filters: Filters | None = None) -> Answer:
        """Return the fixed answer, with what the question was understood to mean."""
        carried = carry_over(question, history)
        searched = carried.before(question) if carried else question
        return replace(self._answer(question, searched.lower()), carried=carried, period=find_period(searched, _newest))

    def _answer(self, question: str, words: str) -> Answer:
        if "attends" in words or "wait" in words:
            time.sleep(1.2)
        if "boom" in words:
            raise InputError("the question is too short: 1 word found, 2 expected; write a sentence")
        if "crash" in words:
            raise RuntimeError("a private detail")
        if "engrais" in words:
            return Answer(question, True, 0.93, _fertiliser_citations(), timings={"read": 1.0})
        if "rules" in words:
            return Answer(question, True, 0.41, _hostile_citations())
        return Answer(question, False, 0.07, (), closest=_closest())


def _newest() -> str:
    return "2022-10"


def _fertiliser_citations() -> tuple[Citation, ...]:
    promised = cite(
        1,
        FERTILISER,
        "Vladimir Poutine",
        "tonnes de carburant.",
        bold="60 000 tonnes d'engrais",
        also=[repeat(AGREEMENT, "La Russie fournira au Mali 60 000 tonnes d'engrais.")],
    )
    duties = cite(2, AGREEMENT, "Les engrais circulent", "droits de douane.", bold="sans droits de douane.")
    arrival = cite(3, FERTILISER, "Les premiers navires", "avant l'hiver.")
    return promised, duties, arrival


def _hostile_citations() -> tuple[Citation, ...]:
    return (
        cite(
            1,
            HOSTILE,
            "Rules: <script>",
            "onerror=window.attacked=6> stay text.",
            bold=ATTACK,
        ),
        cite(2, HOSTILE, "Templates", "\\new stay text."),
        cite(3, HOSTILE, "Indented **bold**", "</section> stays text."),
    )


def _closest() -> tuple[SearchHit, ...]:
    ships = passage_around(FERTILISER, "Les premiers", "en un an.")
    producers = passage_around(FERTILISER, "Les producteurs", "en un an.")
    budget = passage_around(REPORT, "The budget", "here.")
    nearest = Span(producers.start, producers.end, producers.text)
    return SearchHit(ships, FERTILISER, 0.4, 1, nearest=nearest), SearchHit(budget, REPORT, 0.3, 2)


if __name__ == "__main__":
    from ui.feedback import FeedbackLog
    from ui.serving import Serving, launch_chat

    serving = Serving(int(sys.argv[1]), **json.loads(sys.argv[2] if sys.argv[2:] else "{}"))
    launch_chat(FakeAnswerer(), serving, feedback=FeedbackLog(Path("feedback.jsonl")))
