"""What a browser sends back of a conversation, what is made of it, and what the page is given to keep."""

from __future__ import annotations

import copy
import html
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from index import InputError
from qa.answer import Answer
from qa.restoring import document_ids
from qa.retriever import LONGEST_QUESTION
from tests.chat_app import (
    FERTILISER_QUESTION,
    FOLLOW_UP,
    HOSTILE,
    HOSTILE_QUESTION,
    TEXTS_BY_ID,
    UNKNOWN_QUESTION,
    FakeAnswerer,
)
from tests.test_chat_conversation import answer_next, answered
from tests.test_restoring import JSON, places
from ui.conversation import Conversation, Turn
from ui.feedback import Feedback
from ui.history import LARGEST, MOST_TURNS, read_conversation
from ui.render.export import conversation_as_markdown
from ui.render.history_html import LONGEST_TITLE, Notice, history_html, turn_json
from ui.render.markdown import as_markdown, as_markdown_line
from ui.texts import TEXTS

FRENCH = TEXTS["fr"]
ID = "0123456789abcdef"


class Backend(FakeAnswerer):
    """The fixed answers, over documents of which one may be gone."""

    def __init__(self, gone=""):
        self.gone = gone

    def read(self, ids):
        return {id_: document for id_, document in super().read(ids).items() if id_ != self.gone}


def kept(*questions, **changes):
    """Return a conversation as the page keeps it."""
    turns = [{**turn_json(turn), "number": None} for turn in answered(*questions)]
    stored = {"id": ID, "title": "", "created": 1, "changed": 2, "turns": turns, **changes}
    return json.loads(json.dumps(stored))


def read(stored, gone=""):
    return read_conversation(stored, Backend(gone))


# --- What comes back ---


def test_a_conversation_comes_back_as_it_was():
    questions = (FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION, HOSTILE_QUESTION)
    before = list(answered(*questions))
    after = read(kept(*questions, title=" Engrais "))
    assert (after.id, after.title) == (ID, "Engrais")
    assert [turn_json(turn) for turn in after.turns] == [turn_json(turn) for turn in before]


def test_what_was_thought_of_an_answer_comes_back_with_it():
    stored = kept(FERTILISER_QUESTION)
    stored["turns"][0]["feedback"] = {"verdict": "down", "reason": "outdated", "comment": "vieux"}
    assert read(stored).turns[0].feedback == Feedback("down", "outdated", "vieux")


def test_an_answer_from_a_document_that_is_gone_leaves_its_question():
    first, second = read(kept(FERTILISER_QUESTION, HOSTILE_QUESTION), gone=HOSTILE.id).turns
    assert first.answer and not first.is_stale
    assert (second.question, second.answer, second.is_stale) == (HOSTILE_QUESTION, None, True)


def test_an_answer_to_another_question_is_not_taken():
    stored = kept(FERTILISER_QUESTION)
    stored["turns"][0]["question"] = "Qui a gagné la coupe ?"
    assert read(stored).turns[0].is_stale


def test_a_question_that_waited_waits_again_and_a_problem_stays_one():
    stored = kept(FERTILISER_QUESTION, title=7)
    stored["turns"] += [{"question": UNKNOWN_QUESTION}, {"question": "boom", "problem": "x" * 9999, "alone": True}]
    _, waiting, failed = read(stored).turns
    assert waiting.is_waiting and not failed.is_waiting
    assert len(failed.problem) == 2000 and failed.alone


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ID.upper()},
        {"id": ID + "\n"},
        {"id": "<script>"},
        {"id": None},
        {"id": 1},
        {"turns": []},
        {"turns": {}},
        {"turns": None},
        {"turns": ["?"]},
        {"turns": [{"question": ""}]},
        {"turns": [{"question": " \n"}]},
        {"turns": [{"question": ["a"]}]},
        {"turns": [{"question": "a" * (LONGEST_QUESTION + 1)}]},
        {"turns": [{"question": "a"}] * (MOST_TURNS + 1)},
        {"turns": [{"question": "a", "answer": "x" * LARGEST}]},
    ],
)
def test_what_is_no_conversation_is_refused(changes):
    with pytest.raises(InputError, match=r"kept|turn 1"):
        read({**kept(FERTILISER_QUESTION), **changes})


