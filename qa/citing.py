"""Findings → the quotes of an answer: how many, in which order, and with what beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence, Set

from index.passages import sentences_of
from qa.answer import Citation, Repeat, SearchHit, Span
from qa.features import is_question
from qa.reader import Finding
from qa.repeats import counterparts, repeats, tells_otherwise

MOST_CITATIONS = 3
# How far a further quote may score below the first, in the reader's units (natural logarithms of
# odds). On PIAF this shows 2.5 quotes a question, and loses half a point of the answers that three
# would show; 2.5 shows 2.1 and loses three and a half. Who asks for several things gets more.
_CLOSE = 4.0
_CLOSE_IN_LISTS = 6.0
_ASKS_FOR_SEVERAL = re.compile(
    r"\b(?:quel(?:le)?s (?:sont|furent|étaient|pays|\w+s)|lesquel(?:le)?s|énumère[rz]?|citez|liste[rz]?"
    r"|which (?:are|were|\w+s)|what (?:are|were) the \w+s|list|name the|qué (?:países|\w+s)|welche \w+(?:en|er))\b",
    re.IGNORECASE,
)
_ASKS_FOR_NOW = re.compile(
    r"\b(?:actuel(?:le)?(?:s|ment)?|aujourd[’']hui|maintenant|désormais|dernière?s? nouvelles?|à présent|en ce moment"
    r"|now|nowadays|today|currently|current|latest|most recent|ahora|actualmente|hoy|jetzt|heute|derzeit)\b",
    re.IGNORECASE,
)
# Openings that say little without the sentence before.
_LEANS_ON_BEFORE = re.compile(
    r"(?:[«\"“]\s*)?(?:ils?|elles?|ce(?:tte|t|s|la|ci|lui-ci|lle-ci|ux-ci|lles-ci|lui|lle|ux)?|ça|c(?=[’'])|on|leurs?|ses|son|sa"
    r"|l[’']un|dans ce|dans cette|à ce|à cette|he|she|it|they|this|these|those|that|his|her|its|their|such)(?=[\s’'-])",
    re.IGNORECASE,
)

# A finding to cite, and where else it stands.
_Chosen = tuple[Finding, list[Repeat]]


def cite(question: str, findings: Sequence[Finding]) -> tuple[Citation, ...]:
    """Return the best findings as numbered citations, each saying something that those before do not.

    What repeats a quote is noted beside it, also where it stands in copies that were not read. A copy
    that tells it otherwise, with another number say, is cited after it. Quotes of one document come in
    reading order; those of several come best first, or newest first for a question about the present.
    """
    copies = [copy for hit in _hits(findings) for copy in hit.copies]
    chosen: list[_Chosen] = []
    reach = _CLOSE_IN_LISTS if _ASKS_FOR_SEVERAL.search(question) else _CLOSE
    for finding in findings:
        if finding.score < findings[0].score - reach:
            break
        if _noted(finding, chosen) or len(chosen) == MOST_CITATIONS:
            continue
        chosen.append((finding, []))
        own = {copy.passage.id for copy in finding.hit.copies}
        for one in counterparts(finding, copies):
            # In the copy of another passage it may be another sentence, of the same form.
            is_other = one.hit.passage.id in own and tells_otherwise(one, finding)
            if not _noted(one, chosen) and is_other and len(chosen) < MOST_CITATIONS:
                chosen.append((one, []))
    if len({finding.hit.document.id for finding, _ in chosen}) == 1:
        chosen.sort(key=lambda pair: pair[0].start)
    elif _ASKS_FOR_NOW.search(question):
        # Stable, so that those of one day, or of none, stay best first.
        chosen.sort(key=lambda pair: pair[0].hit.document.date or "", reverse=True)
    shown = {(finding.hit.document.id, finding.start) for finding, _ in chosen}
    return tuple(
        Citation(
            number=number,
            quote=finding.text,
            start=finding.start,
            end=finding.end,
            span=finding.span,
            document=finding.hit.document,
            passage=finding.hit.passage,
            score=finding.score,
            context=_context(finding, shown),
            also_in=tuple(also_in),
        )
        for number, (finding, also_in) in enumerate(chosen, start=1)
    )


def _hits(findings: Sequence[Finding]) -> Iterable[SearchHit]:
    """Return the passages that were read, best first."""
    return sorted({one.hit.passage.id: one.hit for one in findings}.values(), key=lambda hit: hit.rank)


def _noted(finding: Finding, chosen: Sequence[_Chosen]) -> bool:
    """Note a finding beside the first one chosen that it repeats; whether there is one."""
    for first, also_in in chosen:
        if repeats(finding, first):
            document = finding.hit.document
            if document.id not in {first.hit.document.id, *(repeat.document.id for repeat in also_in)}:
                also_in.append(Repeat(finding.text, finding.start, finding.end, document))
            return True
    return False


def _context(finding: Finding, shown: Set[tuple[str, int]]) -> Span | None:
    """Return the sentence before a quote that begins with a pronoun, or answers it, unless it is shown anyway."""
    document = finding.hit.document
    before = [place for place in sentences_of(document, finding.hit.passage) if place[1] <= finding.start]
    if not before or (document.id, before[-1][0]) in shown:
        return None
    start, end = before[-1]
    text = document.text[start:end]
    return Span(start, end, text) if is_question(text) or _LEANS_ON_BEFORE.match(finding.text) else None
