"""Dates that a text or a field states: ISO, French or English words, or figures → ISO 8601."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from email.utils import parsedate_tz

from index.language import is_function_word

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

_LONGEST_LINE = 120
_FIRST_LINES = 6
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_DAY = r"(?<!\d)(?P<day>[12]\d|3[01]|0?[1-9])"
_YEAR = r"(?P<year>[12]\d{3})(?!\d)"
_WEEKDAY = (
    "(?:lundi|mardi|mercredi|jeudi|vendredi|samedi|dimanche|(?:mon|tues|wednes|thurs|fri|satur|sun)day"
    r"|(?:lun|mar|mer|jeu|ven|sam|dim|mon|tue|wed|thu|fri|sat|sun)\b\.?)"
)
_UPDATE = r"(?:derni[èe]re mise [àa] jour|mise? [àa] jour|modifi[ée]e?|actualis[ée]e?|(?:last )?(?:updated|modified))"
_VERB = rf"(?:(?:publi[ée]e?|post[ée]e?|mise? en ligne|paru|date|posted|published|issued|dated|{_UPDATE})\b)"
# Words of a place begin with a capital, but for the little ones inside (« Port-au-Prince », « Ville de Dakar »).
_CAPITALISED = r"\(?[A-ZÀ-ÖØ-Þ](?:[^\W\d_]|['’.()-])*"
_PLACE = (
    r"(?:(?i:fait|done) (?i:[àa]|at|in) )?"
    rf"(?-i:{_CAPITALISED}(?: (?:d[eu]|la|les?|sur|en|et|of|the|{_CAPITALISED})){{0,4}})"
)
_BEFORE = re.compile(
    rf"(?:{_VERB}(?: le| on)? ?:? ?)?(?:{_PLACE} ?[,:–—-] ?)?"
    rf"(?:(?:le|on|the) )?(?:{_WEEKDAY},? ?)?(?:(?:le|the) )?",
    re.IGNORECASE,
)
_CLOCK = (
    r"(?:T|,? ?(?:[àa]|at|[–—-])? ?)\d{1,2}(?: ?h ?\d{0,2}|:\d{2}(?::\d{2}(?:\.\d+)?)?)"
    r"(?: ?(?:[ap]\.?m\.?|gmt|utc|tu|cest|cet|z|[+-]\d\d:?\d\d))?"
)
_AFTER = re.compile(
    rf"(?:{_CLOCK})?(?: ?(?:,|[–—-]) ?{_PLACE})?[ .,;:|()–—-]*(?:{_UPDATE}\b.*)?", re.IGNORECASE | re.DOTALL
)


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


# Tried in this order, the fullest first.
_FORMS = (
    _pattern(rf"(?<!\d){_YEAR}-(?P<month>0[1-9]|1[0-2])-(?P<day>\d\d)(?!\d)"),
    _pattern(rf"{_DAY}(?:er|st|nd|rd|th)?(?: of| de)? {_MONTH},? {_YEAR}"),
    _pattern(rf"\b{_MONTH} {_DAY}(?:st|nd|rd|th)?,? {_YEAR}"),
    _pattern(rf"(?<!\d)(?P<day>\d\d?)([/.])(?P<month>\d\d?)\2{_YEAR}"),
    _pattern(rf"\b{_MONTH},? {_YEAR}"),
    _pattern(rf"(?<!\d){_YEAR}-(?P<month>0[1-9]|1[0-2])(?![\d-])"),
)
_ISO = re.compile(r"([12]\d{3})(?:-?(\d\d)(?:-?(\d\d))?)?(?:[T ][\d:.,]+(?: ?(?:Z|[+-]\d\d:?\d\d))?)?", re.ASCII)
_LINE = re.compile(r"[^\r\n]*\S[^\r\n]*")
_AROUND = " \t#*_>|–—-"
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class Dateline:
    """A line of a text that says when it was written: its ISO 8601 date, and where it stands."""

    date: str
    start: int
    end: int


def find_dateline(text: str, start: int = 0, *, language: str | None = None) -> Dateline | None:
    """Return the first of a text's first lines that is nothing but a date, with what usually stands around one."""
    previous = None
    at = start
    for _ in range(_FIRST_LINES):
        line = _LINE.search(text, at)
        if line is None:
            return None
        date = _date_of(line.group(), language) if len(line.group()) <= _LONGEST_LINE else None
        if date is not None and not _runs_on(text, previous, line):
            return Dateline(date, line.start(), line.end())
        previous, at = line, line.end()
    return None


def parse_date(value: str, *, language: str | None = None) -> str | None:
    """Return the date that a field holds (ISO 8601, e-mail's form, words or figures) in ISO 8601, or None."""
    value = " ".join(value[:_LONGEST_LINE].split())
    if match := _ISO.fullmatch(value):
        year, month, day = match.groups()
        return _iso(int(year), int(month) if month else None, int(day) if day else None)
    if date := _date_of(value, language):
        return date
    # The mail form is English and begins with a day, perhaps with its name: "Tue, 4 Oct 2022 10:30:00 +0200".
    mail = parsedate_tz(value) if re.match(r"(?:[A-Za-z]{3}, )?\d{1,2} [A-Za-z]{3} \d{4} ", value) else None
    return _iso(*mail[:3]) if mail else None


def _date_of(line: str, language: str | None) -> str | None:
    line = " ".join(line.split()).strip(_AROUND)
    for form in _FORMS:
        match = form.search(line)
        if match and _BEFORE.fullmatch(line[: match.start()]) and _AFTER.fullmatch(line[match.end() :]):
            return _read(match, language)
    return None


def _read(match: re.Match[str], language: str | None) -> str | None:
    parts = match.groupdict()
    day = int(parts["day"]) if parts.get("day") else None
    month = MONTHS.get(parts["month"].lower())
    if month is None:
        month = int(parts["month"])
        if re.fullmatch(r"\d\d?[/.]\d\d?[/.]\d{4}", match.group()) and day is not None:
            # 04/10/2022 is the fourth of October but for Americans, who write English too.
            if language == "en" and day <= 12 and month <= 12 and day != month:
                return None
            if month > 12:
                day, month = month, day
    return _iso(int(parts["year"]), month, day)


def _iso(year: int, month: int | None = None, day: int | None = None) -> str | None:
    try:
        date = datetime.date(year, month or 1, day or 1)
    except ValueError:
        return None
    if 0 in (month, day):
        return None
    return date.isoformat()[: 4 if month is None else 7 if day is None else 10]


def _runs_on(text: str, previous: re.Match[str] | None, line: re.Match[str]) -> bool:
    """Whether a line is the middle of a sentence that was broken into lines."""
    following = _LINE.search(text, line.end())
    if following and text.count("\n", line.end(), following.start()) < 2 and following.group().lstrip()[:1].islower():
        return True
    if previous is None or text.count("\n", previous.end(), line.start()) > 1:
        return False
    words = _WORD.findall(previous.group())
    return previous.group().rstrip().endswith(",") or bool(
        words and previous.group().rstrip().endswith(words[-1]) and is_function_word(words[-1])
    )