@pytest.mark.parametrize("stored", [None, 1, "x", [], {}, float("nan")])
def test_what_is_nothing_like_a_conversation_is_refused(stored):
    with pytest.raises(InputError):
        read(stored)


def test_the_longest_title_is_cut():
    assert len(read(kept(FERTILISER_QUESTION, title="x" * 9999)).title) == LONGEST_TITLE


WHOLE = kept(FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION)
PLACES = list(places(WHOLE))


@given(data=st.data())
def test_nothing_that_a_browser_sends_breaks_it_or_is_shown_as_a_quote(data):
    stored = copy.deepcopy(WHOLE)
    path = data.draw(st.sampled_from(PLACES))
    forged = data.draw(JSON)
    if path:
        place = stored
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = forged
    try:
        conversation = read(stored if path else forged)
    except InputError:
        return
    for turn in conversation.turns:
        for citation in turn.answer.citations if turn.answer else ():
            assert TEXTS_BY_ID[citation.document.id].text[citation.start : citation.end] == citation.quote
    conversation_as_markdown(conversation.title, conversation.turns, FRENCH)


# --- What the page keeps ---


def test_the_page_is_told_each_change_once():
    conversation = Conversation()
    first = conversation.changes()
    assert (first.conversation, first.numbers, first.turns) == (conversation.id, (), ())
    assert conversation.changes() is None
    conversation.add(FERTILISER_QUESTION)
    asked = conversation.changes()
    assert [turn.is_waiting for turn in asked.turns] == [True] and asked.sequence == first.sequence + 1
    turn = conversation.next_waiting()
    conversation.fill(replace(turn, found=FakeAnswerer().ask(UNKNOWN_QUESTION).closest))
    assert conversation.changes() is None
    conversation.fill(replace(turn, answer=FakeAnswerer().ask(FERTILISER_QUESTION)))
    assert [bool(turn.answer) for turn in conversation.changes().turns] == [True]
    conversation.add(UNKNOWN_QUESTION)
    assert (conversation.changes().numbers, len(conversation.last_changes.turns)) == ((1, 2), 1)


def test_a_page_that_missed_something_is_told_all():
    conversation = answered(FERTILISER_QUESTION, UNKNOWN_QUESTION)
    conversation.changes()
    conversation.keep_all_again()
    assert [turn.number for turn in conversation.changes().turns] == [1, 2]


def test_a_new_conversation_has_another_name():
    conversation = answered(FERTILISER_QUESTION)
    before = conversation.changes()
    conversation.clear()
    after = conversation.changes()
    assert after.conversation != before.conversation and after.numbers == ()


def test_a_restored_conversation_is_not_sent_back():
    conversation = answered(UNKNOWN_QUESTION)
    conversation.restore(ID, read(kept(FERTILISER_QUESTION, HOSTILE_QUESTION)).turns)
    changes = conversation.changes()
    assert (changes.conversation, changes.numbers, changes.turns) == (ID, (2, 3), ())
    assert conversation.shown.turn.question == HOSTILE_QUESTION
    assert not conversation.has_waiting


def test_an_answer_that_comes_late_does_not_enter_another_conversation():
    conversation = Conversation()
    conversation.add(UNKNOWN_QUESTION)
    turn = conversation.next_waiting()
    conversation.restore(ID, read(kept(FERTILISER_QUESTION)).turns)
    assert not conversation.fill(replace(turn, answer=FakeAnswerer().ask(UNKNOWN_QUESTION)))
    assert [turn.question for turn in conversation] == [FERTILISER_QUESTION]


