"""Question → passages → sentences → an answer with citations, or silence."""

from __future__ import annotations

from qa.answer import Answer, Citation, Repeat, SearchHit, Span
from qa.answerer import Answerer
from qa.conversation import Carried
from qa.dates import Period
from qa.reader import Finding, Reader, open_reader
from qa.retriever import Retriever
from qa.shortcuts import ask, retrieve
from qa.spelling import Respelling

__all__ = [
    "Answer",
    "Answerer",
    "Carried",
    "Citation",
    "Finding",
    "Period",
    "Reader",
    "Repeat",
    "Respelling",
    "Retriever",
    "SearchHit",
    "Span",
    "ask",
    "open_reader",
    "retrieve",
]
