"""Findings → the quotes of an answer: how many, in which order, and with what beside them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

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
# So far below the first, the exact answer of a further quote is the right one for one in six in French and one in
# three in English; beyond, for one in seventeen, which had better not be in bold.
_CLOSE_ENOUGH_FOR_A_SPAN = 1.0
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


@dataclass(slots=True, eq=False)
class _Chosen:
    """A finding to cite, what it leans on, and where else it stands."""

    finding: Finding
    context: Span | None
    also_in: list[Repeat] = field(default_factory=list)


def cite(question: str, findings: Sequence[Finding]) -> tuple[Citation, ...]:
    """Return the best findings as numbered citations, best first, each saying something that those before do not.

    What repeats a quote is noted beside it, also where it stands in copies that were not read. A copy
    that tells it otherwise, with another number say, is cited after it. A quote that scores much lower
    than the first has no span. For a question about the present, quotes of several documents come newest
    first; for one about several things, those of one document come in reading order, as a list would.
    """
    copies = [copy for hit in _hits(findings) for copy in hit.copies]
    chosen: list[_Chosen] = []
    asks_for_several = _ASKS_FOR_SEVERAL.search(question) is not None
    reach = _CLOSE_IN_LISTS if asks_for_several else _CLOSE
    for finding in findings:
        if finding.score < findings[0].score - reach:
            break
        if _noted(finding, chosen) or len(chosen) == MOST_CITATIONS:
            continue
        leaning = next((one for one in chosen if _is_context(finding, one)), None)
        if leaning:
            # It answers by itself too: better quoted than shown beside.
            leaning.context = None
        chosen.insert(chosen.index(leaning) if leaning else len(chosen), _Chosen(finding, _context(finding, chosen)))
        own = {copy.passage.id for copy in finding.hit.copies}
        for one in counterparts(finding, copies):
            # In the copy of another passage it may be another sentence, of the same form.
            is_other = one.hit.passage.id in own and tells_otherwise(one, finding)
            if not _noted(one, chosen) and is_other and len(chosen) < MOST_CITATIONS:
                chosen.append(_Chosen(one, _context(one, chosen)))
    if len({one.finding.hit.document.id for one in chosen}) == 1:
        if asks_for_several:
            chosen.sort(key=lambda one: one.finding.start)
    elif _ASKS_FOR_NOW.search(question):
        # Stable, so that those of one day, or of none, stay best first.
        chosen.sort(key=lambda one: one.finding.hit.document.date or "", reverse=True)
    return tuple(
        Citation(
            number=number,
            quote=one.finding.text,
            start=one.finding.start,
            end=one.finding.end,
            span=one.finding.span if one.finding.score >= findings[0].score - _CLOSE_ENOUGH_FOR_A_SPAN else None,
            document=one.finding.hit.document,
            passage=one.finding.hit.passage,
            score=one.finding.score,
            context=one.context,
            also_in=tuple(one.also_in),
        )
        for number, one in enumerate(chosen, start=1)
    )


def unquoted(findings: Sequence[Finding], citations: Iterable[Citation]) -> tuple[Finding, ...]:
    """Return the findings that repeat no citation."""
    places = {(one.document.id, one.start) for one in citations}
    quoted = [finding for finding in findings if (finding.hit.document.id, finding.start) in places]
    return tuple(one for one in findings if not any(repeats(one, other) for other in quoted))


def with_nearest(hits: Iterable[SearchHit], findings: Iterable[Finding]) -> tuple[SearchHit, ...]:
    """Return hits, each with its sentence that comes first among the findings, which are best first."""
    nearest: dict[str, Span] = {}
    for one in findings:
        nearest.setdefault(one.hit.passage.id, Span(one.start, one.end, one.text))
    return tuple(replace(hit, nearest=nearest.get(hit.passage.id)) for hit in hits)


def _hits(findings: Sequence[Finding]) -> Iterable[SearchHit]:
    """Return the passages that were read, best first."""
    return sorted({one.hit.passage.id: one.hit for one in findings}.values(), key=lambda hit: hit.rank)


def _noted(finding: Finding, chosen: Sequence[_Chosen]) -> bool:
    """Note a finding beside the first one chosen that it repeats; whether there is one."""
    document = finding.hit.document
    for one in chosen:
        if repeats(finding, one.finding):
            if document.id not in {one.finding.hit.document.id, *(repeat.document.id for repeat in one.also_in)}:
                one.also_in.append(Repeat(finding.text, finding.start, finding.end, document))
            return True
    return False


def _is_context(finding: Finding, one: _Chosen) -> bool:
    place = finding.hit.document.id, finding.start
    return one.context is not None and place == (one.finding.hit.document.id, one.context.start)


def _context(finding: Finding, chosen: Sequence[_Chosen]) -> Span | None:
    """Return the sentence before a quote that begins with a pronoun, or answers it, unless it is quoted already."""
    document = finding.hit.document
    before = [place for place in sentences_of(document, finding.hit.passage) if place[1] <= finding.start]
    quoted = {(one.finding.hit.document.id, one.finding.start) for one in chosen}
    if not before or (document.id, before[-1][0]) in quoted:
        return None
    start, end = before[-1]
    text = document.text[start:end]
    return Span(start, end, text) if is_question(text) or _LEANS_ON_BEFORE.match(finding.text) else None
