"""What people say to a chat that asks nothing of the documents."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa import Answerer, Retriever
from qa.conversation import carry_over
from qa.courtesy import asks_nothing, is_about_the_chat, is_courtesy, without_courtesy
from tests.fakes import FakeReader

NOTHING_ASKED = [
    "Bonjour",
    "bonjour !",
    "Salut, ça va ?",
    "Bonsoir à tous, merci",
    "Merci beaucoup pour ton aide !",
    "D’accord, merci.",
    "d'accord",
    "ok",
    "Non.",
    "Au revoir 👋",
    "Hi there!",
    "Thanks a lot",
    "How are you?",
    "Muchas gracias",
    "Guten Tag",
]
ABOUT_THE_CHAT = [
    *("Qui es-tu ?", "t'es qui ?", "Es-tu une IA ?", "Qui vous a créé ?", "tu t’appelles comment"),
    *(
        "Que peux-tu faire ?",
        "comment tu marches ?",
        "Que puis-je te demander ?",
        "aide",
        "À l'aide !",
        "Aidez-moi",
        "qui etes vous",
    ),
    *("De quoi parlent ces documents ?", "Combien de documents as-tu ?", "Résume les documents", "Que sais-tu ?"),
    *("Quelles sont tes sources ?", "sources ?", "D'où tiens-tu ça ?", "Tu es sûr ?", "vous êtes sûrs ?"),
    *("Bonjour, qui êtes-vous ?", "Pouvez-vous me dire qui vous êtes ?"),
    *("Who are you?", "What can I ask you?", "help", "What are the documents about?", "Are you sure?"),
    *("Where did you find that?", "What do you know?", "¿Quién eres?", "Wer bist du?"),
]
QUESTIONS = [
    *("Quelle aide ?", "Que savez-vous faire pousser ?", "Qu'y a-t-il ?", "Qui vous a dit ça ?", "Où est-il ?"),
    *(
        "Quel est le nom du robot ?",
        "What is it?",
        "« Qui êtes-vous ? »",
        "Comment ça marche ?",
        "Où l'a-t-on trouvé ?",
    ),
    *("Quels documents ont été saisis ?", "Avez-vous trouvé le coupable ?", "help wanted", "What language is spoken?"),
    " ".join(["qui es-tu"] * 13),
    *("Parle-moi de quoi il s’agit", "What can you tell me about what happened?"),
    "Qui a dit merci ?",
    "Merci à qui ?",
    "Que veut dire « bonjour » ?",
    "« Merci »",
    "Savez-vous danser ?",
    "Hello Kitty a quel âge ?",
    "Bonjour tristesse, qui l’a écrit ?",
    "Selon les documents de la CIA, qui a gagné ?",
    "Ça va mal au Mali ?",
    "Super Mario",
    "Une question qui divise, laquelle ?",
    "No. 10 Downing Street, who lives there?",
    "« Merci. » qui l’a dit ?",
    "Please explain what happened",
    "Qui dit non, s’abstient-il ?",
    "Nonante, combien est-ce ?",
]
WRAPPED = [
    ("Bonjour, pouvez-vous me dire qui a signé l'accord ? Merci d'avance.", "qui a signé l'accord ?"),
    ("Bonjour qui a signé ?", "qui a signé ?"),
    ("Peux-tu me dire quand la France est partie ?", "quand la France est partie ?"),
    ("Sais-tu où est Damiba ? stp", "où est Damiba ?"),
    ("Dis-moi combien de tonnes", "combien de tonnes"),
    ("J’aimerais savoir à qui profite le crime merci d’avance", "à qui profite le crime"),
    ("D'après les documents, qui a gagné ?", "qui a gagné ?"),
    ("Qui a gagné, s'il vous plaît ?", "Qui a gagné ?"),
    ("Merci. Et en 2021 ?", "Et en 2021 ?"),
    ("Ok, et le Niger ?", "et le Niger ?"),
    ("Hi! Can you tell me who won the cup, please?", "who won the cup?"),
    ("Could you please tell me how many died? Thanks!", "how many died?"),
    ("According to the documents, what is Wagner?", "what is Wagner?"),
    ("Hola, ¿me puedes decir quién ganó?", "quién ganó?"),
    ("Bonjour, j'ai une petite question : qui a signé ?", "qui a signé ?"),
    ("I was wondering who won", "who won"),
    ("Bonjour, « Malbrough », qui était-ce ?", "« Malbrough », qui était-ce ?"),
    ("Dis-moi « qui » est visé", "« qui » est visé"),
    ("Je voudrais savoir le nom du président", "le nom du président"),
    ("Sais-tu a qui profite le crime ?", "a qui profite le crime ?"),
    ("Parle-moi du Mali", "Mali"),
    ("Bonjour, parlez-moi de l'accord", "accord"),
    ("Que sais-tu sur Wagner ?", "Wagner ?"),
    ("Dis-m'en plus sur « Takuba »", "« Takuba »"),
    ("Tell me more about the grain deal, please", "grain deal"),
    ("Guten Tag, können Sie mir sagen, wer gewonnen hat? Danke!", "wer gewonnen hat?"),
]


@pytest.mark.parametrize("text", NOTHING_ASKED)
def test_a_text_of_courtesies_asks_nothing_and_stays_as_it_is(text):
    assert is_courtesy(text)
    assert without_courtesy(text) == text


@pytest.mark.parametrize("text", ABOUT_THE_CHAT)
def test_what_is_asked_of_the_chat_is_not_asked_of_the_documents(text):
    assert is_about_the_chat(text) and asks_nothing(text) and not is_courtesy(text)


@pytest.mark.parametrize("text", QUESTIONS)
def test_words_that_are_part_of_a_question_stay_in_it(text):
    assert not asks_nothing(text)
    assert without_courtesy(text) == text


@pytest.mark.parametrize(("typed", "asked"), WRAPPED)
def test_what_stands_around_a_question_is_left_out(typed, asked):
    assert not asks_nothing(typed)
    assert without_courtesy(typed) == asked


@given(
    st.lists(st.sampled_from(["merci", "bonjour", "stp", "qui", "?", " ", ", ", ".", "\n", *string.punctuation, "é"]))
)
def test_of_any_text_a_part_is_left_that_can_be_asked(parts):
    text = "".join(parts)
    asked = without_courtesy(text)
    left = iter(text)
    assert all(letter in left for letter in asked)  # in their order; « stp » may go from before a question mark
    assert any(map(str.isalnum, asked)) == any(map(str.isalnum, text))


@pytest.mark.parametrize("text", ["Merci beaucoup !", "Qui es-tu ?"])
def test_what_asks_nothing_is_neither_looked_for_nor_read(passage_index, text):
    class Refusing(FakeReader):
        def read(self, question, hits):
            raise AssertionError(question)

    answer = Answerer(passage_index, reader=Refusing()).ask(text)
    assert answer.asked_nothing and answer.to_json()["asked_nothing"]
    assert not answer.answered and answer.confidence == 0
    assert answer.citations == answer.closest == ()


def test_a_question_is_found_and_read_without_what_stands_around_it(passage_index):
    class Noting(FakeReader):
        def read(self, question, hits):
            self.question = question
            return super().read(question, hits)

    polite, plain = "Bonjour, pouvez-vous me dire qui attend des engrais ? Merci.", "qui attend des engrais ?"
    reader = Noting()
    answer = Answerer(passage_index, reader=reader).ask(polite)
    assert answer.question == polite and answer.read_as == reader.question == plain
    retriever = Retriever(passage_index)
    assert retriever.retrieve(polite) == retriever.retrieve(plain) != retriever.retrieve(polite, as_written=True)


def test_what_comes_after_thanks_follows_on_from_the_question_before(passage_index):
    answerer = Answerer(passage_index, reader=FakeReader())
    first = answerer.ask("Combien de tonnes d'engrais la Russie a-t-elle promises ?")
    thanks = answerer.ask("Merci !", history=[first])
    assert thanks.carried is None
    carried = carry_over("Et en 2021 ?", [first, thanks])
    assert carried is not None and carried == carry_over("Et en 2021 ?", [first])
    assert answerer.ask("Ok merci. Et en 2021 ?", history=[first, thanks]).carried == carried
    doubt = answerer.ask("Tu es sûr ?", history=[first])
    assert doubt.carried is None and carry_over("Et en 2021 ?", [first, doubt]) == carried
    assert carry_over("Et en 2021 ?", [thanks]) is None
