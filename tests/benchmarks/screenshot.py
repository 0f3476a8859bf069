"""Take the README's picture of the chat from the real thing: `python -m tests.benchmarks.screenshot`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

QUESTION = "Quelle quantité d'engrais la Russie dit-elle vouloir offrir aux pays dans le besoin ?"
TARGET = Path(__file__).with_name("results") / "chat.png"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]


def main() -> None:
    TARGET.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ui.cli", "chat", "--index", f"{folder}/index", "--port", "7961"]
        chat = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = next(found[0] for line in chat.stdout if (found := re.findall(r"http://\S+", line)))
            photograph(address)
        finally:
            chat.terminate()
            chat.wait(30)


def photograph(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="fr-FR")
        page.goto(address)
        page.locator("#box textarea").fill(QUESTION)
        page.locator("#box textarea").press("Enter")
        page.locator("#panel .card.open mark").wait_for(timeout=60_000)
        page.wait_for_timeout(1500)
        page.screenshot(path=TARGET)
        browser.close()


if __name__ == "__main__":
    main()
