"""A visitor's turns: what a question can follow on from, and asking it alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.chat_app import FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION, FakeAnswerer
from ui.conversation import Conversation, Shown


def answered(*questions):
    conversation = Conversation()
    for question in questions:
        conversation.add(question)
        answer_next(conversation)
    return conversation


def answer_next(conversation):
    turn = conversation.next_waiting()
    answer = FakeAnswerer().ask(turn.question, history=conversation.before(turn))
    assert conversation.fill(replace(turn, answer=answer))


def test_a_question_follows_on_from_the_answers_before_it():
    conversation = answered(UNKNOWN_QUESTION, FERTILISER_QUESTION)
    conversation.add(FOLLOW_UP)
    turn = conversation.next_waiting()
    assert [answer.question for answer in conversation.before(turn)] == [UNKNOWN_QUESTION, FERTILISER_QUESTION]
    first, *_ = conversation
    assert conversation.before(first) == ()


def test_a_question_does_not_reach_past_one_that_waits_or_failed():
    conversation = answered(FERTILISER_QUESTION)
    conversation.add("Qui dirige le Mali ?")
    conversation.add(FOLLOW_UP)
    waiting, follow_up = conversation.next_waiting(), conversation.next_waiting()
    assert conversation.before(follow_up) == ()
    conversation.fill(replace(waiting, problem="too short"))
    assert conversation.before(follow_up) == ()


def test_a_follow_up_asked_alone_keeps_its_place_and_carries_nothing():
    conversation = answered(FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION)
    assert [turn.answer.carried is not None for turn in conversation] == [False, True, False]
    assert conversation.ask_alone(2)
    assert [turn.answer is None for turn in conversation] == [False, True, False]
    answer_next(conversation)
    turns = list(conversation)
    assert [turn.question for turn in turns] == [FERTILISER_QUESTION, FOLLOW_UP, UNKNOWN_QUESTION]
    assert turns[1].alone and turns[1].answer.carried is None
    assert conversation.shown == Shown(turns[1], 1)


@pytest.mark.parametrize("number", [1, 3, 99, "2", None, 2.0, []])
def test_only_a_turn_that_carried_something_is_asked_alone(number):
    conversation = answered(FERTILISER_QUESTION, FOLLOW_UP)
    conversation.add(FOLLOW_UP)
    assert not conversation.ask_alone(number)


def test_a_second_click_asks_once():
    conversation = answered(FERTILISER_QUESTION, FOLLOW_UP)
    assert conversation.ask_alone(2) and not conversation.ask_alone(2)
