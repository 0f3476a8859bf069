"""What a copy button copies: plain text, Markdown, BibTeX."""

from __future__ import annotations

from qa.answer import Answer
from ui.render.markdown import as_markdown, as_markdown_line
from ui.render.words import Source, address_of, date_in_words, file_name, reference, sources_of, title_of
from ui.texts import Texts

_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "{}%&#_$"},
}


def answer_as_text(answer: Answer, texts: Texts) -> str:
    """Return the quotes, one a line with its number, then the numbered references."""
    quotes = [f"{citation.quote} [{citation.number}]" for citation in answer.citations]
    references = [f"[{source.number}] {reference(source, texts)}" for source in sources_of(answer)]
    return "\n".join([*quotes, "", *references])


def citation_as_text(source: Source, texts: Texts) -> str:
    """Return the verbatim quote (or close passage) between quotation marks, with its reference."""
    return f"{texts.quoted.format(quote=_quoted(source))} ({reference(source, texts)})"


def citation_as_markdown(source: Source, texts: Texts) -> str:
    """Return a block quote, and its reference with the title as a link where the source has an address."""
    lines = [f"> {line}" for line in as_markdown(_quoted(source)).splitlines()]
    return "\n".join([*lines, ">", f"> {reference_as_markdown(source, texts)}"])


def reference_as_markdown(source: Source, texts: Texts) -> str:
    """Return a one-line reference: title, date in words, page, and the file name where there is no address."""
    document = source.document
    title = as_markdown_line(title_of(document))
    address = (address_of(source) or "").replace("<", "%3C").replace(">", "%3E")
    parts = [
        f"[{title}](<{address}>)" if address else title,
        as_markdown_line(date_in_words(document.date, texts) or document.date) if document.date else None,
        texts.page.format(page=source.page) if source.page else None,
        None if address else as_markdown_line(file_name(document.source)),
    ]
    return ", ".join(dict.fromkeys(part for part in parts if part))


def citation_as_bibtex(source: Source) -> str:
    """Return an entry of type misc, with the quote as its note."""
    document = source.document
    year, *month = (document.date or "").split("-")[:2]
    address = address_of(source)
    fields = {
        "title": f"{{{_tex(title_of(document))}}}",
        "year": _tex(year),
        "month": month[0].lstrip("0") if month and month[0].isdigit() else "",
        "pages": str(source.page or ""),
        "url": address or "",
        "howpublished": "" if address else _tex(file_name(document.source)),
        "note": _tex(" ".join(_quoted(source).split())),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{sourcier-{document.sha256[:12]},", *lines, "}"])


def _quoted(source: Source) -> str:
    part = source.citation or source
    return source.document.text[part.start : part.end]


def _tex(text: str) -> str:
    return "".join(_TEX.get(character, character) for character in text)
