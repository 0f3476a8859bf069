"""Documents → passages: runs of whole sentences, of the length the embedding model reads best."""

from __future__ import annotations

from index.document import Document, Passage
from index.reading import body_start
from index.sentences import LONGEST, Offsets, byte_length, split_blocks, split_sentences

# A passage never exceeds the longest sentence: one sentence always fits in one passage.
_LONGEST_PASSAGE = LONGEST
# In characters. The encoder's reach is for the passage.
_LONGEST_TITLE = 200
_ENDS = (".", "!", "?", "…", ":")


def split_passages(document: Document) -> list[Passage]:
    """Return the passages of a document, in order and without overlap.

    Paragraphs are kept whole and packed together while they fit; one that is too long by itself is
    cut between sentences.
    """
    text = document.text
    runs: list[Offsets] = []
    for block_start, block_end in split_blocks(text, body_start(text)):
        sentences = split_sentences(text, block_start, block_end, language=document.language)
        if not sentences:
            continue
        start, end = sentences[0][0], sentences[-1][1]
        if runs and _fits(text, runs[-1][0], end):
            runs[-1] = (runs[-1][0], end)
        elif _fits(text, start, end):
            runs.append((start, end))
        else:
            runs.extend(_packed(text, sentences))
    return [Passage(f"{document.id}:{start}-{end}", document.id, start, end, text[start:end]) for start, end in runs]


def sentences_of(document: Document, passage: Passage) -> list[Offsets]:
    """Return the sentences of a document's passage, as offsets into the document's text."""
    return split_sentences(document.text, passage.start, passage.end, language=document.language)


def with_title(text: str, title: str) -> str:
    """Return what is read of a passage: its text, after the title of its document unless it holds that itself.

    What a text is about is often said in its title alone. The passage's vector is of its text alone, though: with
    the title before it, it is found less often.
    """
    title = title[:_LONGEST_TITLE]
    # A title made of a sentence may have been cut, and has single spaces.
    if title.rstrip("…") in " ".join(text.split()):
        return text
    return f"{title} {text}" if title.endswith(_ENDS) else f"{title}. {text}"


def _packed(text: str, sentences: list[Offsets]) -> list[Offsets]:
    runs = [sentences[0]]
    for start, end in sentences[1:]:
        if _fits(text, runs[-1][0], end):
            runs[-1] = (runs[-1][0], end)
        else:
            runs.append((start, end))
    return runs


def _fits(text: str, start: int, end: int) -> bool:
    return byte_length(text[start:end]) <= _LONGEST_PASSAGE
