"""PDFs made for the tests, of which is known on which page each sentence begins and ends."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import fpdf
import matplotlib

FONT = Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf"
WIDTH = 150.0
PLACES = {
    "fr": "Bamako Gao Tombouctou Kayes Ségou Sikasso Mopti Kidal Conakry Abidjan".split(),
    "en": "Lagos Abuja Kano Ibadan Kaduna Jos Enugu Warri Benin Zaria".split(),
    "de": "Köln München Düsseldorf Würzburg Göttingen Lübeck Tübingen Mölln Gießen Fürth".split(),
    "es": "Málaga Córdoba Cádiz León Ávila Jaén Mérida Cáceres Logroño Coruña".split(),
    "pt": "Évora Guimarães Setúbal Leça Bragança Covilhã Olhão Lagos Tomar Beja".split(),
    "tr": "İzmir Eskişehir Muğla Şanlıurfa Çorum Ağrı Iğdır Niğde Düzce Kırşehir".split(),
}
PATTERNS = {
    "fr": (
        "Le gouverneur de {p} a confirmé la réorganisation des coopératives agricoles en {n}.",
        "À {p}, les autorités financières ont peut-être déjà dépensé {n} millions de francs.",
        "« L’office des céréales, dit-il, vérifiera {n} camions affrétés par la Guinée-Bissau et {p} ! »",
        "Où sont passées les {n} tonnes d’engrais différées par les fonctionnaires de {p} ?",
    ),
    "en": (
        "The office in {p} confirmed that {n} officials had been notified of the final agreement.",
        "Officers from {p} specified that the well-known influenza outbreak affected {n} families.",
        "Did the float of {n} fishing boats finally leave the flooded harbour near {p}?",
    ),
    "de": (
        "Die öffentliche Verwaltung von {p} veröffentlichte überraschend {n} Genehmigungen.",
        "Größere Schiffe brauchten für die Überfahrt nach {p} ungefähr {n} Stunden.",
    ),
    "es": (
        "La administración de {p} señaló que {n} niños recibieron educación específica.",
        "¿Cuántos años necesitará {p} para reconstruir las {n} viviendas dañadas por la inundación?",
    ),
    "pt": (
        "A população de {p} não recebeu as {n} indemnizações prometidas pela comissão.",
        "O ministério confirmou que {n} trabalhadores chegaram às fábricas de {p}.",
    ),
    "tr": (
        "{p} şehrindeki öğrencilerin {n} tanesi üniversiteye başarıyla yerleştirildi.",
        "Belediye başkanı {p} için {n} yeni otobüsün çalışacağını açıkladı.",
    ),
}
LIGATURES = (("ffi", "ﬃ"), ("ffl", "ﬄ"), ("ff", "ﬀ"), ("fi", "ﬁ"), ("fl", "ﬂ"))
# Left-hand pages, right-hand pages, and pages of books that number them at the top.
HEADERS = (("Rapport annuel 2022", "Ministère de l’Agriculture"), ("Annual report",), ("{page} | Das Buch",), ())
FOOTERS = (("Page {page} sur {pages}",), ("{page}",), ("– {page} –", "{page} / {pages}"), ())


@dataclass(frozen=True)
class Printed:
    """A PDF, and for each of its sentences the pages on which it begins and ends."""

    data: bytes
    language: str
    sentences: tuple[tuple[str, int, int], ...]
    furniture: tuple[str, ...]


def printed(seed: int) -> Printed:
    """Print a document of 4 to 6 pages, the same for the same seed."""
    chance = random.Random(seed)
    language = list(PATTERNS)[seed % len(PATTERNS)]
    headers, footers = HEADERS[seed % 4], FOOTERS[(seed // 2) % 4]
    style = ("gap", "indent", "plain")[seed % 3]
    size = chance.choice((9, 10, 11, 12))
    breaks_words = seed % 2 == 0
    pages = chance.randint(4, 6)
    pdf = fpdf.FPDF(format=(WIDTH, 210))
    pdf.add_font("D", fname=FONT)
    pdf.set_auto_page_break(False)
    furniture = []

    def turn():
        pdf.add_page()
        for texts, y in ((headers, 8), (footers, 198)):
            if texts:
                words = texts[pdf.page_no() % len(texts)].format(page=pdf.page_no(), pages=pages)
                furniture.append(words)
                pdf.set_font("D", size=8)
                pdf.set_xy(60, y)
                pdf.cell(text=words)
        pdf.set_font("D", size=size)

    turn()
    known = []
    used = 1000 * seed
    y = 22.0
    step = size * 0.45
    right = WIDTH - 14
    while True:
        paragraph = []
        for _ in range(chance.randint(1, 5)):
            used += chance.randint(1, 9)
            pattern = chance.choice(PATTERNS[language])
            paragraph.append(pattern.format(p=chance.choice(PLACES[language]), n=used))
        indent = 6.0 if style == "indent" else 0.0
        lines = _wrapped(pdf, paragraph, right - 14, indent, breaks_words, chance)
        spans: dict[int, list[int]] = {}
        for number, (text, begun) in enumerate(lines):
            if y > 188:
                if pdf.page_no() == pages:
                    # Only paragraphs that are whole are known.
                    return Printed(bytes(pdf.output()), language, tuple(known), tuple(furniture))
                turn()
                y = 22.0
            pdf.set_xy(14 + (indent if number == 0 else 0), y)
            pdf.cell(text=text)
            for sentence in begun:
                spans.setdefault(sentence, [pdf.page_no(), 0])[1] = pdf.page_no()
            y += step
        known += [(paragraph[n], *span) for n, span in spans.items()]
        y += step * 0.8 if style == "gap" else 0


def _wrapped(pdf, sentences, width, indent, breaks_words, chance):
    """Return lines as (text, numbers of the sentences on it), with ligatures and, perhaps, broken words."""
    words = [(word, number) for number, sentence in enumerate(sentences) for word in sentence.split(" ")]
    lines = []
    line, on = "", set()
    room = width - indent
    while words:
        word, number = words.pop(0)
        longer = f"{line} {word}".strip()
        if pdf.get_string_width(_ligatured(longer)) <= room:
            line = longer
            on.add(number)
            continue
        head = _breakable(word, chance) if breaks_words else ""
        if head and pdf.get_string_width(_ligatured(f"{line} {head}")) <= room:
            line = f"{line} {head}"
            on.add(number)
            word = word[len(head) - (not word.startswith(head)) :]
        lines.append((_ligatured(line), on))
        line, on, room = "", set(), width
        words.insert(0, (word, number))
    return [*lines, (_ligatured(line), on)]


def _breakable(word, chance):
    """Return the first part of a word with its hyphen, or "" where it is not to be broken."""
    if "-" in word:
        return word[: word.index("-") + 1]
    if len(word) < 8 or not word.isalpha() or not word.islower():
        return ""
    return word[: chance.randint(3, len(word) - 3)] + "-"


def _ligatured(text):
    for letters, ligature in LIGATURES:
        text = text.replace(letters, ligature)
    return text
