"""Findings → the quotes of an answer: how many, in which order, and with what beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from index.passages import sentences_of
from index.words import analyse
from qa.answer import Citation, Repeat, Span
from qa.reader import Finding

MOST_CITATIONS = 3
# Two sentences that share this part of their terms say the same; dispatches are copied nearly whole.
_REPEATED = 0.75
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


def cite(question: str, findings: Sequence[Finding]) -> tuple[Citation, ...]:
    """Return the best findings as numbered citations, each saying something that those before do not.

    What repeats a quote is noted beside it. Quotes of one document come in reading order; those of
    several come best first, or newest first for a question about the present.
    """
    chosen: list[tuple[Finding, list[Repeat]]] = []
    reach = _CLOSE_IN_LISTS if _ASKS_FOR_SEVERAL.search(question) else _CLOSE
    for finding in findings:
        if finding.score < findings[0].score - reach:
            break
        original = next((pair for pair in chosen if _repeats(finding, pair[0])), None)
        if original is not None:
            first, repeats = original
            known = {first.hit.document.id, *(repeat.document.id for repeat in repeats)}
            if finding.hit.document.id not in known:
                repeats.append(Repeat(finding.text, finding.start, finding.end, finding.hit.document))
        elif len(chosen) < MOST_CITATIONS:
            chosen.append((finding, []))
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
            also_in=tuple(repeats),
        )
        for number, (finding, repeats) in enumerate(chosen, start=1)
    )


def _context(finding: Finding, shown: Set[tuple[str, int]]) -> Span | None:
    """Return the sentence before one that begins with a pronoun or the like, unless it is shown anyway."""
    if not _LEANS_ON_BEFORE.match(finding.text):
        return None
    document = finding.hit.document
    before = [place for place in sentences_of(document, finding.hit.passage) if place[1] <= finding.start]
    if not before or (document.id, before[-1][0]) in shown:
        return None
    start, end = before[-1]
    return Span(start, end, document.text[start:end])


def _repeats(one: Finding, other: Finding) -> bool:
    """Whether two sentences share nearly all their terms (Jaccard similarity of the sets)."""
    terms = [set(analyse(finding.text, finding.hit.document.language)) for finding in (one, other)]
    return len(terms[0] & terms[1]) >= _REPEATED * len(terms[0] | terms[1])
