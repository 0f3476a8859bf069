"""BM25 over the words of passages, each analysed in its own language (tantivy)."""

from __future__ import annotations

import json
import math
import os
import shutil
import tempfile
import weakref
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tantivy

from index import durable
from index.language import is_function_word

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
# Written without spaces between words: every two neighbouring letters are a term.
_SPACELESS = {"ja", "km", "lo", "my", "th", "zh"}
_PAIRS = "pairs"
_OTHER = "other"
# Beside its stems, a text has its words as they are, in every language alike: a name or a number that is
# met unchanged counts for more, which adds .006 ± .005 to the MRR@20 on PIAF's train part.
EXACT = "exact"
EXACT_WEIGHT = 0.5
_FIELDS = (*_STEMMERS, _PAIRS, _OTHER)
# Beside tantivy's own files: the fields that have words. Looking a question up in all takes as long as the search.
_USED = "fields.json"
_NUMBER = "number"
_WRITER_MEMORY = 64_000_000
_LONGEST_WORD = 64
# Below this share of the passages, naming those that may be found is quicker than passing over the others.
_FEW = 0.05
# Among many passages, a word that is in more than this share of them tells little, and weighing all of
# those takes nearly the whole time of a search.
_MANY = 100_000
_COMMON = 0.3

Entry = tuple[int, str, str | None]


