"""Take the README's pictures of the chat from the real thing: `python -m tests.benchmarks.screenshot`."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile

from playwright.sync_api import sync_playwright

from tests.benchmarks import RESULTS

QUESTION = "Quelle quantité d'engrais la Russie dit-elle vouloir offrir aux pays dans le besoin ?"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
DESKTOP = {"viewport": {"width": 1280, "height": 800}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}
ANSWERS_WITHIN_MS = 60_000
# For what slides and fades in.
CALM_MS = 1500


def main():
    RESULTS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "ui.cli", "chat", "--index", f"{folder}/index", "--port", "7961"]
        chat = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = next(found[0] for line in chat.stdout if (found := re.findall(r"http://\S+", line)))
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
                photograph(browser, address)
                browser.close()
        finally:
            chat.terminate()
            chat.wait(30)


def photograph(browser, address):
    page = asked(browser, address, **DESKTOP)
    save(page, "chat.png")
    page = asked(browser, address, color_scheme="dark", **DESKTOP)
    page.locator("#documents-open").click()
    page.locator("#documents-list li").first.wait_for()
    page.get_by_role("textbox", name="Depuis").fill("2023")
    page.keyboard.press("Tab")
    page.locator("#filters button").first.wait_for()
    save(page, "documents.png")
    page = asked(browser, address, **PHONE)
    page.locator("#chat a.cite").first.tap()
    page.locator("#panel mark").first.wait_for()
    save(page, "phone.png")


def asked(browser, address, **options):
    page = browser.new_context(locale="fr-FR", **options).new_page()
    page.goto(address)
    page.locator("#box textarea").fill(QUESTION)
    page.locator("#box textarea").press("Enter")
    page.locator("#chat a.cite").first.wait_for(timeout=ANSWERS_WITHIN_MS)
    return page


def save(page, name):
    page.wait_for_timeout(CALM_MS)
    page.screenshot(path=RESULTS / name)


if __name__ == "__main__":
    main()
