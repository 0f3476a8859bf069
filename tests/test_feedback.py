"""What readers thought of answers: written down, read again, and turned into questions."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import InputError, PassageIndex, check, make_document
from index.errors import IndexAccessError
from qa import Answerer
from qa.evaluation import evaluate
from qa.questions import load_questions
from tests.chat_app import FERTILISER_QUESTION, FOLLOW_UP, HOSTILE_QUESTION, UNKNOWN_QUESTION, FakeAnswerer
from tests.fakes import FakeEmbedder, FakeReader
from ui import feedback as module
from ui.cli import app as command
from ui.feedback import FILE_NAME, LONGEST_COMMENT, REASONS, Feedback, FeedbackLog, read_log
from ui.feedback_questions import export_feedback

UP, DOWN = Feedback("up"), Feedback("down", "outdated", "C'est de 2021.")
ANSWER = FakeAnswerer().ask(FERTILISER_QUESTION)


@pytest.fixture
def log(tmp_path):
    return FeedbackLog(tmp_path / FILE_NAME)


@pytest.fixture
def rated(passage_index):
    """Rate answers over a small index: `rated(question, feedback, …)`."""
    log = FeedbackLog(passage_index.folder / FILE_NAME)

    def rate(question, feedback, *, conversation="c1", confidence=0.9, history=()):
        answer = Answerer(passage_index, reader=FakeReader(confidence)).ask(question, history=history)
        log.append(conversation, answer, passage_index.generation().name, feedback)
        return answer

    return rate


def exported(passage_index, folder):
    return export_feedback(passage_index.folder / FILE_NAME, passage_index, folder)


def test_a_verdict_is_one_line_with_all_that_it_was_given_on(log):
    log.append("c1", ANSWER, "gen-7", DOWN)
    (line,) = log.path.read_text().splitlines()
    kept = json.loads(line)
    assert kept["time"].endswith("+00:00")
    assert {
        name: kept[name] for name in ("conversation", "generation", "verdict", "reason", "comment", "question")
    } == {
        "conversation": "c1",
        "generation": "gen-7",
        "verdict": "down",
        "reason": "outdated",
        "comment": "C'est de 2021.",
        "question": FERTILISER_QUESTION,
    }
    assert kept["answer"] == json.loads(json.dumps(ANSWER.to_json()))
    assert log.path.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_short_takes_no_other_with_it(log):
    log.append("c1", ANSWER, "gen-7", UP)
    whole = log.path.read_bytes()
    log.path.write_bytes(whole + whole[: len(whole) // 2])
    log.append("c2", ANSWER, "gen-7", DOWN)
    assert [(line["conversation"], line["verdict"]) for line in read_log(log.path)] == [("c1", "up"), ("c2", "down")]


def test_several_readers_write_whole_lines(log):
    threads = [threading.Thread(target=log.append, args=(f"c{n}", ANSWER, "gen-7", UP)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(line["conversation"] for line in read_log(log.path)) == [f"c{n}" for n in range(8)]


def test_what_cannot_be_kept_is_said(log, monkeypatch, tmp_path):
    with pytest.raises(IndexAccessError, match="cannot be written"):
        FeedbackLog(tmp_path / "missing" / FILE_NAME).append("c", ANSWER, "gen-7", UP)
    monkeypatch.setattr(module, "LARGEST_FILE", 100)
    with pytest.raises(IndexAccessError, match="would grow beyond 100 bytes"):
        log.append("c", ANSWER, "gen-7", UP)
    assert not log.path.stat().st_size
    monkeypatch.undo()
    monkeypatch.setattr(os, "write", lambda *_: 3)
    with pytest.raises(IndexAccessError, match="the disk is full"):
        log.append("c", ANSWER, "gen-7", UP)


@pytest.mark.parametrize("stored", [None, 1, [], {}, {"verdict": "none"}, {"verdict": ["up"]}, {"verdict": "UP"}])
def test_what_is_no_verdict_is_none(stored):
    assert Feedback.from_json(stored) is None


def test_a_verdict_is_cut_to_what_it_may_be():
    assert Feedback.from_json({"verdict": "up", "reason": "wrong", "comment": "x"}) == UP
    assert Feedback.from_json({"verdict": "down", "reason": "<b>", "comment": 3}) == Feedback("down")
    long = Feedback.from_json({"verdict": "down", "reason": "wrong", "comment": " " + "x" * 5000})
    assert long == Feedback("down", "wrong", "x" * LONGEST_COMMENT)


@given(
    st.dictionaries(
        st.sampled_from(["verdict", "reason", "comment"]),
        st.sampled_from(["up", "down", *REASONS]) | st.text() | st.none() | st.lists(st.text(max_size=3), max_size=2),
    )
)
def test_whatever_a_browser_sends_is_a_verdict_or_none(stored):
    feedback = Feedback.from_json(stored)
    assert feedback is None or Feedback.from_json(json.loads(json.dumps(feedback.to_json()))) == feedback


def test_a_hostile_answer_is_kept_on_one_line(log):
    answer = replace(FakeAnswerer().ask(HOSTILE_QUESTION), question="a\nb\u2028c\ud800")
    log.append("c", answer, "gen-7", Feedback("down", "other", "line\nbreak"))
    assert len(log.path.read_bytes().split(b"\n")) == 2
    (line,) = read_log(log.path)
    assert line["question"] == "a\nb\u2028c\ud800" and line["comment"] == "line\nbreak"


def test_approved_answers_become_questions_that_evaluation_reads(passage_index, rated, tmp_path):
    good = rated("Que fait le Mali ?", UP)
    rated("Que fait le Sénégal ?", DOWN)
    rated("Qui dirige la Mongolie ?", UP, confidence=0.1)
    rated("Qui dirige le Pérou ?", Feedback("down", "missed"), confidence=0.1)
    export = exported(passage_index, tmp_path / "out")
    assert (export.questions, export.unanswerable, export.down, export.gone, export.documents) == (2, 1, 2, 0, 3)
    asked = load_questions([export.path])
    answerable, unanswerable = asked.questions
    assert [question.text for question in asked.questions] == ["Que fait le Mali ?", "Qui dirige la Mongolie ?"]
    assert unanswerable.kind == "unanswerable" and not unanswerable.answers
    texts = {document.id: document.text for document in asked.documents}
    golds = {texts[id_][start:end] for id_, start, end in answerable.answers}
    assert golds == {citation.quote for citation in good.citations}
    again = PassageIndex.build(tmp_path / "again", asked.documents, embedder=FakeEmbedder())
    records = evaluate(again, asked, reader=FakeReader(), threshold=0.5).records
    assert [record.cited for record in records] == [True, None]
    assert check(passage_index.folder).is_sound


def test_documents_keep_their_title_date_and_language(tmp_path):
    documents = [
        make_document("Le Mali attend des engrais.", title='Un "titre" : à part', date="2022-10-04"),
        make_document(" date 2022-11 Le prix du blé monte."),
        make_document("\x01Le port ferme.\u2028Lundi.", title="Une\nligne de trop", language="fr"),
    ]
    passage_index = PassageIndex.build(tmp_path / "index", documents, embedder=FakeEmbedder())
    answer = Answerer(passage_index, reader=FakeReader()).ask("Quand le port ferme-t-il ?")
    FeedbackLog(passage_index.folder / FILE_NAME).append("c", answer, "gen-1", UP)
    asked = load_questions([exported(passage_index, tmp_path / "out").path])
    read = {(document.title, document.date, document.language) for document in asked.documents}
    assert {(one.title, one.date, one.language) for one in documents[:2]} <= read
    assert len(asked.questions[0].answers) == len(answer.citations)


def test_the_last_verdict_on_an_answer_counts(passage_index, rated, tmp_path):
    for feedback in (UP, DOWN):
        rated("Que fait le Mali ?", feedback)
    for feedback in (UP, None):
        rated("Que fait le Sénégal ?", feedback)
    with pytest.raises(InputError, match="approves of no answer"):
        exported(passage_index, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    rated("Que fait le Mali ?", UP, conversation="c2")
    assert exported(passage_index, tmp_path / "out").questions == 1


def test_two_readers_make_one_question_and_a_quote_outweighs_a_silence(passage_index, rated, tmp_path):
    rated("Que fait le Mali ?", UP, confidence=0.1)
    rated("Que fait le Mali ?", UP, conversation="c2")
    rated("Que fait le Mali ?", UP, conversation="c3")
    export = exported(passage_index, tmp_path / "out")
    assert (export.questions, export.unanswerable) == (1, 0)


def test_a_follow_up_is_asked_with_what_it_took_over(passage_index, rated, tmp_path):
    before = rated("Combien de tonnes d'engrais le Mali attend-il ?", None)
    follow_up = rated(FOLLOW_UP, UP, history=[before])
    (question,) = load_questions([exported(passage_index, tmp_path / "out").path]).questions
    assert follow_up.carried and question.text == f"{follow_up.carried.words} {FOLLOW_UP}"


def test_what_else_there_is_is_an_answer_to_the_question_before_and_no_more_none(passage_index, rated, tmp_path):
    before = rated("Que fait le Mali ?", UP)
    rated("Quoi d'autre ?", UP, history=[before])
    rated("Quoi d'autre ?", UP, history=[replace(before, question="Qui dirige la Mongolie ?")], confidence=0.1)
    (question,) = load_questions([exported(passage_index, tmp_path / "out").path]).questions
    assert question.text == "Que fait le Mali ?" and len(question.answers) > len(before.citations)


def test_what_the_documents_no_longer_hold_is_left_out(passage_index, rated, tmp_path):
    gone = rated("Que fait le Mali ?", UP)
    rated("Qui dirige la Mongolie ?", UP, confidence=0.1)
    rated("Qui a gagné la coupe ?", DOWN)
    passage_index.remove(gone.citations[0].document.id)
    with pytest.raises(InputError, match="approves of no answer"):
        exported(passage_index, tmp_path / "out")


def test_an_export_takes_the_place_of_an_earlier_one_and_of_nothing_else(passage_index, rated, tmp_path):
    rated("Que fait le Mali ?", UP)
    for _ in range(2):
        assert exported(passage_index, tmp_path / "out").documents == 3
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("kept")
    with pytest.raises(InputError, match="holds other files"):
        exported(passage_index, tmp_path / "mine")
    assert (tmp_path / "mine" / "letter.txt").read_text() == "kept"


def test_the_command_says_what_it_wrote(passage_index, rated, tmp_path):
    from typer.testing import CliRunner

    rated("Que fait le Mali ?", UP)
    rated(UNKNOWN_QUESTION, UP, confidence=0.1)
    rated("Que fait le Sénégal ?", DOWN)
    out = tmp_path / "out"
    said = CliRunner().invoke(command, ["feedback", "--index", str(passage_index.folder), "--out", str(out)])
    assert said.output == (
        "Saved 2 questions, 1 of them without an answer, and 3 documents.\n"
        "Left out, for want of a known answer: 1 thumb down.\n"
        f"Measure on them with: sourcier evaluate {out / 'questions.jsonl'}\n"
    )


@pytest.mark.parametrize("option", ["", "--no-feedback"])
def test_the_chat_keeps_verdicts_beside_the_index_unless_told_not_to(passage_index, monkeypatch, option):
    from typer.testing import CliRunner

    launched = {}
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader())
    monkeypatch.setattr("ui.serving.launch_chat", lambda *_, **options: launched.update(options))
    arguments = ["chat", "--index", str(passage_index.folder), *filter(None, [option])]
    assert CliRunner().invoke(command, arguments).exit_code == 0
    log = launched["feedback"]
    assert (log and log.path) == (None if option else passage_index.folder / FILE_NAME)
