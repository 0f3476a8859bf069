"""What was typed in a hurry, and what it is read as."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index import PassageIndex, make_document
from qa import Answerer, Respelling, Retriever
from qa.noise import mistyped
from qa.spelling import find_respellings, respelled
from tests.fakes import FakeEmbedder, FakeReader
from tests.test_sentences import odd_text

TEXTS = [
    ("Le président du Mali, Assimi Goïta, a dit avoir reçu des engrais de la Russie à Bamako.", "fr"),
    ("Le gouvernement nigérian a annoncé l’événement à Abuja.", "fr"),
    ("Les mercenaires de Wagner, que Prigojine a dirigés, ont quitté Tombouctou. Il a dirigé l’attaque.", "fr"),
    ("Réponse du Niger. La junte répond au Mali, et l’Union africaine aussi.", "fr"),
    ("The harbor of Maastricht was closed, said the government.", "en"),
    ("Der Präsident von Mali hat Bamako verlassen.", "de"),
]


@pytest.fixture(scope="module")
def passage_index(tmp_path_factory):
    documents = [make_document(text, language=language) for text, language in TEXTS]
    return PassageIndex.build(tmp_path_factory.mktemp("spelling") / "index", documents, embedder=FakeEmbedder())


def read_as(question, passage_index):
    words = find_respellings(question, passage_index.generation())
    for word in words:
        assert question[word.start : word.start + len(word.typed)] == word.typed
    return respelled(question, words)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Qui est le présidnet du Mali ?", "Qui est le président du Mali ?"),
        ("Qui est le présudent du Mali ?", "Qui est le président du Mali ?"),
        ("Qui est le présiident du Mali ?", "Qui est le président du Mali ?"),
        ("Qui est le présient du Mali ?", "Qui est le président du Mali ?"),
        ("À quoi sert l’engrias ?", "À quoi sert l’engrais ?"),
        ("Qui a quitté tombuctou ?", "Qui a quitté Tombouctou ?"),
        ("Comobien de soldats sont là ?", "Combien de soldats sont là ?"),
        # A document has « dirigé », which is written like it but for the accent.
        ("Qui dirrige le Mali, à présent ?", "Qui dirige le Mali, à présent ?"),
        # Rather an s twice than an i for nothing, though « chasse » is the commoner word.
        ("Où est la chaisse ?", "Où est la chaise ?"),
        # Capitals are those of names, not of beginnings.
        ("que sait-on de la répnose de prigojnie ?", "que sait-on de la réponse de Prigojine ?"),
        ("Where is Masstricht?", "Where is Maastricht?"),
        ("What did the govermnent's soldiers do?", "What did the government's soldiers do?"),
        ("presidnet Mali", "président Mali"),
        ("Wo ist der Präsidnet von Mali?", "Wo ist der Präsident von Mali?"),
        ("Que veut lunion africaine ?", "Que veut l'Union africaine ?"),
        ("Lattaque, qui l’a dirigée ?", "L'attaque, qui l’a dirigée ?"),
        ("lattaque wagner", "l'attaque wagner"),
        ("pourquoi est-ce que levenement dabuja a eu lieu", "pourquoi est-ce que l'événement d'Abuja a eu lieu"),
        ("Que sait-on quattaque le Mali ?", "Que sait-on qu'attaque le Mali ?"),
        ("Quest-ce que cest, à Bamako ?", "Qu'est-ce que c'est, à Bamako ?"),
        ("cest quoi, Wagner", "c'est quoi, Wagner"),
    ],
)
def test_a_slip_is_read_as_the_word_that_was_meant(passage_index, typed, meant):
    assert read_as(typed, passage_index) == meant


@pytest.mark.parametrize(
    "question",
    [
        # Words that are meant, or too common to be slips, though a document has one that is a letter off.
        "Who recieves the goverment of Mali?",
        "Que fait-on aujourd’hui à Bamako, jusqu’ici ?",
        "Le gouvernement nigérien a-t-il annoncé l’événement ?",
        "Is there a harbour in the city?",
        "Qui a vu l’apnée du pêcheur ?",
        "Où sont les présidents ?",
        # Short words, other first letters, and a word of another language.
        "Qui a reçu du rzi, déjà ?",
        "Qui est allé à Nombouctou, déjà ?",
        "Qu’est-ce que « to be » et demanded, déjà ?",
        # An abbreviation, a name that is like no other, a part of a word.
        "Que fait la BMAKO au Mali, à présent ?",
        "Are there two Maastrichts?",
        "Qui est Prigojine, à Bamako ?",
        "Why didn't the government say it?",
        "Who is the Masstrichtx'o in it?",
        # In quotation marks.
        "Qui est le « présidnet » du Mali à présent ?",
        'Qui est le "presidnet" du Mali à présent ?',
        "Who is the “presidnet” of Mali?",
        # Words that begin as if an apostrophe were missing: common ones, names, and what is in no French document.
        "Où est le lavoir de la ville, et la dune ?",
        "Qui est Lunion, à Bamako ?",
        "Qui vient, dbamako ?",
        "Où va lanticipation, à présent ?",
        "Was macht lunion in der Stadt?",
        "Is there a quest for lunion in the city?",
        "quest Bamako",
        # A language in which no document has it, and one that is not told from its words.
        "Qui a été vrelassen par les soldats ?",
        "elecitons Rabat",
        "¿Quién es el president de la república?",
        "Ce este pentrru și de la un soldat?",
        "Kuka on Malin presidnetti?",
    ],
)
def test_a_word_that_may_be_meant_is_left(passage_index, question):
    assert find_respellings(question, passage_index.generation()) == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Qui etait le president du Mali, et pourquoi ?", "Qui était le président du Mali, et pourquoi ?"),
        ("Ou est l’evenement annonce pour les elections ?", "Ou est l’événement annonce pour les élections ?"),
        ("Qui marche avec les soldats du Mali ?", "Qui marche avec les soldats du Mali ?"),
        # With accents elsewhere, what stands in a document was meant as it is.
        ("Qui a été vu avec le president du Mali ?", "Qui a été vu avec le president du Mali ?"),
        ("What did the president of Mali resume?", "What did the president of Mali resume?"),
        ("Wo hat der Prasident von Mali gewohnt?", "Wo hat der Präsident von Mali gewohnt?"),
    ],
)
def test_accents_are_put_where_there_are_none(passage_index, typed, meant):
    assert read_as(typed, passage_index) == meant


def test_an_accent_alone_makes_no_other_word_and_no_apostrophe_of_a_little_one():
    assert not Respelling(0, "evenement", "événement").is_another_word
    assert Respelling(0, "evenment", "événement").is_another_word
    assert not Respelling(0, "Quest", "Qu'est").is_another_word
    assert Respelling(0, "lunion", "l'Union").is_another_word


slips = st.builds(
    lambda text, seed: mistyped(text[0], random.Random(seed)), st.sampled_from(TEXTS), st.integers(0, 10_000)
)


# The first question that needs them waits for the lists of words.
@settings(deadline=None)
@given(odd_text | slips)
def test_what_was_read_otherwise_stays_so(passage_index, question):
    generation = passage_index.generation()
    words = find_respellings(question, generation)
    assert [word.start for word in words] == sorted({word.start for word in words})
    assert all(question.startswith(word.typed, word.start) for word in words)
    once = respelled(question, words)
    assert respelled(once, find_respellings(once, generation)) == once


def test_of_many_unknown_words_a_few_are_looked_at(passage_index, monkeypatch):
    generation, looked_up = passage_index.generation(), []
    look_up = generation.words.found_in
    monkeypatch.setattr(generation.words, "found_in", lambda words: looked_up.append(words) or look_up(words))
    question = "Où est " + " ".join(f"présidnet{letter}" for letter in "bcdfghjklmnpqrstvwxz" * 9)
    assert find_respellings(question, generation) == () and len(looked_up) == 11


def test_a_passage_is_found_and_read_in_spite_of_a_slip(passage_index):
    reader = FakeReader()
    (first, *_) = Retriever(passage_index).retrieve("mercenairse de Wagnre ?", top_k=1)
    assert first.document.text == TEXTS[2][0]
    (as_written,) = Retriever(passage_index).retrieve("Wagnre", top_k=1, as_written=True)
    assert as_written.word_score == 0 < first.word_score
    asked = "Qui sont les mercenairse de Wagnre ?"
    answer = Answerer(passage_index, reader=reader).ask(asked)
    assert answer.question == asked and answer.read_as == "Qui sont les mercenaires de Wagner ?"
    assert [(word.typed, word.read) for word in answer.respellings] == [
        ("mercenairse", "mercenaires"),
        ("Wagnre", "Wagner"),
    ]
    assert answer.to_json()["respellings"][0] == {"start": 13, "typed": "mercenairse", "read": "mercenaires"}


def test_a_follow_up_takes_over_what_the_question_before_was_read_as(passage_index):
    answerer = Answerer(passage_index, reader=FakeReader())
    first = answerer.ask("Qui sont les mercenairse de Wagnre ?")
    second = answerer.ask("Pouruqoi ?", history=[first])
    assert second.read_as == "Pourquoi ?" and {"mercenaires", "Wagner"} <= set(second.carried.terms)