def test_a_question_that_waited_is_asked_when_it_comes_back():
    conversation = Conversation()
    conversation.restore(ID, [Turn(1, FERTILISER_QUESTION), Turn(2, UNKNOWN_QUESTION)])
    while conversation.has_waiting:
        answer_next(conversation)
    assert [turn.answer.answered for turn in conversation] == [True, False]


# --- Asking again, editing, rating ---


def test_asking_again_changes_one_answer_only():
    conversation = answered(FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION)
    conversation.rate(conversation.answered(2), Feedback("up"))
    assert conversation.ask_again(2) and not conversation.ask_again(2)
    answer_next(conversation)
    turns = list(conversation)
    assert [turn.question for turn in turns] == [FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION]
    assert turns[1].answer.carried and turns[1].feedback is None


@pytest.mark.parametrize("number", [1, 99, "2", None, 2.0, []])
def test_what_else_is_asked_after_the_last_turn_only(number):
    conversation = answered(FERTILISER_QUESTION, UNKNOWN_QUESTION)
    assert not conversation.follow(number, "Encore ?")
    assert conversation.follow(2, "Encore ?") and not conversation.follow(2, "Encore ?")
    assert not conversation.follow(3, "Encore ?")
    assert [turn.question for turn in conversation] == [FERTILISER_QUESTION, UNKNOWN_QUESTION, "Encore ?"]


def test_what_failed_or_is_stale_can_be_asked_again():
    conversation = Conversation()
    conversation.restore(ID, [Turn(1, "boom", problem=""), Turn(2, FERTILISER_QUESTION, is_stale=True)])
    for number in (1, 2):
        assert conversation.ask_again(number)
    answer_next_question = conversation.next_waiting()
    assert answer_next_question.question == "boom" and not answer_next_question.is_stale


def test_editing_drops_what_came_after():
    conversation = answered(FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION)
    assert conversation.edit(2, HOSTILE_QUESTION)
    answer_next(conversation)
    assert [turn.question for turn in conversation] == [FERTILISER_QUESTION, HOSTILE_QUESTION]
    assert conversation.changes().numbers == (1, 4)


def test_editing_a_question_that_waits_drops_its_answer():
    conversation = Conversation()
    conversation.add(UNKNOWN_QUESTION)
    asked = conversation.next_waiting()
    conversation.add("later")
    assert conversation.edit(1, FERTILISER_QUESTION)
    assert not conversation.fill(replace(asked, answer=FakeAnswerer().ask(UNKNOWN_QUESTION)))
    assert conversation.next_waiting().question == FERTILISER_QUESTION and not conversation.has_waiting


@pytest.mark.parametrize("number", [99, "1", None, 1.5, [], {}])
def test_turns_that_do_not_exist_are_neither_asked_nor_edited_nor_rated(number):
    conversation = answered(FERTILISER_QUESTION)
    assert not conversation.ask_again(number) and not conversation.edit(number, "x")
    assert conversation.answered(number) is None


def test_a_verdict_does_not_land_on_the_answer_that_came_instead():
    conversation = answered(FERTILISER_QUESTION)
    rated = conversation.answered(1)
    conversation.ask_again(1)
    answer_next(conversation)
    conversation.rate(rated, Feedback("down"))
    assert next(iter(conversation)).feedback is None


# --- What the page is given ---


def carried(drawn, name):
    return json.loads(html.unescape(re.search(rf'data-{name}="([^"]*)"', drawn)[1]))


def test_what_the_page_is_given_is_one_attribute_of_text():
    conversation = answered(HOSTILE_QUESTION)
    conversation.add(HOSTILE.text)
    notice = Notice(file=HOSTILE.text, conversation=ID)
    drawn = history_html(FRENCH, conversation.changes(), notice)
    assert re.findall(r"<(\w+)", drawn) == ["div", "button", "span"]
    state = carried(drawn, "state")
    assert state["turns"][1]["question"] == HOSTILE.text and state["notice"]["file"] == HOSTILE.text
    assert document_ids(state["turns"]) == {HOSTILE.id}


