from __future__ import annotations

import hashlib
import json

import pytest

from index import InputError, make_document
from qa.questions import load_question_file, load_questions, question_word
from ui.demo import seeds_folder

CONTEXT = "Le Mali attend des engrais. Le port de Dakar les décharge lundi."


def asked(identifier="1", question="Qui attend des engrais ?", answers=((3, "Mali"),), **more):
    found = [{"answer_start": start, "text": text} for start, text in answers]
    return {"id": identifier, "question": question, "answers": found, **more}


def squad(path, *articles):
    path.write_text(json.dumps({"data": list(articles)}), encoding="utf-8")
    return path


def article(*qas, title="Engrais", context=CONTEXT):
    return {"title": title, "paragraphs": [{"context": context, "qas": list(qas)}]}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "mali.txt").write_text(CONTEXT, encoding="utf-8")
    (tmp_path / "ble.md").write_text("# Le blé\n\nLe prix monte. Le prix monte.", encoding="utf-8")
    return tmp_path


def lines(folder, *several, name="q.jsonl"):
    (folder / name).write_text("".join(json.dumps(one) + "\n" for one in several), encoding="utf-8")
    return folder / name


def line(**more):
    return {"id": "q1", "question": "Qui attend ?", "document": "mali.txt", "quote": "Le Mali attend", **more}


def test_a_squad_file(tmp_path):
    path = squad(tmp_path / "dev.json", article(asked(), asked("2", "When does it end?", [], is_impossible=True)))
    file = load_question_file(path)
    (document,) = file.documents
    first, second = file.questions
    assert document.text == CONTEXT and file.name == "dev.json" and file.skipped == ()
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (first.id, first.language, first.group, first.article) == ("dev.json:1", "fr", document.id, "Engrais")
    assert first.answers == ((document.id, 3, 7),) and first.exact
    assert first.answered_by(document.id, 0, 27) and first.answered_by(document.id, 3, 7)
    assert not first.answered_by(document.id, 4, 27) and not first.answered_by("other", 0, 27)
    assert second.answers == () and second.kind == "unanswerable" and second.language == "en"


@pytest.mark.parametrize(("stated", "title"), [("Guerre_du_Mali", "Guerre du Mali"), ("", None), (None, None)])
def test_a_document_has_the_title_of_its_article(tmp_path, stated, title):
    file = load_question_file(squad(tmp_path / "a.json", article(asked(), title=stated)))
    itself = make_document(CONTEXT)
    assert [(one.id, one.title) for one in file.documents] == [(itself.id, title or itself.title)]


def test_plausible_answers_of_what_is_impossible_are_no_answers(tmp_path):
    file = load_question_file(squad(tmp_path / "a.json", article(asked(is_impossible=True))))
    assert [question.answers for question in file.questions] == [()]


def test_answers_not_at_their_place_are_left_out_and_what_cannot_be_judged_is_skipped(tmp_path):
    qas = [
        asked("kept", answers=[(4, "Mali"), (3, "Mali"), (3, "Mali")]),
        asked("lost", answers=[(4, "Mali"), (-61, "Mali")]),
        asked("empty", answers=[(3, "")]),
        asked("wordless", "?!"),
    ]
    file = load_question_file(squad(tmp_path / "a.json", article(*qas)))
    (kept,) = file.questions
    assert [(start, end) for _, start, end in kept.answers] == [(3, 7)]
    assert file.skipped == ("a.json:lost", "a.json:empty", "a.json:wordless")


def test_a_question_without_a_language_of_its_own_has_its_document_s(tmp_path):
    (question,) = load_question_file(squad(tmp_path / "a.json", article(asked(question="Mali ?")))).questions
    assert question.language == "fr"


def test_a_question_file_with_its_documents_beside_it(folder):
    path = lines(
        folder,
        line(language="de", kind="typo"),
        line(id="q2", also=[{"document": "ble.md", "quote": "Le prix monte."}]),
        line(id="q3", document=None, quote=None),
        line(id="q4", quote="not there"),
    )
    file = load_question_file(path)
    first, second, third = file.questions
    by_name = {document.source.rpartition("/")[2]: document for document in file.documents}
    assert (first.language, first.kind, first.exact) == ("de", "typo", False)
    assert first.group == by_name["mali.txt"].id and first.article == ""
    # A quote that stands twice answers twice.
    assert [d for d, _, _ in second.answers] == [by_name["mali.txt"].id] + 2 * [by_name["ble.md"].id]
    for document_id, start, end in second.answers:
        text = next(document.text for document in file.documents if document.id == document_id)
        assert text[start:end] in ("Le Mali attend", "Le prix monte.")
    assert third.answers == () and third.group == "q.jsonl:q3"
    assert file.skipped == ("q.jsonl:q4",)


def test_documents_in_folders_below_go_by_their_path(folder):
    (folder / "old").mkdir()
    (folder / "old" / "mali.txt").write_text("Le Mali attend du riz.", encoding="utf-8")
    path = lines(folder, line(), line(id="q2", document="old/mali.txt"))
    first, second = load_question_file(path).questions
    assert first.answers[0][0] != second.answers[0][0]


def test_the_demo_s_questions_are_read():
    file = load_question_file(seeds_folder() / "questions.jsonl")
    assert len(file.documents) >= 24 and len(file.questions) >= 80 and file.skipped == ()


