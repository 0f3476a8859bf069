"""Files of questions with known answers → documents to index and questions to ask."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from index import Document, InputError, load_documents, make_document
from index.language import detect_language
from qa.retriever import check_question

_FORMS = (
    'a SQuAD-form file, {"data": [{"paragraphs": [{"context": …, "qas": [{"id": …, "question": …, "answers": …}]}]}]}, '
    'or a .jsonl file whose lines are {"id": …, "question": …, "document": …, "quote": …}'
)

# What a question asks for, told by the first of these words in it. Longer expressions come before
# the words they begin with.
_QUESTION_WORDS = {
    "de": {
        "how many": r"wie ?viele?",
        "who": r"wer|wen|wem|wessen",
        "when": r"wann|in welchem jahr",
        "where": r"wo|wohin|woher",
        "why": r"warum|weshalb|wieso",
        "which": r"welche[rnsm]?",
        "what": r"was|wo(?:r?(?:an|auf|aus|in|über|um|unter)|bei|durch|für|gegen|mit|nach|von|zu)",
        "how": r"wie",
    },
    "en": {
        "how many": r"how (?:many|much|long|old|far|often|tall|high|big|large|deep)",
        "who": r"who|whom|whose",
        "when": r"when|(?:what|which) (?:year|day|date|month|century|decade)",
        "where": r"where",
        "why": r"why",
        "which": r"which",
        "what": r"what",
        "how": r"how",
    },
    "es": {
        "how many": r"cu[áa]nt[oa]s?",
        "who": r"qui[ée]n(?:es)?",
        "when": r"cu[áa]ndo|(?:qué|que) (?:año|día|fecha|mes|siglo)",
        "where": r"d[óo]nde|ad[óo]nde",
        "why": r"por qué",
        "which": r"cu[áa]l(?:es)?",
        "what": r"qué",
        "how": r"c[óo]mo",
    },
    "fr": {
        "how many": r"combien",
        "when": r"quand|quelle (?:année|date|époque|décennie)|quel (?:jour|mois|siècle)|quelles (?:années|dates)",
        "what": r"quoi|que|qu(?=['’])",
        "who": r"qui",
        "where": r"où",
        "why": r"pourquoi",
        "which": r"(?:les?|la|aux?|des?|du)?quel(?:le)?s?",
        "how": r"comment",
    },
}
NO_QUESTION_WORD = "other"
_PATTERNS = {
    language: re.compile(
        r"(?<!\w)(?:"
        + "|".join(f"(?P<{name.replace(' ', '_')}>(?:{words})(?!\\w))" for name, words in of.items())
        + ")",
        re.IGNORECASE,
    )
    for language, of in _QUESTION_WORDS.items()
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question and where its answers stand: (document id, start, end); none if the documents do not say.

    `exact` tells an answer of a few words from the sentence that holds one. `group` is the document
    that it was asked about, `article` the name of the text that this document is a part of, empty where
    there is no such thing. `id` differs between any two questions that are loaded together.
    """

    id: str
    text: str
    answers: tuple[tuple[str, int, int], ...]
    exact: bool
    group: str
    article: str
    file: str
    language: str | None
    kind: str

    @property
    def id_in_file(self) -> str:
        """The id as the file has it: one question in several languages has it in several files."""
        return self.id.removeprefix(f"{self.file}:")

    def answered_by(self, document_id: str, start: int, end: int) -> bool:
        """Whether `[start, end)` of a document holds one of the answers whole."""
        return any(document_id == d and start <= s and e <= end for d, s, e in self.answers)


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """One file as it was read; `skipped` are the ids of questions that cannot be asked or judged."""

    name: str
    sha256: str
    documents: tuple[Document, ...]
    articles: Mapping[str, str]
    questions: tuple[Question, ...]
    skipped: tuple[str, ...]


