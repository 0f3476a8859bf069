"""The conversations over the demo corpus, as questions with known answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index import Document
from qa.questions import Question, load_question_file
from ui.demo import seeds_folder

CONVERSATIONS = seeds_folder() / "conversations.jsonl"


@dataclass(frozen=True)
class Asked:
    """A turn of a conversation, and whether it leans on the turn before."""

    question: Question
    carries: bool


@dataclass(frozen=True)
class Conversation:
    """Questions that follow each other."""

    id: str
    language: str
    turns: tuple[Asked, ...]


def load_conversations() -> tuple[tuple[Document, ...], list[Conversation]]:
    """Read the demo corpus and the conversations over it."""
    documents = load_question_file(seeds_folder() / "questions.jsonl").documents
    conversations = []
    for line in CONVERSATIONS.read_text(encoding="utf-8").splitlines():
        read = json.loads(line)
        turns = [
            Asked(_question(turn, documents, f"{read['id']}.{number}", read["language"]), turn["carries"])
            for number, turn in enumerate(read["turns"], start=1)
        ]
        conversations.append(Conversation(read["id"], read["language"], tuple(turns)))
    return documents, conversations


def _question(asked: Mapping[str, Any], documents: Sequence[Document], identifier: str, language: str) -> Question:
    by_name = {Path(document.source).name: document for document in documents}
    answers = []
    for gold in [asked, *asked.get("also", [])] if asked["document"] else []:
        document = by_name[gold["document"]]
        start = document.text.index(gold["quote"])
        answers.append((document.id, start, start + len(gold["quote"])))
    return Question(
        id=identifier,
        text=asked["question"],
        answers=tuple(answers),
        exact=False,
        group=answers[0][0] if answers else identifier,
        article="",
        file=CONVERSATIONS.name,
        language=language,
        kind="turn",
    )
