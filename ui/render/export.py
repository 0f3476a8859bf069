"""A conversation as a Markdown file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from qa.answer import Answer
from ui.conversation import Turn
from ui.render.clipboard import citation_as_markdown, reference_as_markdown
from ui.render.markdown import as_markdown, as_markdown_line
from ui.render.words import Source, closest_label, silence_in_words, sources_of
from ui.texts import Texts


def conversation_as_markdown(title: str, turns: Iterable[Turn], texts: Texts) -> str:
    """Return each question with the quotes that answer it, where each of them stands, or why there is none."""
    blocks = [f"# {as_markdown_line(title)}"]
    for turn in turns:
        blocks += [f"## {as_markdown_line(turn.question)}", *_outcome(turn, texts)]
    return "\n\n".join(blocks) + "\n"


def _outcome(turn: Turn, texts: Texts) -> Iterator[str]:
    if turn.answer:
        yield from _answer(turn.answer, texts)
    elif turn.is_stale:
        yield texts.stale
    elif turn.problem is not None:
        yield as_markdown(turn.problem or texts.failed)


def _answer(answer: Answer, texts: Texts) -> Iterator[str]:
    sources = sources_of(answer)
    if answer.answered:
        yield from (f"{citation_as_markdown(source, texts)}, {_offsets(source, texts)}" for source in sources)
        return
    yield silence_in_words(answer, texts)
    if sources:
        yield closest_label(answer, texts)
        yield "\n".join(f"- {_close(source, texts)}" for source in sources)


def _close(source: Source, texts: Texts) -> str:
    """Return where a close passage stands, and under it the sentence that comes nearest to answering."""
    place = f"{reference_as_markdown(source, texts)}, {_offsets(source, texts)}"
    return f"{place}\n  > {as_markdown_line(source.nearest.text)}" if source.nearest else place


def _offsets(source: Source, texts: Texts) -> str:
    part = source.citation or source
    return texts.characters.format(start=part.start, end=part.end)