@dataclass(frozen=True)
class QuestionSet:
    """Several files as one corpus: every question is asked of the documents of all of them."""

    files: tuple[QuestionFile, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """The documents, those that several files share counting once."""
        return tuple({document.id: document for file in self.files for document in file.documents}.values())

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(question for file in self.files for question in file.questions)

    def subject_of(self, question: Question) -> frozenset[str]:
        """Return the ids of the documents that must go for the question to be about another subject.

        Those of its article in any of the files, and those that hold an answer; none where neither is known.
        """
        return self._by_article.get(question.article, frozenset()) | {d for d, _, _ in question.answers}

    @cached_property
    def _by_article(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for file in self.files:
            for document_id, article in file.articles.items():
                found.setdefault(article, set()).add(document_id)
        return {article: frozenset(ids) for article, ids in found.items()}


def load_questions(paths: Sequence[Path]) -> QuestionSet:
    """Read files of either form; a question's id is preceded by its file's name.

    Raises InputError for a file that is missing, given twice, or of another form, and for files
    without any question.
    """
    several = [path.resolve() for path in paths]
    for path in several:
        if several.count(path) > 1:
            raise InputError(f"{path} is given twice: expected every file once")
    files = tuple(load_question_file(path, name=name) for path, name in zip(several, _names(several), strict=True))
    if not any(file.questions for file in files):
        raise InputError(f"{', '.join(map(str, paths))} holds no question that can be asked: expected {_FORMS}")
    return QuestionSet(files)


def load_question_file(path: Path, *, name: str | None = None) -> QuestionFile:
    """Read one file, a `.jsonl` with its documents beside it or anything else as SQuAD's form.

    Answers that do not stand where the file says are left out, and a question that loses all its
    answers, or that has no word, is skipped.
    """
    try:
        data = path.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}; expected {_FORMS}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8: expected {_FORMS}") from error
    read = _read_lines if path.suffix.lower() == ".jsonl" else _read_squad
    return read(path, text, name or path.name, hashlib.sha256(data).hexdigest())


def question_word(text: str, language: str | None) -> str:
    """Return what a question asks for: who, when, where, why, which, what, how, how many, or other.

    Told by the first question word in it, in German, English, Spanish and French.
    """
    pattern = _PATTERNS.get(language or "")
    found = pattern.search(text) if pattern else None
    return str(found.lastgroup).replace("_", " ") if found else NO_QUESTION_WORD


def _read_squad(path: Path, text: str, name: str, sha256: str) -> QuestionFile:
    try:
        articles = list(json.loads(text)["data"])
    except (ValueError, TypeError, KeyError) as error:
        raise InputError(f'{path} has no "data" in JSON: expected {_FORMS}') from error
    documents: dict[str, Document] = {}
    article_of: dict[str, str] = {}
    questions: list[Question] = []
    skipped: list[str] = []
    for number, article in enumerate(articles):
        try:
            title = str(article.get("title") or f"{name}, article {number}")
            for paragraph in article["paragraphs"]:
                context = _text(paragraph["context"])
                document = make_document(context)
                if article.get("title"):
                    # As in an address of Wikipedia.
                    document = replace(document, title=title.replace("_", " "))
                documents[document.id] = document
                article_of[document.id] = title
                for asked in paragraph["qas"]:
                    impossible = bool(asked.get("is_impossible"))
                    stated = (
                        [] if impossible else [(int(a["answer_start"]), _text(a["text"])) for a in asked["answers"]]
                    )
                    kept = {(at, at + len(answer)) for at, answer in stated if _stands(context, at, answer)}
                    question = Question(
                        id=f"{name}:{asked['id']}",
                        text=_text(asked["question"]),
                        answers=tuple((document.id, start, end) for start, end in sorted(kept)),
                        exact=True,
                        group=document.id,
                        article=title,
                        file=name,
                        language=detect_language(asked["question"]) or document.language,
                        kind="answerable" if stated else "unanswerable",
                    )
                    if (stated and not kept) or not _can_be_asked(question):
                        skipped.append(question.id)
                    else:
                        questions.append(question)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}, article {number + 1}: {_reason(error)}; expected {_FORMS}") from error
    _check_ids(path, questions)
    return QuestionFile(name, sha256, tuple(documents.values()), article_of, tuple(questions), tuple(skipped))


