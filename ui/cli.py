"""The `sourcier` command."""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from index import Document, IndexNotFoundError, PassageIndex, SourcierError, default_index_folder, load_documents
from index.embedder import open_embedder
from index.passage_index import Progress as OnProgress
from qa import Answer, Answerer, Retriever, SearchHit
from ui.demo import example_questions, seeds_folder
from ui.render import confidence_in_words, period_as_text
from ui.texts import TEXTS, Texts, texts_around

app = typer.Typer(
    help="Ask your documents: answers copied from them word for word, each with its source.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

IndexOption = Annotated[
    Path | None,
    typer.Option("--index", metavar="DIR", help="Index folder [default: $SOURCIER_INDEX or the user's data folder]."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> None:
    """Run the command; a user's mistake is one line on standard error and exit code 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app()
    except SourcierError as error:
        sys.stderr.write(f"sourcier: {error}\n")
        raise SystemExit(1) from None


@app.command("index")
def index_command(
    paths: Annotated[
        list[Path], typer.Argument(metavar="PATH...", help="Text and Markdown files, or folders of them.")
    ],
    index: IndexOption = None,
    model: Annotated[
        str, typer.Option("--model", help="Embedding model of a new index: a folder, a Hub name, or 'bundled'.")
    ] = "",
) -> None:
    """Add documents to the index; a changed file takes the place of its older text."""
    folder = _folder(index)
    documents = list(load_documents(paths))
    embedder = open_embedder(model) if model else None
    with _progress() as on_progress:
        passage_index = PassageIndex.open_or_create(folder, embedder=embedder)
        passage_index.add(documents, on_progress=on_progress)
    _say(
        f"{_count(len(documents), 'document')} read; {folder} now holds "
        f"{_count(passage_index.count_documents(), 'document')} in {_count(len(passage_index), 'passage')}."
    )


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION")], index: IndexOption = None, as_json: JsonOption = False
) -> None:
    """Answer a question with sentences of the documents, or say that they do not say."""
    answer = Answerer(PassageIndex.open(_folder(index))).ask(question)
    _say(_json(answer.to_json()) if as_json else "\n".join(_answer_lines(answer)))


@app.command()
def search(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, metavar="N", help="How many passages.")] = 5,
    index: IndexOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the passages that match a question best."""
    hits = Retriever(PassageIndex.open(_folder(index))).retrieve(question, top_k=top_k)
    if as_json:
        _say(_json({"question": question, "hits": [hit.to_json() for hit in hits]}))
    else:
        _say("\n\n".join("\n".join(_hit_lines(hit, TEXTS["en"])) for hit in hits) or "The index is empty.")


@app.command()
def info(index: IndexOption = None) -> None:
    """Say what the index holds."""
    folder = _folder(index)
    passage_index = PassageIndex.open(folder)
    documents = list(passage_index.documents())
    languages = Counter(document.language or "unknown" for document in documents)
    dates = sorted(document.date for document in documents if document.date)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    rows = {
        "folder": str(folder),
        "documents": f"{len(documents):,}",
        "passages": f"{len(passage_index):,}",
        "languages": ", ".join(f"{name} {count:,}" for name, count in languages.most_common()) or "none",
        "dates": f"{dates[0]} to {dates[-1]}" if dates else "none",
        "model": passage_index.model,
        "generation": passage_index.generation().name,
        "size": f"{size / 1e6:.1f} MB",
    }
    _say("\n".join(f"{name:<11}{value}" for name, value in rows.items()))


@app.command()
def chat(
    index: IndexOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, metavar="N", help="Port on this machine.")] = 7860,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser too.")] = False,
) -> None:
    """Open the chat in a browser; without an index yet, make one of the demo documents first."""
    folder = _folder(index)
    try:
        passage_index = PassageIndex.open(folder)
    except IndexNotFoundError:
        _say(f"No index in {folder} yet: indexing the demo documents of {seeds_folder()}.")
        with _progress() as on_progress:
            passage_index = PassageIndex.build(folder, load_documents(seeds_folder()), on_progress=on_progress)

    from ui.chat import launch_chat

    launch_chat(
        _Backend(passage_index),
        port=port,
        open_browser=open_browser,
        on_ready=lambda url: _say(f"The chat is at {url} (Ctrl-C ends it)."),
    )


class _Backend:
    """What the chat asks of the rest."""

    def __init__(self, passage_index: PassageIndex) -> None:
        self._passage_index = passage_index
        self._answerer = Answerer(passage_index)
        # Every visitor's page asks for these; they change only with the index.
        self._documents = lru_cache(1)(lambda _generation: list(passage_index.documents()))
        self._examples = lru_cache(1)(lambda _generation: example_questions(self.documents()))

    def ask(self, question: str, *, history: Sequence[Answer] = ()) -> Answer:
        return self._answerer.ask(question, history=history)

    def documents(self) -> Sequence[Document]:
        return self._documents(self._passage_index.generation().name)

    def examples(self) -> Mapping[str, Sequence[str]]:
        return self._examples(self._passage_index.generation().name)


def _folder(index: Path | None) -> Path:
    return index or default_index_folder()


def _answer_lines(answer: Answer) -> Iterator[str]:
    texts = texts_around(answer, TEXTS["en"])
    confidence = confidence_in_words(answer.confidence, texts)
    if answer.period:
        yield period_as_text(answer.period, texts)
        yield ""
    if not answer.answered:
        yield f"{texts.not_said} {confidence}"
        if answer.closest:
            yield f"\n{texts.closest}"
        for hit in answer.closest:
            yield ""
            yield from _hit_lines(hit, texts)
        return
    for citation in answer.citations:
        yield f"{citation.quote} [{citation.number}]"
    yield ""
    for citation in answer.citations:
        yield f"[{citation.number}] {_place(citation.document, citation.start, citation.end, texts)}"
        for repeat in citation.also_in:
            yield f"    {texts.also_in.format(titles=_place(repeat.document, repeat.start, repeat.end, texts))}"
    yield confidence


def _hit_lines(hit: SearchHit, texts: Texts) -> Iterator[str]:
    yield f"{hit.rank}. {_place(hit.document, hit.passage.start, hit.passage.end, texts)}"
    yield hit.passage.text


def _place(document: Document, start: int, end: int, texts: Texts) -> str:
    return f"{_described(document)}, {texts.characters.format(start=start, end=end)}"


def _described(document: Document) -> str:
    parts = [document.title, document.date, Path(document.source).name]
    return ", ".join(part for part in parts if part) or document.id


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def _progress() -> Iterator[OnProgress]:
    """Show a bar on standard error while passages are embedded, if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("embedding"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("passages"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


if __name__ == "__main__":
    main()
