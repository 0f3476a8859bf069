"""The time that a question names, in French or in English, as the days it covers.

Written here because precision matters more than breadth: dateparser 1.4 reads "the 2000 soldiers
may march" as three dates, overlooks « l'an dernier », and gives one day where a month is meant.
"""

from __future__ import annotations

import datetime
import re
from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from index.language import detect_language, is_function_word

Day = datetime.date


@dataclass(frozen=True, slots=True)
class Period:
    """The days from `start` to `end`, both included, that `words` of the question stand for.

    `relative_to` is the date of the newest document where the words count from it ("last year").
    """

    start: Day
    end: Day
    words: str
    relative_to: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "words": self.words,
            "relative_to": self.relative_to,
        }

    def overlaps(self, date: str | None) -> bool:
        """Whether an ISO 8601 year, month or day shares a day with the period."""
        days = days_of(date) if date else None
        return days is not None and days[0] <= self.end and self.start <= days[1]

    def is_named_in(self, text: str) -> bool:
        """Whether a text names a time within the period: for a year the year, for a month both of its words."""
        if self.start.year != self.end.year:
            return any(re.search(rf"\b{year}\b", text) for year in range(self.start.year, self.end.year + 1))
        if not re.search(rf"\b{self.start.year}\b", text):
            return False
        months = {MONTHS[match["month"].lower()] for match in _pattern(rf"\b{_MONTH}").finditer(text)}
        return self.start.month != self.end.month or self.start.month in months


def days_of(date: str) -> tuple[Day, Day] | None:
    """Return the first and last day of an ISO 8601 year, month or day; None where it is no such date."""
    if not re.fullmatch(r"\d{4}(-\d\d){0,2}", date, re.ASCII):
        return None
    return _days(*map(int, date.split("-")))


def find_period(question: str, newest: Callable[[], str | None]) -> Period | None:
    """Return the time that a question names, or None.

    `newest` gives the date of the newest document; it is called only for words that count from it.
    A day or month without its year names no time, nor does a number that counts something.
    """
    named = _named(question)
    if named is not None:
        start, end, days = named
        return Period(*days, question[start:end])
    counted = _counted(question)
    date = newest() if counted is not None else None
    last = days_of(date) if date else None
    if counted is None or last is None:
        return None
    start, end, resolve = counted
    resolved = resolve(last[1])
    return Period(*resolved, question[start:end], date) if resolved else None


def date_words(question: str) -> tuple[int, int] | None:
    """Return where a question names a time, `[start, end)`."""
    found = _named(question) or _counted(question)
    return found and found[:2]


_Days = tuple[Day, Day]
_Resolve = Callable[[Day], "_Days | None"]


def _named(question: str) -> tuple[int, int, _Days] | None:
    for pattern, read in _NAMED:
        for match in pattern.finditer(question):
            days = read(match)
            if days is not None and days[0] <= days[1]:
                return match.start(), match.end(), days
    return None


def _counted(question: str) -> tuple[int, int, _Resolve] | None:
    if detect_language(question) not in _SPOKEN:
        return None
    for pattern, count in _COUNTED:
        if match := pattern.search(question):
            return match.start(), match.end(), count(match)
    return None


def _days(year: int, month: int | None = None, day: int | None = None) -> _Days | None:
    try:
        first = Day(year, month or 1, day or 1)
    except ValueError:
        return None
    if day:
        return first, first
    return first, Day(year, month or 12, monthrange(year, month or 12)[1])


