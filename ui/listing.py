"""Which of the documents a few words mean."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from index import DocumentSummary
from ui.render.words import file_name, title_of


def listed(documents: Sequence[DocumentSummary], search: str) -> Sequence[DocumentSummary]:
    """Return the documents whose title or file name holds every word of a search, in any case, accents or not."""
    words = _plain(search).split()
    return [one for one in documents if _holds(one, words)] if words else documents


def _holds(document: DocumentSummary, words: Sequence[str]) -> bool:
    text = _plain(f"{title_of(document)} {file_name(document.source)}")
    return all(word in text for word in words)


def _plain(text: str) -> str:
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter))
