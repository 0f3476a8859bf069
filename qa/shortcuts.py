"""One-liners on an index, opened once and kept open."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from index import Filters, PassageIndex
from index.passage_store import default_place, is_shared
from qa.answer import Answer, SearchHit
from qa.answerer import Answerer
from qa.retriever import Retriever


def retrieve(
    question: str,
    *,
    top_k: int = 5,
    filters: Filters | None = None,
    index_dir: str | os.PathLike[str] | None = None,
) -> list[SearchHit]:
    """Return the best passages of the index in `index_dir`, a folder or an address, or of the default one, best first.

    Raises IndexNotFoundError if there is none, InputError for a question that cannot be searched for.
    """
    return _opened(_place(index_dir))[0].retrieve(question, top_k=top_k, filters=filters)


def ask(
    question: str,
    *,
    history: Sequence[Answer] = (),
    filters: Filters | None = None,
    index_dir: str | os.PathLike[str] | None = None,
) -> Answer:
    """Answer from the index in `index_dir`, or from the default index; raises as `retrieve` does.

    `history` are the answers that the question may follow on from, oldest first.
    """
    return _opened(_place(index_dir))[1].ask(question, history=history, filters=filters)


def _place(index_dir: str | os.PathLike[str] | None) -> str | Path:
    place = default_place() if index_dir is None else index_dir
    return str(place) if is_shared(place) else Path(place).resolve()


@cache
def _opened(place: str | Path) -> tuple[Retriever, Answerer]:
    passage_index = PassageIndex.open(place)
    return Retriever(passage_index), Answerer(passage_index)