# --- Times that are named in full -----------------------------------------------------------------

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "janvier january jan",
            "février fevrier february feb",
            "mars march mar",
            "avril april apr",
            "mai may",
            "juin june jun",
            "juillet july jul",
            "août aout august aug",
            "septembre september sept sep",
            "octobre october oct",
            "novembre november nov",
            "décembre decembre december dec",
        ),
        start=1,
    )
    for name in names.split()
}
_SEASONS = {
    **dict.fromkeys(("printemps", "spring"), (3, 6)),
    **dict.fromkeys(("été", "ete", "summer"), (6, 9)),
    **dict.fromkeys(("automne", "autumn", "fall"), (9, 12)),
}
_YEAR = r"(?P<year>(?:19|20)\d\d)(?![\d.,]*\d|-\d)"
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(?P<day>[12]\d|3[01]|0?[1-9])"
# What may stand before a year: "en 2021", "fin 2022", "mid-2022", "l'année 2022".
_CUE = (
    r"\b(?:en|in|during|dans|pendant|courant|ann[ée]e|year|d[ée]but|fin|mi|early|late|mid"
    r"|(?:(?:au|[àa] la) )?(?:d[ée]but|fin|milieu) (?:de|d['’])|(?:beginning|end|start|middle) of)"
    r"[\s-]+(?:l['’]an(?:n[ée]e)? )?"
)
_SEASON = rf"(?P<season>{'|'.join(_SEASONS)})"


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def _calendar(match: re.Match[str]) -> _Days | None:
    parts = match.groupdict()
    month = parts.get("month")
    day = parts.get("day")
    number = None if month is None else MONTHS.get(month.lower()) or int(month)
    if number and number > 12 and day and int(day) <= 12:
        number, day = int(day), str(number)  # 10/25/2022, as in the United States
    return _days(int(parts["year"]), number, int(day) if day else None)


def _year(match: re.Match[str]) -> _Days | None:
    return None if _counts(match) else _days(int(match["year"]))


def _counts(match: re.Match[str]) -> bool:
    """Whether what looks like a year counts the word after it: "2022 tonnes", not "2022, les" or "in 2011 because"."""
    after = re.match(r"\s+(\w+)", match.string[match.end() :])
    if after is None:
        return False
    word = after.group(1)
    return word in _UNITS or (word.islower() and word.endswith(("s", "x")) and not is_function_word(word))


_UNITS = {"km", "kg", "m", "people", "men", "women", "children"}


def _labelled(match: re.Match[str]) -> _Days | None:
    before = re.findall(r"\w+", match.string[: match.start()])[-1].lower()
    return None if before in _EDGES else _days(int(match["year"]))


# Before a year they make it an edge or an amount: « depuis 2012 ? », "more than 2000?".
_EDGES = {
    *"depuis avant après apres jusque ici vers que des de combien environ presque plus moins sur".split(),
    *"since before after until till by than about around nearly over under to some of".split(),
}


def _years(match: re.Match[str]) -> _Days | None:
    return Day(int(match["from"]), 1, 1), Day(int(match["to"]), 12, 31)


def _season(match: re.Match[str]) -> _Days | None:
    year = int(match["year"])
    first, last = _SEASONS[match["season"].lower()]
    return Day(year, first, 1), Day(year, last, monthrange(year, last)[1])


# Tried in this order, the fullest first.
_NAMED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Days | None]], ...] = (
    (_pattern(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])-(?P<day>\d\d)\b(?!-)"), _calendar),
    (_pattern(rf"\b{_DAY}[/.](?P<month>\d\d?)[/.](?P<year>(?:19|20)\d\d)\b"), _calendar),
    (_pattern(rf"\b(?:le |on |the )?{_DAY}(?:er|st|nd|rd|th)?(?: of)? {_MONTH},? {_YEAR}"), _calendar),
    (_pattern(rf"\b(?:on )?{_MONTH} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}"), _calendar),
    (_pattern(rf"\b(?:en |in )?{_MONTH},?(?: of| de)? {_YEAR}"), _calendar),
    (_pattern(r"\b(?P<year>(?:19|20)\d\d)-(?P<month>0[1-9]|1[0-2])\b(?!-)"), _calendar),
    (
        _pattern(
            r"\b(?:entre|between|from|de) (?P<from>(?:19|20)\d\d) (?:et|and|to|[àa]) (?P<to>(?:19|20)\d\d)\b(?![.,]?\d)"
        ),
        _years,
    ),
    (_pattern(rf"\b(?:[àa] l['’]|en |au |in )?(?:the )?{_SEASON} (?:of |de )?{_YEAR}"), _season),
    (_pattern(rf"{_CUE}{_YEAR}"), _year),
    # A year that labels a thing: "the 2022 floods", « le Tour de France 2023 ? ».
    (_pattern(rf"(?<=\bthe ){_YEAR}(?= (?!(?:tons|tonnes|people|soldiers|men|women|children)\b)[a-z])"), _labelled),
    (_pattern(rf"(?<=[^\W\d] ){_YEAR}(?=\s*(?:[?!.…]|$))"), _labelled),
)


