"""HTML of what stands around questions and answers: edit, what else, ask again, thumbs.

The buttons say nothing of a state: history.js knows which thumb is pressed, so that a message is not
drawn anew, and what is being typed in it lost, at every change.
"""

from __future__ import annotations

from ui.conversation import Turn
from ui.render.documents_html import asked_of_html
from ui.render.elements import escape
from ui.render.message_html import question_html
from ui.texts import Texts


def asked_html(turn: Turn, texts: Texts) -> str:
    """Return a question with the button to change it."""
    edit = _button("edit", turn, texts.edit_question, icon=True)
    return f'<div class="asking">{question_html(turn.question)}{edit}</div>{asked_of_html(turn.filters, texts)}'


def stale_html(texts: Texts) -> str:
    """Return what is shown of an answer that the documents no longer hold."""
    return f'<p class="stale">{escape(texts.stale)}</p>'


def tools_html(turn: Turn, texts: Texts) -> str:
    """Return the buttons under what became of a question: thumbs for answers only, none for thanks.

    What else there is can be asked of quotes, and only of the newest: the style sheet hides it elsewhere.
    """
    if turn.answer and turn.answer.asked_nothing:
        return ""
    thumbs = (
        _button("thumb up", turn, texts.useful, icon=True) + _button("thumb down", turn, texts.useless, icon=True)
        if turn.answer
        else ""
    )
    more = _button("more", turn, texts.what_else) if turn.answer and turn.answer.answered else ""
    again = _button("again", turn, texts.ask_again)
    return f'<div class="tools" lang="{texts.language}">{thumbs}{more}{again}</div>'


def _button(css_class: str, turn: Turn, label: str, *, icon: bool = False) -> str:
    # The sanitiser takes aria-label away: a button that shows a sign is named by hidden text.
    name = f'<span class="unseen">{escape(label)}</span>' if icon else escape(label)
    title = f' title="{escape(label)}"' if icon else ""
    return f'<button type="button" class="{css_class}" value="{turn.number:d}"{title}>{name}</button>'
