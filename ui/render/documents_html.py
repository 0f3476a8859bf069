"""HTML of the documents: the button that opens them, fields to find and filter, the list, what became of files."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index.document import DocumentSummary
from index.filters import Filters
from index.reading import SUFFIXES
from ui.render.elements import date_html, escape, fill, title_html
from ui.render.words import clip, date_in_words, file_name, title_of
from ui.texts import Texts
from ui.uploads import Outcome, Refusal

LONGEST_LIST = 200
MOST_FILES = 50
# Of what became of files, so many are named.
MOST_NAMED = 20
_LONGEST_REASON = 300
_WHOLE_PATH = re.compile(r"/|[A-Za-z]:[/\\]|https?:")


def button_html(texts: Texts) -> str:
    """Return the button of the top bar that opens the documents."""
    label = escape(texts.documents_view)
    pages = '<path d="M5.5 5.5v-3h7l3 3v8h-3M2.5 5.5h7l3 3v7h-10z"/>'
    icon = f'<svg viewBox="0 0 18 18" width="18" height="18" aria-hidden="true">{pages}</svg>'
    return (
        '<button type="button" id="documents-open" aria-expanded="false" aria-controls="documents"'
        f' title="{label}">{icon}<span>{label}</span></button>'
    )


def form_html(languages: Sequence[str], texts: Texts, *, key: str = "", limit: int = 0) -> str:
    """Return the head of the documents: adding files (with the key to send them), searching, filtering.

    Without a key, nothing can be added.
    """
    words = {"sending": texts.sending, "key": key, "limit": limit, "most": MOST_FILES, "kinds": " ".join(SUFFIXES)}
    data = "".join(f' data-{name}="{escape(word)}"' for name, word in words.items())
    options = "".join(
        f'<option value="{escape(code)}">{escape(language_in_words(code, texts))}</option>' for code in languages
    )
    return (
        f'<section class="finder" lang="{texts.language}"{data}>'
        f'<header><h2 id="documents-title" tabindex="-1">{escape(texts.documents_view)}</h2>'
        f'<button type="button" class="shut" aria-label="{escape(texts.close_documents)}">✕</button></header>'
        f"{_adding_html(texts, limit) if key else ''}"
        f'<form role="search" autocomplete="off">'
        f"{_field('search', 'search', texts.search_documents)}"
        f'<div class="filters">{_field("after", "text", texts.after_filter, texts.date_example)}'
        f"{_field('before', 'text', texts.before_filter, texts.date_example)}"
        f'<label><span>{escape(texts.language_filter)}</span><select name="language">'
        f'<option value="">{escape(texts.any_language)}</option>{options}</select></label>'
        f"{_field('source', 'text', texts.source_filter, texts.source_example)}</div>"
        f'<p class="hint">{escape(texts.filters_hint)}</p></form></section>'
    )


def list_html(
    documents: Sequence[DocumentSummary], total: int, texts: Texts, *, problem: str = "", can_remove: bool = True
) -> str:
    """Return the list of those documents, out of so many; a `problem` with the filters stands above it."""
    rows = "".join(_row_html(document, texts, can_remove=can_remove) for document in documents[:LONGEST_LIST])
    left = len(documents) - LONGEST_LIST
    if left > 0:
        rows += f'<li class="more">{escape(texts.and_more.format(count=_number(left, texts)))}</li>'
    count = texts.documents_listed.format(count=_number(len(documents), texts), total=_number(total, texts))
    said = problem or (count if documents else texts.none_listed if total else texts.no_documents)
    kind = "problem" if problem else "count"
    return (
        f'<section class="listing" lang="{texts.language}"><p class="{kind}" role="status">{escape(said)}</p>'
        f'<ul aria-labelledby="documents-title">{rows}</ul></section>'
    )


def chips_html(filters: Filters | None, passing: int, texts: Texts) -> str:
    """Return the line of filters that are in force, each a button that takes it away; nothing without any."""
    if not filters:
        return ""
    chips = "".join(
        f'<button type="button" class="chip" value="{escape(name)}"'
        f' aria-label="{escape(texts.remove_filter.format(name=label))}"><bdi>{escape(label)}</bdi>'
        f'<span aria-hidden="true"> ✕</span></button>'
        for name, label in _labels(filters, texts)
    )
    none = "" if passing else f'<span class="problem">{escape(texts.no_document_passes)}</span>'
    return (
        f'<p class="chips" role="status" lang="{texts.language}"><span>{escape(texts.filters_active)}</span>{chips}'
        f'<button type="button" class="clear">{escape(texts.clear_filters)}</button>{none}</p>'
    )


def asked_of_html(filters: Filters | None, texts: Texts) -> str:
    """Return what stands under a question that was asked of some documents only."""
    if not filters:
        return ""
    said = " · ".join(label for _, label in _labels(filters, texts))
    return f'<p class="asked-of">{fill(texts.asked_of, filters=f"<bdi>{escape(said)}</bdi>")}</p>'


def progress_html(texts: Texts, *, is_waiting: bool = False) -> str:
    """Return what is being done with files that were sent."""
    said = texts.waiting_for_others if is_waiting else texts.reading_files
    return (
        f'<div class="progress" lang="{texts.language}"><p role="status">{escape(said)}</p>'
        f'<progress aria-label="{escape(said)}"></progress></div>'
    )


def outcome_html(outcome: Outcome, texts: Texts, *, limit: int = 0) -> str:
    """Return what became of files: the documents added, the files already there, the refused and why."""
    added = [title_html(document) for document in outcome.added]
    unchanged = [_name_html(name) for name in outcome.unchanged]
    refused = [_refusal_html(refusal, texts, limit) for refusal in outcome.refused]
    parts = (
        _part_html("added", added, texts.added_one, texts.added_many, texts),
        _part_html("unchanged", unchanged, texts.unchanged_one, texts.unchanged_many, texts),
        _part_html("refused", refused, texts.refused_one, texts.refused_many, texts),
    )
    said = "".join(parts) or _said(texts.nothing_sent)
    return f'<div class="outcome" role="status" lang="{texts.language}">{said}</div>'


def removed_html(removed: Sequence[DocumentSummary], texts: Texts) -> str:
    """Return what became of a document that was to be removed."""
    said = "".join(f"<p>{fill(texts.removed_document, title=title_html(document))}</p>" for document in removed)
    return f'<div class="outcome" role="status" lang="{texts.language}">{said or _said(texts.already_removed)}</div>'


def problem_html(said: str) -> str:
    return f'<div class="outcome" role="status"><p class="problem">{escape(clip(said, _LONGEST_REASON))}</p></div>'


def language_in_words(code: str, texts: Texts) -> str:
    return texts.language_names.get(code, code)


def _said(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def _adding_html(texts: Texts, limit: int) -> str:
    kinds = ", ".join(suffix.lstrip(".") for suffix in SUFFIXES)
    hint = texts.drop_hint.format(limit=limit, kinds=kinds)
    return (
        '<div class="adding">'
        f'<button type="button" class="add">{escape(texts.add_files)}</button>'
        f'<input type="file" multiple hidden accept="{escape(",".join(SUFFIXES))}">'
        f'<span class="hint">{escape(hint)}</span>'
        '<div class="sending" hidden><p role="status"></p><progress></progress></div></div>'
    )


def _field(name: str, kind: str, label: str, example: str = "") -> str:
    placeholder = f' placeholder="{escape(example)}"' if example else ""
    return (
        f'<label class="{name}"><span>{escape(label)}</span>'
        f'<input type="{kind}" name="{name}" maxlength="200" spellcheck="false"{placeholder}></label>'
    )


def _row_html(document: DocumentSummary, texts: Texts, *, can_remove: bool) -> str:
    name = file_name(document.source)
    facts = (
        date_html(document, texts),
        escape(language_in_words(document.language, texts)[:40]) if document.language else "",
        _name_html(name) if name and name != title_of(document) else "",
        escape(texts.character_count.format(count=_number(document.characters, texts))),
    )
    title = clip(title_of(document), 80)
    buttons = _row_button("only", texts.only_this, document, title) if document.source else ""
    question = ""
    if can_remove:
        buttons += _row_button("remove", texts.remove_document, document, title)
        question = (
            f'<p class="confirm" hidden><span>{escape(texts.remove_question)}</span>'
            f"{_row_button('sure', texts.remove_document, document, title)}"
            f"{_row_button('spare', texts.keep_document, document, title)}</p>"
        )
    return (
        f'<li><p class="name">{title_html(document)}</p><p class="facts">{" · ".join(filter(None, facts))}</p>'
        f'<p class="row-actions">{buttons}</p>{question}</li>'
    )


def _row_button(kind: str, label: str, document: DocumentSummary, title: str) -> str:
    # Told apart by what it is about, for those who hear it out of its place.
    return (
        f'<button type="button" class="{kind}" value="{escape(document.id)}"'
        f' aria-label="{escape(f"{label} ({title})")}">{escape(label)}</button>'
    )


def _labels(filters: Filters, texts: Texts) -> list[tuple[str, str]]:
    """Return what is in force, in words, each with the field it comes from."""
    labels = []
    for field, word, date in (
        ("after", texts.after_filter, filters.after),
        ("before", texts.before_filter, filters.before),
    ):
        if date:
            labels.append((field, f"{word} {date_in_words(date, texts) or date}"))
    labels += [("language", language_in_words(code, texts)) for code in filters.languages]
    labels += [("source", clip(_pattern_in_words(pattern), 60)) for pattern in filters.sources]
    return labels


def _pattern_in_words(pattern: str) -> str:
    """Return a glob pattern as it was written, and the file name of one that stands for a single file."""
    if not _WHOLE_PATH.match(pattern):
        return pattern
    return file_name(re.sub(r"\[([*?\[])\]", r"\1", pattern))


def _part_html(kind: str, items: Sequence[str], one: str, many: str, texts: Texts) -> str:
    if not items:
        return ""
    heading = one if len(items) == 1 else many.format(count=_number(len(items), texts))
    shown = "".join(f"<li>{item}</li>" for item in items[:MOST_NAMED])
    left = len(items) - MOST_NAMED
    if left > 0:
        shown += f'<li class="more">{escape(texts.and_more.format(count=_number(left, texts)))}</li>'
    return f'<div class="{kind}"><p>{escape(heading)}</p><ul>{shown}</ul></div>'


def _refusal_html(refusal: Refusal, texts: Texts, limit: int) -> str:
    ours = texts.refusals.get(refusal.reason)
    reason = ours.format(limit=limit, most=MOST_FILES) if ours else refusal.reason
    return f"{_name_html(refusal.name)} <span>{escape(clip(reason, _LONGEST_REASON))}</span>"


def _name_html(name: str) -> str:
    return f'<bdi class="file">{escape(clip(name, 80))}</bdi>'


def _number(number: int, texts: Texts) -> str:
    return f"{number:,}".replace(",", "\u202f" if texts.language == "fr" else ",")