# --- Times that count from the newest document ----------------------------------------------------


def _year_back(years: int) -> _Resolve:
    return lambda newest: _days(newest.year - years)


def _month_back(months: int) -> _Resolve:
    def resolve(newest: Day) -> _Days | None:
        year, month = divmod(12 * newest.year + newest.month - 1 - months, 12)
        return _days(year, month + 1)

    return resolve


def _week_back(weeks: int) -> _Resolve:
    def resolve(newest: Day) -> _Days | None:
        monday = newest - datetime.timedelta(days=newest.weekday() + 7 * weeks)
        return monday, monday + datetime.timedelta(days=6)

    return resolve


def _day_back(days: int) -> _Resolve:
    def resolve(newest: Day) -> _Days | None:
        day = newest - datetime.timedelta(days=days)
        return day, day

    return resolve


_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "un une a one",
            "deux two",
            "trois three",
            "quatre four",
            "cinq five",
            "six",
            "sept seven",
            "huit eight",
            "neuf nine",
            "dix ten",
        ),
        start=1,
    )
    for word in words.split()
}
_STEPS: dict[str, Callable[[int], _Resolve]] = {
    **dict.fromkeys(("an", "ans", "année", "années", "year", "years"), _year_back),
    **dict.fromkeys(("mois", "month", "months"), _month_back),
    **dict.fromkeys(("semaine", "semaines", "week", "weeks"), _week_back),
    **dict.fromkeys(("jour", "jours", "day", "days"), _day_back),
}
_NUMBER = rf"(?P<number>\d{{1,2}}|{'|'.join(_NUMBERS)})"
_UNIT = rf"(?P<unit>{'|'.join(sorted(_STEPS, key=len, reverse=True))})"


def _ago(match: re.Match[str]) -> _Resolve:
    number = match["number"].lower()
    return _STEPS[match["unit"].lower()](_NUMBERS.get(number) or int(number))


# "hier" is « ici » in German and in Dutch.
_SPOKEN = ("fr", "en", None)
_COUNTED: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Resolve]], ...] = (
    (
        _pattern(r"\bl['’]an (?:dernier|pass[ée])\b|\bl['’]ann[ée]e (?:derni[èe]re|pass[ée]e)\b|\blast year\b(?! of)"),
        lambda _: _year_back(1),
    ),
    (_pattern(r"\bcette ann[ée]e\b(?!-l)|\bthis year\b"), lambda _: _year_back(0)),
    (_pattern(r"\ble mois (?:dernier|pass[ée])\b|\blast month\b(?! of)"), lambda _: _month_back(1)),
    (_pattern(r"\bce mois\b(?!-l)|\bthis month\b"), lambda _: _month_back(0)),
    (_pattern(r"\bla semaine (?:derni[èe]re|pass[ée]e)\b|\blast week\b(?! of)"), lambda _: _week_back(1)),
    (_pattern(r"\bcette semaine\b(?!-l)|\bthis week\b"), lambda _: _week_back(0)),
    (_pattern(r"\bavant-hier\b"), lambda _: _day_back(2)),
    (_pattern(r"(?<!-)\bhier\b|\byesterday\b"), lambda _: _day_back(1)),
    (_pattern(rf"\bil y a {_NUMBER} {_UNIT}\b"), _ago),
    (_pattern(rf"\b{_NUMBER} {_UNIT} ago\b"), _ago),
)
