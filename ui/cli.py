"""The `sourcier` command."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
import watchfiles
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from index import (
    Columns,
    Filters,
    IndexNotFoundError,
    InputError,
    PassageIndex,
    ReadingOptions,
    SourcierError,
    SyncReport,
    embed_files,
    load_documents,
)
from index import check as check_index
from index.bulk.plan import BulkPlan
from index.document import sha256_of
from index.embedder import BUNDLED, Embedder, open_embedder
from index.environment import DEVICE, PRECISION, PRECISIONS
from index.passage_store import Place, default_place, is_shared
from index.passage_store import Progress as OnProgress
from index.reading import check_some_readable, find_files, find_tables, holds_nothing
from qa import Answerer, Retriever, open_reader
from qa.chart import INSTALL, draw
from qa.comparison import compare
from qa.evaluation import evaluate
from qa.questions import load_questions
from qa.replay import read_answers, replay
from qa.report import (
    comparison_lines,
    comparison_markdown,
    make_report,
    read_records,
    report_lines,
    report_markdown,
    write_json,
)
from ui.demo import seeds_folder
from ui.desk import CONCURRENCY, QUEUE
from ui.feedback import FILE_NAME, FeedbackLog
from ui.feedback_questions import export_feedback
from ui.password import find_password
from ui.render.plain import printed_answer, printed_hits
from ui.resident import Reply, ask_chat
from ui.texts import whole_percent

# More files than these are counted, not named.
_NAMED = 20
# So few passages are embedded within a minute, and nobody needs to be told what is possible meanwhile.
_SOON_EMBEDDED = 500

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
StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="ADDRESS",
        help="In place of a folder, an index that machines share: milvus://host:19530/name [default: $SOURCIER_STORE].",
    ),
]
ReaderOption = Annotated[
    Path | None,
    typer.Option("--reader", metavar="DIR", help="A reader of `train-reader` [default: the one that comes along]."),
]
ColumnOption = Annotated[
    str | None,
    typer.Option("--text", metavar="COLUMN", help="Column that holds the text, in CSV, TSV and JSONL files."),
]
TitleOption = Annotated[str | None, typer.Option("--title", metavar="COLUMN", help="… that holds the title.")]
DateOption = Annotated[str | None, typer.Option("--date", metavar="COLUMN", help="… that holds the date.")]
LanguageColumnOption = Annotated[
    str | None, typer.Option("--language", metavar="COLUMN", help="… that holds the language.")
]
NoWaitOption = Annotated[
    bool, typer.Option("--no-wait", help="Leave embedding to the next time, or to the chat while it runs.")
]
LinksOption = Annotated[bool, typer.Option("--follow-links", help="Follow links that lead out of a folder.")]
AfterOption = Annotated[
    str | None, typer.Option("--after", metavar="DATE", help="Only documents of this year, month or day, or later.")
]
BeforeOption = Annotated[
    str | None, typer.Option("--before", metavar="DATE", help="Only documents of this year, month or day, or earlier.")
]
SourceOption = Annotated[
    list[str] | None, typer.Option("--source", metavar="GLOB", help="Only documents whose path ends so: '2022/*.pdf'.")
]
LanguageOption = Annotated[
    list[str] | None, typer.Option("--language", metavar="CODE", help="Only documents in this language: fr.")
]
WhereOption = Annotated[
    list[str] | None, typer.Option("--where", metavar="KEY=VALUE", help="Only documents with this in their metadata.")
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


@app.callback()
def choose(
    precision: Annotated[
        str | None,
        typer.Option(
            "--precision",
            metavar="|".join(PRECISIONS),
            help=f"How exactly models multiply [default: ${PRECISION}, else bf16 where the processor is fast at it].",
        ),
    ] = None,
    device: Annotated[
        str | None,
        typer.Option(
            "--device", metavar="NAME", help=f"Where models compute: cpu, cuda [default: ${DEVICE}, else a GPU if any]."
        ),
    ] = None,
) -> None:
    """Choose how this machine is used; the options come before the command."""
    for variable, value in ((PRECISION, precision), (DEVICE, device)):
        if value is not None:
            os.environ[variable] = value


@app.command("index")
def index_command(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    index: IndexOption = None,
    store: StoreOption = None,
    model: Annotated[
        str, typer.Option("--model", help="Embedding model of a new index: a folder, a Hub name, or 'bundled'.")
    ] = "",
    text: ColumnOption = None,
    title: TitleOption = None,
    date: DateOption = None,
    language: LanguageColumnOption = None,
    follow_links: LinksOption = False,
    no_wait: NoWaitOption = False,
) -> None:
    """Add documents to the index; a changed file takes the place of its older text.

    They can be asked at once, by their words; what their passages mean is embedded then, and Ctrl-C keeps
    what is done.
    """
    options = _reading(text, title, date, language, follow_links)
    # What is missing is told before an index is made.
    found = [file for path in paths for file in find_files(path, options)]
    if not found:
        raise holds_nothing(paths[0], options)
    _tell_left_out(paths, options)
    place = _place(index, store, no_wait=no_wait)
    passage_index = _open_to_fill(place, found, options, embedder=open_embedder(model) if model else None)
    with _embedding_at_once(place) as on_progress:
        report = passage_index.add_files(paths, options=options, on_progress=on_progress, wait=False)
    if not no_wait:
        _embed_pending(passage_index)
    _tell(report, passage_index)


@app.command()
def sync(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    index: IndexOption = None,
    store: StoreOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on whenever something changes, until Ctrl-C.")] = False,
    text: ColumnOption = None,
    title: TitleOption = None,
    date: DateOption = None,
    language: LanguageColumnOption = None,
    follow_links: LinksOption = False,
    no_wait: NoWaitOption = False,
) -> None:
    """Make the index hold what is in a folder now: new, changed and vanished files."""
    if dry_run and watch:
        raise typer.BadParameter("expected either --dry-run or --watch")
    options = _reading(text, title, date, language, follow_links)
    found = find_files(folder, options)
    _tell_left_out([folder], options)
    place = _place(index, store, no_wait=no_wait)
    passage_index = PassageIndex.open(place) if dry_run else _open_to_fill(place, [] if watch else found, options)

    def step() -> SyncReport:
        with _embedding_at_once(place) as on_progress:
            report = passage_index.sync(folder, options=options, dry_run=dry_run, on_progress=on_progress, wait=False)
        if not dry_run and not no_wait:
            _embed_pending(passage_index)
        return report

    if not watch:
        _tell(step(), passage_index, would=dry_run)
        return
    _tell_report(step())
    _say(f"Watching {folder} (Ctrl-C ends it).")
    for _ in watchfiles.watch(folder, recursive=True, raise_interrupt=False):
        try:
            report = step()
        except SourcierError as error:
            # The folder may come back, and another writer will end.
            sys.stderr.write(f"sourcier: {error}\n")
            continue
        if report.added or report.changed or report.removed or report.failed:
            _tell_report(report)


@app.command()
def embed(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Files, or folders of them.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the vectors are written, and go on from.")],
    ray: Annotated[
        str | None,
        typer.Option(
            "--ray", metavar="ADDRESS", help="On all machines of a Ray cluster: its address, 'auto', or 'local'."
        ),
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Embedding model: a folder, a Hub name, or 'bundled'.")
    ] = BUNDLED,
    text: ColumnOption = None,
    title: TitleOption = None,
    date: DateOption = None,
    language: LanguageColumnOption = None,
    follow_links: LinksOption = False,
) -> None:
    """Embed documents into files of vectors, on as many machines as there are; `load` fills an index with them.

    What is written stays: after Ctrl-C, the same command goes on where it stopped.
    """
    options = _reading(text, title, date, language, follow_links)
    _tell_left_out(paths, options)
    embedder = open_embedder(model)
    with _progress(things="shards") as on_progress:
        report = embed_files(paths, out, embedder=embedder, options=options, ray=ray, on_progress=on_progress)
    for _, reason in report.failed:
        sys.stderr.write(f"sourcier: {reason}\n")
    _say(
        f"{out} holds {_count(report.documents, 'document')} in {_count(report.passages, 'passage')}, in "
        f"{_count(report.shards, 'shard')}. Fill an index with them: sourcier load {out}"
    )
    if report.failed:
        raise SystemExit(1)


@app.command()
def load(
    vectors: Annotated[Path, typer.Argument(metavar="DIR", help="What `embed` wrote.")],
    index: IndexOption = None,
    store: StoreOption = None,
) -> None:
    """Add documents to the index with the vectors that `embed` made of them; nothing is embedded again."""
    passage_index = PassageIndex.open_or_create(
        _place(index, store), embedder=open_embedder(BulkPlan.open(vectors).model)
    )
    with _progress("loading") as on_progress:
        passage_index.load(vectors, on_progress=on_progress)
    _say(_holdings(passage_index))


@app.command()
def remove(
    wanted: Annotated[
        list[str], typer.Argument(metavar="DOCUMENT...", help="Ids, paths, or patterns of paths such as '*.pdf'.")
    ],
    index: IndexOption = None,
    store: StoreOption = None,
) -> None:
    """Remove documents from the index; their files stay where they are."""
    passage_index = PassageIndex.open(_place(index, store))
    # A file is known by its whole path, and a shell is where one names it from where one stands.
    removed = passage_index.remove([str(Path(one).resolve()) if Path(one).is_file() else one for one in wanted])
    _say("\n".join(f"removed    {one}" for one in removed))
    _say(_holdings(passage_index))


@app.command()
def check(
    answers: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[ANSWER.json...]", help="Printed by `ask --json` or saved by the chat, to replay."),
    ] = None,
    index: IndexOption = None,
    store: StoreOption = None,
    repair: Annotated[bool, typer.Option("--repair", help="Make again what is damaged.")] = False,
) -> None:
    """Verify that the index holds what was written, and that answers quote what it holds."""
    place = _place(index, store)
    report = check_index(place, repair=repair)
    problems = list(report.problems)
    replayed = 0
    if answers:
        passage_index = PassageIndex.open(place)
        for path in answers:
            for answer in read_answers(path):
                several = replay(answer, passage_index)
                problems += [f"{path}: {problem}" for problem in several.problems]
                replayed += several.quotes
    for problem in problems:
        sys.stderr.write(f"sourcier: {problem}\n")
    looked_at = (
        _count(report.documents, "document"),
        _count(report.passages, "passage"),
        _count(report.sentences, "sentence"),
        *([_count(replayed, "quote")] if answers else []),
    )
    found = _count(len(problems), "problem") if problems else "no problem"
    _say("\n".join([*(f"{'mended':<11}{one}" for one in report.mended), f"Checked {', '.join(looked_at)}: {found}."]))
    if problems:
        raise SystemExit(1)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    index: IndexOption = None,
    store: StoreOption = None,
    reader: ReaderOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    where: WhereOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answer a question with sentences of the documents, or say that they do not say."""
    filters = _filters(after, before, source, language, where)
    place = _place(index, store)
    # The chat reads with the reader that it was started with.
    reply = None
    if isinstance(place, Path) and not reader:
        reply = ask_chat(place, question, filters=filters, as_json=as_json)
    if reply is None:
        passage_index = PassageIndex.open(place)
        answer = Answerer(passage_index, reader=open_reader(reader)).ask(question, filters=filters)
        reply = Reply(printed_answer(answer, as_json=as_json), answer.coverage)
    _tell_reply(reply, place)