def test_several_files_are_one_corpus(tmp_path):
    other = article(asked("9"), title="Riz", context="Le Mali attend du riz depuis longtemps.")
    one = squad(tmp_path / "a.json", article(asked()), other)
    two = squad(tmp_path / "b.json", article(asked()), article(asked(), context="Le Mali a besoin d'engrais."))
    two.write_text(two.read_text().replace('"id": "1"', '"id": "7"', 1))
    together = load_questions([one, two])
    assert len(together.documents) == 3, "a paragraph in two files is one document"
    assert [question.id for question in together.questions] == ["a.json:1", "a.json:9", "b.json:7", "b.json:1"]
    engrais, riz = together.questions[:2]
    assert together.subject_of(engrais) == {d.id for d in together.documents} - together.subject_of(riz)
    assert len(together.subject_of(engrais)) == 2


def test_the_subject_of_a_quote_is_what_holds_it(folder):
    together = load_questions([lines(folder, line(), line(id="q2", document=None))])
    first, second = together.questions
    assert together.subject_of(first) == {first.answers[0][0]}
    assert together.subject_of(second) == frozenset()


def test_files_of_one_name_are_told_apart(tmp_path):
    paths = []
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        paths.append(squad(tmp_path / name / "dev.json", article(asked())))
    assert [file.name for file in load_questions(paths).files] == ["x/dev.json", "y/dev.json"]
    with pytest.raises(InputError, match="given twice"):
        load_questions([paths[0], tmp_path / "y" / ".." / "x" / "dev.json"])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", 'no "data"'),
        ("[]", 'no "data"'),
        ('{"data": 3}', 'no "data"'),
        ('{"data": [{"title": "x"}]}', 'article 1: no "paragraphs"'),
        ('{"data": [3]}', "article 1"),
        ('{"data": [{"paragraphs": [{"context": 3, "qas": []}]}]}', "where a text belongs"),
        (json.dumps({"data": [article({"id": "1", "question": "Qui ?"})]}), 'no "answers"'),
        (json.dumps({"data": [article(asked(question=None))]}), "where a text belongs"),
        (json.dumps({"data": [article(asked(), asked())]}), "two questions with the id '1'"),
        (json.dumps({"data": []}), "no question that can be asked"),
    ],
)
def test_a_bad_squad_file_is_one_line(tmp_path, content, message):
    path = tmp_path / "bad.json"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_questions([path])
    assert "\n" not in str(caught.value) and str(path) in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("{", "line 2: it is not JSON"),
        ("3", "line 2"),
        (json.dumps({"id": "x", "question": "Qui ?"}), 'line 2: no "document"'),
        (json.dumps(line(document="none.txt")), "line 2: no document 'none.txt' beside the file"),
        (json.dumps(line(document=["mali.txt"])), "line 2"),
        (json.dumps(line(quote=None)), "line 2: null where a text belongs"),
        (json.dumps(line(quote=" ")), "line 2: an empty quote"),
        (json.dumps(line(question=7)), "line 2: 7 where a text belongs"),
        (json.dumps(line()), "two questions with the id 'q1'"),
    ],
)
def test_a_bad_line_is_named(folder, bad, message):
    path = folder / "q.jsonl"
    path.write_text(json.dumps(line()) + "\n" + bad + "\n", encoding="utf-8")
    with pytest.raises(InputError, match=message) as caught:
        load_questions([path])
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_missing_file_and_one_that_is_not_text(tmp_path):
    with pytest.raises(InputError, match="cannot read"):
        load_questions([tmp_path / "none.json"])
    (tmp_path / "a.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not UTF-8"):
        load_questions([tmp_path / "a.json"])
    (tmp_path / "q.jsonl").write_text(json.dumps(line()))
    with pytest.raises(InputError, match="holds no document"):
        load_questions([tmp_path / "q.jsonl"])


@pytest.mark.parametrize(
    ("question", "language", "word"),
    [
        ("Combien de tonnes la Russie donne-t-elle ?", "fr", "how many"),
        ("Depuis quand dit-on que le port est fermé ?", "fr", "when"),
        ("En quelle année ?", "fr", "when"),
        ("Qu’est-ce qui a changé ?", "fr", "what"),
        ("Que dit l'ONU ?", "fr", "what"),
        ("Qu'a dit l'ONU ?", "fr", "what"),
        ("Qui est-ce que Goïta appelle ?", "fr", "who"),
        ("À qui la Russie parle-t-elle ?", "fr", "who"),
        ("Laquelle des villes ?", "fr", "which"),
        ("Quel est le général qui commande ?", "fr", "which"),
        ("où est le port ?", "fr", "where"),
        ("Pourquoi ? Comment ?", "fr", "why"),
        ("Comment ?", "fr", "how"),
        ("engrais mali", "fr", "other"),
        ("In what year did it end?", "en", "when"),
        ("How many ships?", "en", "how many"),
        ("How did it end?", "en", "how"),
        ("Whose idea was it?", "en", "who"),
        ("The whole show", "en", "other"),
        ("¿Cuántos barcos?", "es", "how many"),
        ("¿Por qué?", "es", "why"),
        ("Wie viele Schiffe?", "de", "how many"),
        ("Wovon handelt es?", "de", "what"),
        ("Wo ist das?", "de", "where"),
        ("Кто?", "ru", "other"),
        ("Qui ?", None, "other"),
    ],
)
def test_question_words(question, language, word):
    assert question_word(question, language) == word