class WordIndex:
    """Passages by their words, under their numbers in the truth."""

    def __init__(self, index: tantivy.Index, fields: Collection[str]) -> None:
        _register_analysers(index)
        self._fields = fields
        self._searcher = index.searcher()
        self._schema = index.schema

    @classmethod
    def write(cls, folder: Path, entries: Iterable[Entry]) -> None:
        """Write an index of (number, text, language) entries into an empty folder."""
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field(_NUMBER, indexed=True, fast=True)
        for field in (*_FIELDS, EXACT):
            builder.add_text_field(field, tokenizer_name=field, index_option="freq")
        _change(tantivy.Index(builder.build(), path=str(folder)), folder, entries, ())

    @classmethod
    def extend(cls, before: Path, folder: Path, entries: Iterable[Entry], gone: Iterable[int]) -> None:
        """Write what the index in `before` holds, with more entries and without some, into an empty folder.

        What stays is not written again: tantivy's files never change, so the folders share them.
        """
        for path in before.iterdir():
            if path.suffix == ".json":
                (folder / path.name).write_bytes(path.read_bytes())
            elif path.suffix != ".lock":
                durable.link(path, folder / path.name)
        _change(tantivy.Index.open(str(folder)), folder, entries, gone)

    @classmethod
    def open(cls, folder: Path) -> WordIndex:
        """Open an index; raises ValueError for what is none."""
        fields = _used(folder)
        if os.access(folder, os.W_OK):
            return cls(tantivy.Index.open(str(folder)), fields)
        # tantivy wants to lock even what it only reads, so it gets a folder of links to lock.
        scratch = Path(tempfile.mkdtemp(prefix="sourcier-words-"))
        for path in folder.resolve().iterdir():
            if path.suffix != ".lock":
                (scratch / path.name).symlink_to(path)
        opened = cls(tantivy.Index.open(str(scratch)), fields)
        weakref.finalize(opened, shutil.rmtree, scratch, ignore_errors=True)
        return opened

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def search(
        self, question: str, k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Return the numbers of at most `k` passages that share words with the question, and their BM25, best first.

        `allowed` are the numbers, ascending, of the passages that may be found.
        """
        terms = [
            *(query for field in self._fields for query in self._term_queries(field, terms_of(question, field))),
            *(
                tantivy.Query.boost_query(query, EXACT_WEIGHT)
                for query in self._term_queries(EXACT, exact_words(question))
            ),
        ]
        if not terms or (allowed is not None and not len(allowed)):
            return np.empty(0, np.int64), np.empty(0, np.float32)
        query = tantivy.Query.boolean_query([(tantivy.Occur.Should, term) for term in terms])
        if allowed is None:
            numbers, scores = self._found(query, k)
        elif len(allowed) <= _FEW * len(self):
            only = tantivy.Query.term_set_query(self._schema, _NUMBER, allowed.tolist())
            numbers, scores = self._found(
                tantivy.Query.boolean_query(
                    [(tantivy.Occur.Must, query), (tantivy.Occur.Must, tantivy.Query.const_score_query(only, 0.0))]
                ),
                k,
            )
        else:
            numbers, scores = self._found_among(query, k, allowed)
        order = np.lexsort((numbers, -scores))
        return numbers[order], scores[order]

    def question_terms(self, question: str, language: str | None) -> dict[str, float]:
        """Return the question's terms as texts of this language have them, each with its idf."""
        field = field_of(language)
        count = len(self)
        found = {term: self._searcher.doc_freq(field, term) for term in analyse(question, language)}
        return {term: idf(n, count) for term, n in found.items()}

    def found_in(self, words: Iterable[str]) -> dict[str, int]:
        """Return in how many passages words are, folded but not stemmed; none that is in none."""
        counts = {word: self._searcher.doc_freq(EXACT, word) for word in words}
        return {word: count for word, count in counts.items() if count}

    def _term_queries(self, field: str, terms: Iterable[str]) -> Iterator[tantivy.Query]:
        # Passages that are gone count until the index is compacted, so a word may be in more than there are.
        most = _COMMON * len(self) if len(self) > _MANY else math.inf
        for term in dict.fromkeys(terms):
            if 0 < self._searcher.doc_freq(field, term) <= most:
                yield tantivy.Query.term_query(self._schema, field, term)

    def _found(self, query: tantivy.Query, k: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        hits = self._searcher.search(query, limit=k, count=False).hits
        numbers = self._searcher.fast_field_values(_NUMBER, [address for _, address in hits])
        return np.array(numbers, dtype=np.int64), np.array([score for score, _ in hits], dtype=np.float32)

    def _found_among(
        self, query: tantivy.Query, k: int, allowed: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        wanted = 2 * k * len(self) // len(allowed)
        while True:
            numbers, scores = self._found(query, wanted)
            may = np.isin(numbers, allowed)
            if may.sum() >= k or len(numbers) < wanted:
                return numbers[may][:k], scores[may][:k]
            wanted *= 4


def idf(found_in: int, passages: int) -> float:
    """Return ln(1 + (N - n + ½) / (n + ½)) for a term found in n of N passages, as tantivy's BM25 has it.

    Passages that are gone may count as holding their words for a while, so n can be more than N.
    """
    n = min(found_in, passages)
    return math.log(1 + (passages - n + 0.5) / (n + 0.5))


def analyse(text: str, language: str | None) -> list[str]:
    """Return the terms under which a text of this language is indexed: folded, stemmed, without stop words."""
    return terms_of(text, field_of(language))


def terms_of(text: str, field: str) -> list[str]:
    """Return the terms of a text under a field, in their order and as often as they are there."""
    terms: list[str] = _analyser(field).analyze(text)
    return terms


def field_of(language: str | None) -> str:
    """Return the field under which texts of a language are indexed."""
    if language in _SPACELESS:
        return _PAIRS
    return language if language in _STEMMERS else _OTHER


def exact_words(question: str) -> list[str]:
    """Return the words of a question that tell what it is about, folded but not stemmed."""
    return [word for word in terms_of(question, EXACT) if not is_function_word(word)]


def exact_terms(text: str, language: str | None) -> list[str]:
    """Return the words of a text of this language as they are, folded but not stemmed."""
    return [] if language in _SPACELESS else terms_of(text, EXACT)


def _used(folder: Path) -> list[str]:
    """Return the fields that have words; all of them in an index of an earlier version."""
    path = folder / _USED
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else list(_FIELDS)


def _change(index: tantivy.Index, folder: Path, entries: Iterable[Entry], gone: Iterable[int]) -> None:
    # What is gone leaves its field behind, until all is written anew.
    used = set(_used(folder)) if index.searcher().num_docs else set()
    _register_analysers(index)
    # One thread: several would deal entries to segments in an order that differs from run to run.
    writer = index.writer(heap_size=_WRITER_MEMORY, num_threads=1)
    for some in _in_batches(gone):
        # By a query: deleting by term takes a number for a signed one and finds nothing.
        writer.delete_documents_by_query(tantivy.Query.term_set_query(index.schema, _NUMBER, some))
    for number, text, language in entries:
        entry = tantivy.Document()
        entry.add_unsigned(_NUMBER, number)
        field = field_of(language)
        used.add(field)
        entry.add_text(field, text)
        if language not in _SPACELESS:
            entry.add_text(EXACT, text)
        writer.add_document(entry)
    writer.commit()
    writer.wait_merging_threads()
    (folder / _USED).write_text(json.dumps([field for field in _FIELDS if field in used]), encoding="utf-8")


def _in_batches(numbers: Iterable[int]) -> Iterator[list[int]]:
    several = list(numbers)
    for begin in range(0, len(several), 1000):
        yield several[begin : begin + 1000]


def _register_analysers(index: tantivy.Index) -> None:
    for field in (*_FIELDS, EXACT):
        index.register_tokenizer(field, _analyser(field))


@cache
def _analyser(field: str) -> tantivy.TextAnalyzer:
    if field == _PAIRS:
        pairs = tantivy.Tokenizer.ngram(min_gram=2, max_gram=2, prefix_only=False)
        return tantivy.TextAnalyzerBuilder(pairs).filter(tantivy.Filter.lowercase()).build()
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