@app.command()
def search(
    question: Annotated[str, typer.Argument(metavar="QUESTION")],
    top_k: Annotated[int, typer.Option("--top-k", min=1, metavar="N", help="How many passages.")] = 5,
    index: IndexOption = None,
    store: StoreOption = None,
    after: AfterOption = None,
    before: BeforeOption = None,
    source: SourceOption = None,
    language: LanguageOption = None,
    where: WhereOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the passages that match a question best."""
    filters = _filters(after, before, source, language, where)
    place = _place(index, store)
    reply = None
    if isinstance(place, Path):
        reply = ask_chat(place, question, top_k=top_k, filters=filters, as_json=as_json)
    if reply is None:
        passage_index = PassageIndex.open(place)
        hits = Retriever(passage_index).retrieve(question, top_k=top_k, filters=filters)
        reply = Reply(printed_hits(question, hits, as_json=as_json, filtered=bool(filters)), passage_index.coverage)
    _tell_reply(reply, place)


@app.command()
def info(index: IndexOption = None, store: StoreOption = None) -> None:
    """Say what the index holds."""
    place = _place(index, store)
    passage_index = PassageIndex.open(place)
    documents = passage_index.summaries()
    languages = Counter(document.language or "unknown" for document in documents)
    dates = sorted(document.date for document in documents if document.date)
    rows = {
        "folder" if isinstance(place, Path) else "store": passage_index.name,
        "documents": f"{len(documents):,}",
        "passages": f"{len(passage_index):,}",
        "embedded": _embedded(passage_index.coverage),
        "languages": ", ".join(f"{name} {count:,}" for name, count in languages.most_common()) or "none",
        "dates": f"{dates[0]} to {dates[-1]}" if dates else "none",
        "model": passage_index.model,
        "generation": passage_index.generation().name,
    }
    if isinstance(place, Path):
        size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
        rows["size"] = f"{size / 1e6:.1f} MB"
    _say("\n".join(f"{name:<11}{value}" for name, value in rows.items()))


@app.command("evaluate")
def evaluate_command(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE...]", help="SQuAD-form files, or .jsonl files of questions with their documents beside them."
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="Where to save [default: sourcier-evaluation].")
    ] = None,
    work: Annotated[
        Path | None, typer.Option("--work", metavar="DIR", help="Keep the index there for the next time.")
    ] = None,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help="Embedding model: a folder, a Hub name, or 'bundled'.")
    ] = BUNDLED,
    reader: ReaderOption = None,
    masked: Annotated[
        bool, typer.Option("--masked", help="Ask every question once more without the documents of its subject.")
    ] = False,
    baseline: Annotated[
        bool, typer.Option("--baseline", help="Measure BM25 alone, the vectors alone, and no reader too.")
    ] = False,
    compare_two: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Say which differences of two reports are real."),
    ] = None,
    date: Annotated[str | None, typer.Option("--date", metavar="DATE", help="Date to note in the report.")] = None,
) -> None:
    """Measure retrieval, answers and silence on questions with known answers; or compare two such reports."""
    if bool(files) == bool(compare_two):
        raise typer.BadParameter("expected either FILE... or --compare A.json B.json")
    target = out or Path("sourcier-evaluation")
    for folder in (target, *([work] if work else [])):
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file: expected a folder to write in")
    if compare_two:
        _compare(*compare_two, out)
        return
    asked = load_questions(files or [])
    embedder = open_embedder(model)
    with _kept_or_temporary(work) as place:
        # One folder for each corpus and model: another run's vectors are never thrown away.
        corpus = sha256_of("\n".join([embedder.fingerprint, *sorted(document.id for document in asked.documents)]))
        with _progress() as on_progress:
            passage_index = PassageIndex.build(
                place / f"index-{corpus[:12]}", asked.documents, embedder=embedder, on_progress=on_progress
            )
        reading = open_reader(reader)
        with _progress("asking", "questions") as on_progress:
            evaluation = evaluate(
                passage_index,
                asked,
                reader=reading,
                threshold=reading.threshold,
                masked=masked,
                baseline=baseline,
                on_progress=on_progress,
            )
        report = make_report(
            evaluation,
            asked,
            model=embedder.fingerprint,
            reader=type(reading).__name__,
            threshold=reading.threshold,
            passages=len(passage_index),
            date=date,
        )
    _say("\n".join(report_lines(report)))
    target.mkdir(parents=True, exist_ok=True)
    saved = [target / "report.json", target / "report.md"]
    write_json(report, saved[0])
    is_drawn = draw(report, target / "report.svg")
    saved[1].write_text(report_markdown(report, chart="report.svg" if is_drawn else None), encoding="utf-8")
    if is_drawn:
        saved.append(target / "report.svg")
    else:
        _say(f"No chart: it needs matplotlib, which is not installed; get it with: {INSTALL}")
    _say(f"Saved {', '.join(map(str, saved))}.")


@app.command("feedback")
def feedback_command(
    index: IndexOption = None,
    store: StoreOption = None,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Folder for the questions and the documents they ask.")
    ] = Path("sourcier-feedback"),
) -> None:
    """Turn the answers that were found good in the chat into questions that `evaluate` reads."""
    passage_index = PassageIndex.open(_place(index, store))
    export = export_feedback(passage_index.folder / FILE_NAME, passage_index, out)
    unanswerable = f", {export.unanswerable:,} of them without an answer" if export.unanswerable else ""
    _say(f"Saved {_count(export.questions, 'question')}{unanswerable}, and {_count(export.documents, 'document')}.")
    if export.down:
        _say(f"Left out, for want of a known answer: {_count(export.down, 'thumb')} down.")
    if export.gone:
        _say(f"Left out, since the documents no longer hold what was quoted: {_count(export.gone, 'answer')}.")
    _say(f"Measure on them with: sourcier evaluate {export.path}")


@app.command("train-reader")
def train_reader_command(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Questions with answers: SQuAD's form, or .jsonl.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the reader is written, and goes on from.")],
    practice: Annotated[
        list[Path] | None,
        typer.Option(
            "--practice", metavar="FILE", help="Questions to learn from too, but unlike those that will be asked."
        ),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", min=1, metavar="N", help="Batches of 8 questions.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="The same seed trains the same reader.")] = 0,
    reader: ReaderOption = None,
    anew: Annotated[
        bool, typer.Option("--anew", help="Begin with a reader that has learned nothing, instead of teaching one more.")
    ] = False,
    false_answers: Annotated[
        float,
        typer.Option(
            "--false-answers",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Share of questions on other subjects let through.",
        ),
    ] = 0.18,
) -> None:
    """Teach a reader questions of your own; `ask`, `chat` and `evaluate` take it as --reader."""
    from qa.training import SHIPPED, TrainingSettings, train_reader

    if anew and reader:
        raise typer.BadParameter("expected either --reader or --anew")
    settings = TrainingSettings(steps=steps, seed=seed)
    with _progress("training", "steps") as on_progress:
        train_reader(
            files,
            out,
            settings=settings,
            practice=practice or (),
            start=None if anew else reader or SHIPPED,
            false_answers=false_answers,
            on_step=lambda done, all_, _: on_progress(done, all_),
        )
    figures = json.loads((out / "reader.json").read_text(encoding="utf-8"))["held_out"]
    _say("On the topics held out: " + "; ".join(f"{name} {value}" for name, value in figures.items()) + ".")
    _say(f'Saved {out}; try it with: sourcier ask "..." --reader {out}')


def _compare(before: Path, after: Path, out: Path | None) -> None:
    comparison = compare(read_records(before), read_records(after))
    _say("\n".join(comparison_lines(comparison)))
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        write_json(comparison.to_json(), out / "comparison.json")
        (out / "comparison.md").write_text(comparison_markdown(comparison), encoding="utf-8")
        _say(f"Saved {out / 'comparison.json'}, {out / 'comparison.md'}.")


@contextmanager
def _kept_or_temporary(work: Path | None) -> Iterator[Path]:
    if work is not None:
        yield work
        return
    with tempfile.TemporaryDirectory(prefix="sourcier-") as scratch:
        yield Path(scratch)


@app.command()
def chat(
    index: IndexOption = None,
    store: StoreOption = None,
    reader: ReaderOption = None,
    port: Annotated[int, typer.Option("--port", min=1, max=65535, metavar="N", help="Port on this machine.")] = 7860,
    host: Annotated[
        str, typer.Option("--host", metavar="ADDRESS", help="Address to listen on; 0.0.0.0 is every one.")
    ] = "127.0.0.1",
    root_path: Annotated[
        str, typer.Option("--root-path", metavar="PATH", help="Where a proxy shows the chat: /news, or its address.")
    ] = "",
    host_name: Annotated[
        str,
        typer.Option("--host-name", metavar="NAME", help="Refuse requests for any other name, as a proxy shows it."),
    ] = "",
    password_file: Annotated[
        Path | None,
        typer.Option(
            "--password-file", metavar="FILE", help="The password is its first line [default: $SOURCIER_PASSWORD]."
        ),
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, metavar="N", help="Questions answered at once.")
    ] = CONCURRENCY,
    queue: Annotated[
        int, typer.Option("--queue", min=0, metavar="N", help="Questions that may wait; one more is told to come back.")
    ] = QUEUE,
    metrics: Annotated[bool, typer.Option("--metrics", help="Serve figures for Prometheus at /metrics.")] = False,
    mcp: Annotated[bool, typer.Option("--mcp", help="Serve the tools `ask` and `retrieve` at /mcp.")] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the browser too.")] = False,
    no_feedback: Annotated[bool, typer.Option("--no-feedback", help="Ask readers for no verdict on answers.")] = False,
    read_only: Annotated[
        bool, typer.Option("--read-only", help="Let visitors neither add nor remove documents.")
    ] = False,
    max_upload: Annotated[
        int, typer.Option("--max-upload", min=1, max=100, metavar="MB", help="How large a file visitors may add.")
    ] = 50,
) -> None:
    """Open the chat in a browser; without an index yet, make one of the demo documents first."""
    password = find_password(password_file)
    place = _place(index, store)
    try:
        passage_index = PassageIndex.open(place)
    except IndexNotFoundError:
        if not isinstance(place, Path):
            # Others share it, and it is theirs to fill.
            raise
        _say(f"No index in {place} yet: indexing the demo documents of {seeds_folder()}.")
        with _progress() as on_progress:
            passage_index = PassageIndex.build(place, load_documents(seeds_folder()), on_progress=on_progress)

    from ui.backend import IndexBackend
    from ui.serving import Serving, launch_chat

    if not no_feedback:
        passage_index.folder.mkdir(parents=True, exist_ok=True)
    backend = IndexBackend(passage_index, open_reader(reader))
    if passage_index.coverage < 1 and not read_only:
        _say(
            f"{_embedded(passage_index.coverage)} of the passages are embedded; the others follow while the chat runs."
        )
        backend.embed()
    launch_chat(
        backend,
        Serving(port, host, root_path, host_name, password, concurrency, queue, metrics, mcp, read_only, max_upload),
        # A reader of one's own answers those who open this chat, not who asks from a shell without naming it.
        folder=place if isinstance(place, Path) and not reader else None,
        open_browser=open_browser,
        on_ready=lambda url: _say(f"The chat is at {url} (Ctrl-C ends it)."),
        feedback=None if no_feedback else FeedbackLog(passage_index.folder / FILE_NAME),
    )


def _reading(
    text: str | None, title: str | None, date: str | None, language: str | None, follow_links: bool
) -> ReadingOptions:
    if text is None and (title or date or language):
        raise InputError("a column is named but not that of the text: expected --text COLUMN")
    columns = Columns(text=text, title=title, date=date, language=language) if text else None
    return ReadingOptions(columns=columns, follow_links=follow_links)


def _tell_left_out(paths: Iterable[Path], options: ReadingOptions) -> None:
    tables = [table for path in paths for table in find_tables(path, options)]
    if tables:
        others = f" and {_count(len(tables) - 1, 'more table')}" if len(tables) > 1 else ", a table"
        sys.stderr.write(f"sourcier: left out {tables[0]}{others}: name the column that holds text, --text COLUMN\n")


def _filters(
    after: str | None,
    before: str | None,
    sources: Sequence[str] | None,
    languages: Sequence[str] | None,
    where: Sequence[str] | None,
) -> Filters:
    metadata = {}
    for pair in where or ():
        key, sign, value = pair.partition("=")
        if not sign:
            raise InputError(f"--where is {pair!r}: expected KEY=VALUE")
        metadata[key] = value
    return Filters(
        after=after,
        before=before,
        sources=tuple(sources or ()),
        languages=tuple(languages or ()),
        metadata=metadata,
    )


def _open_to_fill(
    place: Place, files: Sequence[Path], options: ReadingOptions, *, embedder: Embedder | None = None
) -> PassageIndex:
    """Open the index in a place, or make one; files of which none can be read leave none behind."""
    try:
        return PassageIndex.open(place, embedder=embedder)
    except IndexNotFoundError:
        check_some_readable(files, options)
    return PassageIndex.open_or_create(place, embedder=embedder)


def _embed_pending(passage_index: PassageIndex) -> None:
    pending = len(passage_index.generation().pending)
    if pending > _SOON_EMBEDDED:
        sys.stderr.write(
            f"{_holdings(passage_index)} They can be asked now, by their words; embedding {pending:,} passages "
            "follows. Ctrl-C keeps what is done.\n"
        )
    with _progress() as on_progress:
        passage_index.embed_pending(on_progress=on_progress)


def _embedded(coverage: float) -> str:
    return f"{whole_percent(coverage)}%"


def _tell_reply(reply: Reply, place: Place) -> None:
    if reply.coverage < 1:
        sys.stderr.write(
            f"sourcier: {_embedded(reply.coverage)} of the passages are embedded, the others are found by their words "
            f"alone, not by a question in another language; finish with: sourcier index PATH... --index {place}\n"
        )
    _say(reply.printed)


def _tell(report: SyncReport, passage_index: PassageIndex, *, would: bool = False) -> None:
    """Say what became of files; exit code 1 if one of them could not be read."""
    _tell_report(report, would=would)
    if not would:
        _say(_holdings(passage_index))
    if report.failed:
        raise SystemExit(1)


def _tell_report(report: SyncReport, *, would: bool = False) -> None:
    for failed in report.failed:
        sys.stderr.write(f"sourcier: {failed.reason}{'; its earlier text stays' if failed.is_kept else ''}\n")
    _say("\n".join(_report_lines(report, would=would)))


def _report_lines(report: SyncReport, *, would: bool = False) -> Iterator[str]:
    for done, paths in (("added", report.added), ("changed", report.changed), ("removed", report.removed)):
        if would or len(paths) <= _NAMED:
            yield from (f"{done:<11}{path}" for path in paths)
    counts = (
        (len(report.added), "added"),
        (len(report.changed), "changed"),
        (len(report.removed), "removed"),
        (report.unchanged, "unchanged"),
        (len(report.failed), "failed"),
    )
    said = ", ".join(f"{count:,} {done}" for count, done in counts if count) or "no files"
    yield f"{'Would be' if would else 'Files'}: {said}."


def _holdings(passage_index: PassageIndex) -> str:
    return (
        f"{passage_index.name} now holds {_count(passage_index.count_documents(), 'document')} in "
        f"{_count(len(passage_index), 'passage')}."
    )


def _place(index: Path | None, store: str | None, *, no_wait: bool = False) -> Path | str:
    """Return the folder of the index, or the address of the one that is shared."""
    if index and store:
        raise typer.BadParameter("expected either --index or --store")
    place = index or store or default_place()
    if isinstance(place, str) and not is_shared(place):
        raise InputError(f"{place!r} is no address of a store: expected one such as milvus://localhost:19530/news")
    if no_wait and is_shared(place):
        raise InputError(
            "--no-wait leaves passages without vectors, which a store that machines share does not keep: expected "
            "none; embed apart from loading with: sourcier embed PATH... --out DIR, then sourcier load DIR"
        )
    return Path(place) if not is_shared(place) else str(place)


@contextmanager
def _embedding_at_once(place: Path | str) -> Iterator[OnProgress | None]:
    """Show how far embedding is where documents count only with their vectors."""
    if isinstance(place, Path):
        yield None
        return
    with _progress() as on_progress:
        yield on_progress


def _count(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@contextmanager
def _progress(doing: str = "embedding", things: str = "passages") -> Iterator[OnProgress]:
    """Show a bar on standard error while something long goes on, if that is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn(doing),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(things),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


if __name__ == "__main__":
    main()
