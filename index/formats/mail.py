"""Mail (.eml): the text of a message, its subject and date; attachments are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header
from email.message import Message

from index.dates import parse_date
from index.errors import InputError
from index.formats.draft import Draft, guarded, one_line, title_stated
from index.formats.markup import html_text
from index.formats.options import ReadingOptions
from index.formats.text import decode_as
from index.language import stated_language

_KIND = "a mail"
_HEADERS = ("from", "to", "subject", "date")
# In format=flowed a space at a line's end says that the paragraph goes on.
_SOFT_BREAK = re.compile(r"(?<!^--)(?<!\n--) \r?\n(?!>)")


def read_mail(name: str, data: bytes, options: ReadingOptions) -> list[Draft]:
    """Read one message; its plain text is preferred to its HTML."""
    with guarded(name, _KIND):
        message = message_from_bytes(data)
        headers = {key: _header(message, key) for key in _HEADERS}
        parts = [(part.get_content_type(), _part(part)) for part in _shown(message)]
        language = stated_language(_header(message, "content-language"))
    if not any(headers.values()):
        raise InputError(f"{name} is no mail: expected From, To, Subject or Date at its beginning; save it as .eml")
    plain = [text.strip() for kind, text in parts if kind == "text/plain" and text.strip()]
    rich = [html_text(text, name, "a mail in HTML") for kind, text in parts if kind == "text/html"] if not plain else []
    return [
        Draft(
            text="\n\n".join(plain or [text for text in rich if text]),
            title=title_stated(headers["subject"]),
            date=parse_date(headers["date"]),
            language=language,
            metadata={key: headers[key] for key in ("from", "to") if headers[key]},
        )
    ]


def _shown(message: Message) -> Iterator[Message]:
    for part in message.walk():
        if not part.is_multipart() and part.get_content_disposition() != "attachment":
            yield part


def _part(part: Message) -> str:
    if part.get_content_maintype() != "text":
        return ""
    data = part.get_payload(decode=True)
    text = decode_as(data, part.get_content_charset()) if isinstance(data, bytes) else ""
    if str(part.get_param("format", "")).lower() == "flowed":
        text = _SOFT_BREAK.sub(" ", text)
    return text.replace("\r\n", "\n")


def _header(message: Message, key: str) -> str:
    """Return a header in words: `=?utf-8?q?Caf=C3=A9?=` is « Café »."""
    raw = message.get(key)
    if raw is None:
        return ""
    # Raw bytes outside ASCII, which no standard allows, come as surrogates.
    value = decode_as(str(raw).encode("utf-8", "surrogateescape"), None)
    words = decode_header(value)
    return one_line("".join(decode_as(word, charset) if isinstance(word, bytes) else word for word, charset in words))