def test_without_a_log_no_verdict_is_asked_for():
    assert carried(history_html(FRENCH, None, takes_feedback=False), "reasons") is None
    assert list(carried(history_html(FRENCH, None), "reasons")) == ["wrong", "missed", "outdated", "other"]


# --- Markdown ---


def drawn_text(markdown):
    """Return what a reader of some Markdown sees, and the elements it is made of."""
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).render(markdown)
    return html.unescape(re.sub(r"<[^>]*>", "", page)), set(re.findall(r"<(\w+)", page))


def squeezed(text):
    return " ".join(text.split())


PIECES = [
    *"ab1. \t\n-=+*_`~#>|<>&;[](){}!\\:'\"/é",
    "&lt;",
    "&#60;",
    "<b>",
    "](x)",
    "1. ",
    "- ",
    "---",
    "===",
    "```",
    "| - |",
]


@given(st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_text_is_drawn_as_itself(text):
    shown, elements = drawn_text(as_markdown(text))
    assert squeezed(shown) == squeezed(text)
    assert elements <= {"p"}
    shown, elements = drawn_text(f"# {as_markdown_line(text)}")
    assert squeezed(shown) == squeezed(text)
    assert elements <= {"h1"}


def test_an_indented_line_keeps_its_indent():
    assert as_markdown("a\n    b\n\tc") == "a\n&#32;&#32;&#32;&#32;b\n&#9;c"


def test_a_conversation_as_markdown():
    turns = read(kept(FERTILISER_QUESTION, UNKNOWN_QUESTION)).turns
    thanks = Turn(6, "Merci", Answer("Merci", answered=False, confidence=0.0, citations=()))
    turns = [*turns, thanks, Turn(3, "boom", problem=""), Turn(4, "vieux", is_stale=True), Turn(5, "attend")]
    exported = conversation_as_markdown("Engrais", turns, FRENCH)
    answer = turns[0].answer
    first = answer.citations[0]
    assert exported.startswith(f"# Engrais\n\n## {FERTILISER_QUESTION}\n\n> Vladimir Poutine a promis")
    assert (
        f"> Engrais russes : une nouvelle livraison, octobre 2022, engrais.txt, caractères {first.start}-" in exported
    )
    assert f"\n\n## {UNKNOWN_QUESTION}\n\nLes documents ne le disent pas.\n\nLes passages les plus proches" in exported
    near = turns[1].answer.closest[0].nearest
    assert f", engrais.txt, caractères {turns[1].answer.closest[0].passage.start}-" in exported
    assert f"\n  > {near.text}\n- " in exported
    assert f"## Merci\n\n{FRENCH.nothing_asked}\n\n## boom" in exported
    assert exported.endswith(f"## boom\n\n{FRENCH.failed}\n\n## vieux\n\n{FRENCH.stale}\n\n## attend\n")
    shown, _ = drawn_text(exported)
    assert all(squeezed(citation.quote) in squeezed(shown) for citation in answer.citations)


def test_a_hostile_conversation_is_text_in_markdown_too():
    turns = read(kept(HOSTILE_QUESTION)).turns
    document = replace(HOSTILE, title="a\n# b\n<img src=x> [c](javascript:d)", source="https://x.example/<b>>?a")
    answer = replace(turns[0].answer, citations=tuple(replace(c, document=document) for c in turns[0].answer.citations))
    exported = conversation_as_markdown("<b> # x\ny", [replace(turns[0], answer=answer, question=HOSTILE.text)], FRENCH)
    shown, elements = drawn_text(exported)
    assert elements <= {"h1", "h2", "blockquote", "p", "a"}
    assert "](<https://x.example/%3Cb%3E%3E?a#:~:text=" in exported
    assert squeezed(HOSTILE.text.replace("\x00", "")) in squeezed(shown)
    for citation in answer.citations:
        assert squeezed(citation.quote) in squeezed(shown)
