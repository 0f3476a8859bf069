"""The page that asks for the password; it works without JavaScript."""

from __future__ import annotations

from ui.assets import beside
from ui.render.elements import escape
from ui.texts import Texts


def login_html(texts: Texts, action: str, *, wait: float, was_wrong: bool) -> str:
    """Return the page; `wait` is for how many seconds no password is listened to."""
    said = texts.wait.format(seconds=int(wait) + 1) if wait else texts.wrong_password if was_wrong else ""
    problem = f'<p class="problem" role="alert" id="problem">{escape(said)}</p>' if said else ""
    described = ' aria-describedby="problem" aria-invalid="true"' if said else ""
    return (
        f'<!doctype html><html lang="{texts.language}"><head><meta charset="utf-8"><title>sourcier</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f"<style>{beside('login.css')}</style></head><body><main><h1>sourcier</h1>"
        f'<form method="post" action="{escape(action)}"><label for="password">{escape(texts.password)}</label>'
        f'<input id="password" name="password" type="password" autocomplete="current-password" required autofocus'
        f"{described}>{problem}<button>{escape(texts.log_in)}</button></form></main></body></html>"
    )