def _read_lines(path: Path, text: str, name: str, sha256: str) -> QuestionFile:
    documents = tuple(load_documents(path.parent))
    by_name = _by_name(documents, path.parent.resolve())
    questions: list[Question] = []
    skipped: list[str] = []
    # Not splitlines(): inside a JSON string a line separator of Unicode may stand unescaped.
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            asked = json.loads(line)
            words = _text(asked["question"])
            stated = [asked, *asked.get("also", ())] if asked["document"] is not None else []
            places = [place for one in stated for place in _places(one, by_name)]
            question = Question(
                id=f"{name}:{asked['id']}",
                text=words,
                answers=tuple(dict.fromkeys(places)),
                exact=False,
                group=by_name[stated[0]["document"]].id if stated else f"{name}:{asked['id']}",
                article="",
                file=name,
                language=asked.get("language") or detect_language(words),
                kind=str(asked.get("kind") or ("answerable" if stated else "unanswerable")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}, line {number}: {_reason(error)}; expected {_FORMS}") from error
        if (stated and not places) or not _can_be_asked(question):
            skipped.append(question.id)
        else:
            questions.append(question)
    _check_ids(path, questions)
    return QuestionFile(name, sha256, documents, {}, tuple(questions), tuple(skipped))


def _places(answer: Mapping[str, Any], by_name: Mapping[str, Document]) -> Iterator[tuple[str, int, int]]:
    """Yield wherever the quote stands in its document."""
    document, quote = by_name[answer["document"]], _text(answer["quote"])
    if not quote.strip():
        raise ValueError("an empty quote")
    at = document.text.find(quote)
    while at >= 0:
        yield document.id, at, at + len(quote)
        at = document.text.find(quote, at + 1)


class _ByName(dict[str, Document]):
    def __missing__(self, name: object) -> Document:
        raise ValueError(f"no document {name!r} beside the file")


def _by_name(documents: Sequence[Document], folder: Path) -> _ByName:
    """Return documents by their path in a folder, and by their bare name where only one has it."""
    paths = {Path(document.source): document for document in documents}
    # A link may lead out of the folder; its document goes by its bare name.
    paths = {
        path.relative_to(folder) if path.is_relative_to(folder) else Path(path.name): document
        for path, document in paths.items()
    }
    names = [path.name for path in paths]
    bare = {path.name: document for path, document in paths.items() if names.count(path.name) == 1}
    return _ByName({**bare, **{path.as_posix(): document for path, document in paths.items()}})


def _stands(context: str, at: int, answer: str) -> bool:
    return at >= 0 and bool(answer.strip()) and context.startswith(answer, at)


def _can_be_asked(question: Question) -> bool:
    try:
        check_question(question.text)
    except InputError:
        return False
    return True


def _check_ids(path: Path, questions: Sequence[Question]) -> None:
    seen: set[str] = set()
    for question in questions:
        if question.id in seen:
            repeated = question.id.partition(":")[2]
            raise InputError(f"{path} has two questions with the id {repeated!r}: expected every id once")
        seen.add(question.id)


def _names(paths: Sequence[Path]) -> list[str]:
    """Return the shortest ends of the paths that tell them apart, the same on any machine for the same few files."""
    for length in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        names = ["/".join(path.parts[-length:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [str(path) for path in paths]


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{json.dumps(value)[:40]} where a text belongs")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f'no "{error.args[0]}"'
    if isinstance(error, json.JSONDecodeError):
        return "it is not JSON"
    return " ".join(str(error).split())
