"""BM25 over the words of passages, each analysed in its own language (tantivy)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Languages with a Snowball stemmer in tantivy, by ISO 639-1 code; any other is split and folded only.
_STEMMERS = {
    "ar": "arabic",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "fi": "finnish",
    "fr": "french",
    "hu": "hungarian",
    "it": "italian",
    "nl": "dutch",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
}
_WITHOUT_STOP_WORDS = {"ar", "el", "ro", "tr"}
_OTHER = "other"
_FIELDS = (*_STEMMERS, _OTHER)
_WRITER_MEMORY = 64_000_000
_LONGEST_WORD = 64


class WordIndex:
    """Passages by their words; a row is a passage's place in the generation."""

    def __init__(self, index: tantivy.Index) -> None:
        for field in _FIELDS:
            index.register_tokenizer(field, _analyser(field))
        self._searcher = index.searcher()
        self._schema = index.schema

    @classmethod
    def build(cls, folder: Path, passages: Iterable[tuple[str, str | None]]) -> WordIndex:
        """Write an index of (text, language) pairs, the first being row 0, into an empty folder."""
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("row", fast=True)
        for field in _FIELDS:
            builder.add_text_field(field, tokenizer_name=field, index_option="freq")
        index = tantivy.Index(builder.build(), path=str(folder))
        for field in _FIELDS:
            index.register_tokenizer(field, _analyser(field))
        # One thread: several would deal rows to segments in an order that differs from run to run.
        writer = index.writer(heap_size=_WRITER_MEMORY, num_threads=1)
        for row, (text, language) in enumerate(passages):
            entry = tantivy.Document()
            entry.add_unsigned("row", row)
            entry.add_text(_field(language), text)
            writer.add_document(entry)
        writer.commit()
        writer.wait_merging_threads()
        index.reload()
        return cls(index)

    @classmethod
    def open(cls, folder: Path) -> WordIndex:
        return cls(tantivy.Index.open(str(folder)))

    def search(self, question: str, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the rows of at most `k` passages that share words with the question, and their BM25, best first."""
        terms = [
            (tantivy.Occur.Should, tantivy.Query.term_query(self._schema, field, term))
            for field in _FIELDS
            for term in dict.fromkeys(_analyser(field).analyze(question))
            if self._searcher.doc_freq(field, term)
        ]
        if not terms:
            return np.empty(0, np.int64), np.empty(0, np.float32)
        found = self._searcher.search(tantivy.Query.boolean_query(terms), limit=k, count=False).hits
        rows = np.array(self._searcher.fast_field_values("row", [address for _, address in found]), dtype=np.int64)
        scores = np.array([score for score, _ in found], dtype=np.float32)
        order = np.lexsort((rows, -scores))
        return rows[order], scores[order]

    def question_terms(self, question: str, language: str | None) -> dict[str, float]:
        """Return the question's terms as texts of this language have them, each with its idf.

        idf = ln(1 + (N - n + ½) / (n + ½)) for a term found in n of N passages, as in tantivy's BM25.
        """
        field = _field(language)
        count = self._searcher.num_docs
        found = {term: self._searcher.doc_freq(field, term) for term in analyse(question, language)}
        return {term: math.log(1 + (count - n + 0.5) / (n + 0.5)) for term, n in found.items()}


def analyse(text: str, language: str | None) -> list[str]:
    """Return the terms under which a text of this language is indexed: folded, stemmed, without stop words."""
    terms: list[str] = _analyser(_field(language)).analyze(text)
    return terms


def _field(language: str | None) -> str:
    return language if language in _STEMMERS else _OTHER


@cache
def _analyser(field: str) -> tantivy.TextAnalyzer:
    # The simple tokenizer parts words at the apostrophe, so « l’engrais » gives "l" and "engrais",
    # and the stop words take the "l".
    builder = (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
        .filter(tantivy.Filter.lowercase())
    )
    if field in _STEMMERS and field not in _WITHOUT_STOP_WORDS:
        builder = builder.filter(tantivy.Filter.stopword(_STEMMERS[field]))
    # Accents go before the stemmer sees the word, so that a question typed without them finds the same terms.
    builder = builder.filter(tantivy.Filter.ascii_fold())
    if field in _STEMMERS:
        builder = builder.filter(tantivy.Filter.stemmer(_STEMMERS[field]))
    return builder.build()
