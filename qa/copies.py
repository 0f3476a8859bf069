"""Passages that are copies of others: dispatches that many sources print, each with small changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from qa.answer import SearchHit

# A passage is a copy when this share of its runs of three words stands in passages before it. In the
# demo corpus two prints of one dispatch, reworded here and there, share .69 to .94; no other two passages
# of it, of PIAF or of SQuAD 2.0 share more than .43.
_COPIED = 0.6
_RUN = 3
# Chinese and Japanese have no spaces, so there a character stands for a word.
_WITHOUT_SPACES = r"\u3040-\u30ff\u3400-\u9fff"
_WORD = re.compile(rf"[{_WITHOUT_SPACES}]|[^\W{_WITHOUT_SPACES}]+")

_Runs = frozenset[int]


def without_copies(hits: Sequence[SearchHit], most: int) -> list[SearchHit]:
    """Return the first `most` hits that are no copies of hits before them, each with its copies.

    Copies may be cut differently, so a passage is compared with all that were kept before it
    together, and goes with the one that shares most with it. Only a passage that adds little is a
    copy: one that holds a better match and much more besides stays a hit. A copy keeps the rank it
    was found with; the others are ranked anew.
    """
    kept: list[tuple[SearchHit, _Runs, list[SearchHit]]] = []
    seen: set[int] = set()
    for hit in hits:
        runs = _runs(hit.passage.text)
        if runs and len(runs & seen) >= _COPIED * len(runs):
            # max takes the first of equals, which is the best match.
            max(kept, key=lambda one: len(runs & one[1]))[2].append(hit)
        elif len(kept) < most:
            kept.append((hit, runs, []))
            seen |= runs
    return [replace(hit, rank=rank, copies=tuple(copies)) for rank, (hit, _, copies) in enumerate(kept, start=1)]


def members(hit: SearchHit) -> tuple[SearchHit, ...]:
    """Return a hit without its copies, and then those."""
    return replace(hit, copies=()), *hit.copies


def grouped(hits: Sequence[SearchHit]) -> SearchHit:
    """Return the first hit with the others as its copies."""
    return replace(hits[0], copies=tuple(hits[1:]))


def _runs(text: str) -> _Runs:
    """Return the runs of words of a text, as hashes: Python handles whole numbers twice as fast as tuples."""
    words = _WORD.findall(text.casefold())
    if len(words) < _RUN:
        return frozenset([hash(tuple(words))]) if words else frozenset()
    return frozenset(map(hash, zip(*(words[i:] for i in range(_RUN)), strict=False)))
