"""Running headers, footers and page numbers: the outermost lines that come back from page to page."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import defaultdict

from index.formats.pages import Line, Page

# How many lines at the top and at the bottom may be furniture.
_EDGE = 3
# Headers of left and of right pages take turns.
_REACH = 4
_SAME_PLACE = 4.0
# In a short document, left and right pages may each come twice only.
_FEW = 5
_NUMBER = re.compile(r"\d{1,5}")
_SPACES = re.compile(r"\s+")

_Seen = dict[str, list[tuple[int, float]]]


def without_furniture(pages: list[Page]) -> list[Page]:
    """Return the pages without the lines at their edges that other pages repeat in the same place.

    Two lines are the same where their words are, and their numbers are or differ as the pages' do.
    """
    edges = [_edges(page) for page in pages]
    seen: _Seen = defaultdict(list)
    for number, (top, bottom) in enumerate(edges):
        for line in {id(line): line for line in (*top, *bottom)}.values():
            for key in _keys(line, number):
                seen[key].append((number, line.bottom))
    least = 2 if len(pages) <= _FEW else 3
    kept = []
    for number, (page, sides) in enumerate(zip(pages, edges, strict=True)):
        dropped = set()
        for side in sides:
            for line in side:
                if not any(_count(seen[key], number, line) >= least for key in _keys(line, number)):
                    break
                dropped.add(id(line))
        kept.append([line for line in page if id(line) not in dropped])
    # Pages that repeat all they hold are no furniture.
    return kept if any(kept) else pages


def _edges(page: Page) -> tuple[list[Line], list[Line]]:
    """Return the topmost lines from the top down and the lowest from the bottom up, wherever they are drawn."""
    ordered = sorted(page, key=lambda line: -line.bottom)
    return ordered[:_EDGE], ordered[::-1][:_EDGE]


def _keys(line: Line, page: int) -> list[str]:
    """Return a line's words as they stand, and once for each number that may be the page's."""
    text = _SPACES.sub(" ", line.text).strip().lower()
    numbers = list(_NUMBER.finditer(text))[:_EDGE]
    counting = [f"{text[: n.start()]}\0{int(n.group()) - page}\0{text[n.end() :]}" for n in numbers]
    return ([text] if re.search(r"[^\W\d_]", text) else []) + counting


def _count(places: list[tuple[int, float]], page: int, line: Line) -> int:
    """Return how many pages nearby, this one included, have a line in the same place."""
    near = places[bisect_left(places, (page - _REACH,)) : bisect_left(places, (page + _REACH + 1,))]
    return len({number for number, bottom in near if abs(bottom - line.bottom) <= _SAME_PLACE})
