"""Small files of every format, made for the tests."""

from __future__ import annotations

import io
import zipfile
from email.message import EmailMessage

import docx

from tests.printed import printed

CONTAINER = """<?xml version="1.0"?>
<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container" version="1.0"><rootfiles>
<rootfile full-path="OEBPS/book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""
PACKAGE = """<?xml version="1.0"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>Le livre</dc:title><dc:date>2022-10-04</dc:date>
<dc:language>fr-FR</dc:language><dc:creator>A. Ba</dc:creator></metadata>
<manifest><item id="nav" href="nav.xhtml" properties="nav" media-type="application/xhtml+xml"/>
<item id="two" href="{two}" media-type="application/xhtml+xml"/>
<item id="one" href="one.xhtml" media-type="application/xhtml+xml"/></manifest>
<spine><itemref idref="nav"/><itemref idref="one"/><itemref idref="two"/></spine></package>"""
CHAPTER = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml"><head><title>non</title><style>p {{}}</style></head>
<body><h1>{title}</h1><p>Le <i>Mali</i> attend&nbsp;: l’été.</p><svg><text>non</text></svg></body></html>"""
HTML = """<!DOCTYPE html><html lang="fr-FR"><head><meta charset="utf-8"><title>Les engrais – Le Journal</title>
<meta property="og:title" content="Les engrais arrivent">
<meta property="article:published_time" content="2022-10-04T10:00:00+02:00"></head><body>
<nav><ul><li><a href="/">Accueil</a></li><li><a href="/p">Politique</a></li></ul></nav>
<article><h1>Les engrais arrivent</h1><p>Le Mali attend <b>300.000 tonnes</b> d’engrais <a href="x">russes</a>,
dit le ministre. Le port de Dakar les décharge lundi prochain avec l’aide des autorités.</p>
<h2>Le port</h2><p>Le port de Dakar est grand. Il reçoit des navires de tous les pays du monde.</p>
<ul><li>Un quai</li><li>Deux grues</li></ul>
<table><tr><th>Pays</th><th>Tonnes</th></tr><tr><td>Mali</td><td>300</td></tr></table></article>
<script>alert(1)</script><footer>© 2022 Le Journal. Tous droits réservés.</footer></body></html>"""
RSS = """<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>Le fil</title>
<language>fr-fr</language><item><title>Un &amp; deux</title><link>http://example.org/1</link>
<pubDate>Tue, 04 Oct 2022 00:30:00 +0200</pubDate><description>Résumé.</description>
<content:encoded><![CDATA[<p>Le <b>Mali</b> attend.</p><script>x</script><p>Il pleut.</p>]]></content:encoded></item>
<item><title>Sans texte</title></item></channel></rss>"""
ATOM = """<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="en"><title>Feed</title>
<entry><title>One</title><updated>2022-10-04T23:30:00-05:00</updated><summary>Short.</summary>
<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>The <i>whole</i> text.</p></div></content></entry>
</feed>"""
CSV = """titre;texte;jour;pays
Un;"Le Mali ""attend""; il pleut.
Il neige.";04/10/2022;Mali
;;;
Deux;Le second.;bientôt;
"""
JSONL = """{"titre": "Un", "texte": "Le Mali attend.", "jour": "2022-10", "n": 3, "l": ["é"], "x": null}

{"texte": "Deux."}
"""
MARKDOWN = """---
title: "Le titre : oui"
date: 2022-10-04
lang: fr-FR
auteur: A. Ba  # moi
tags:
  - un
---
# En haut

Le texte.
"""


def zipped(members):
    """Zip members given as {name: text or bytes}."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def rezipped(data, changes):
    """Return a zip with some members changed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return zipped({name: archive.read(name) for name in archive.namelist()} | changes)


def epub(**changes):
    members = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/book.opf": PACKAGE.format(two="two%20b.xhtml"),
        "OEBPS/nav.xhtml": CHAPTER.format(title="Table"),
        "OEBPS/two b.xhtml": CHAPTER.format(title="Deux"),
        "OEBPS/one.xhtml": CHAPTER.format(title="Un"),
    }
    return zipped(members | changes)


def word():
    document = docx.Document()
    document.core_properties.title = "Les engrais"
    document.core_properties.language = "fr-FR"
    document.add_heading("Le rapport", 0)
    document.add_heading("Le port", 2)
    document.add_paragraph("Le Mali attend. Il pleut\tà Gao.")
    document.add_paragraph("Un quai", style="List Bullet")
    table = document.add_table(2, 2)
    for cell, text in zip(table._cells, ("Pays", "Tonnes", "Mali", "300 000"), strict=True):
        cell.text = text
    document.add_paragraph("Après la table.")
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def mail():
    message = EmailMessage()
    message["From"] = "Aïda Ba <a@example.org>"
    message["To"] = "b@example.org"
    message["Subject"] = "Les engrais sont arrivés"
    message["Date"] = "Tue, 04 Oct 2022 00:30:00 +0200"
    message.set_content("Le Mali attend.\n\nIl pleut à Gao.\n")
    message.add_alternative("<p>En HTML.</p>", subtype="html")
    message.add_attachment(b"Non.", maintype="text", subtype="plain", filename="x.txt")
    return bytes(message)


def every_file():
    """Return a whole file of each suffix."""
    return {
        ".txt": " date 2022-10 Le Mali attend. Il pleut à Gao.".encode(),
        ".md": MARKDOWN.encode(),
        ".html": HTML.encode(),
        ".pdf": printed(0).data,
        ".docx": word(),
        ".epub": epub(),
        ".csv": CSV.encode(),
        ".tsv": CSV.replace(";", "\t").encode(),
        ".jsonl": JSONL.encode(),
        ".rss": RSS.encode(),
        ".atom": ATOM.encode(),
        ".xml": RSS.encode(),
        ".eml": mail(),
    }
