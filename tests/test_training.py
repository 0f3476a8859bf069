from __future__ import annotations

import json
import random
from dataclasses import replace

import numpy as np
import pytest
import torch

from index import InputError, PassageIndex
from index.encoder import TokenStates, open_encoder
from qa import open_reader
from qa.features import CONFIDENCE, RANKING
from qa.joint import JointModel
from qa.questions import load_question_file
from qa.training import TrainingSettings, read_cases, train_reader
from qa.training.examples import Corpus, Shown, cropped, examples_of_an_epoch, held_out_topics, without_answer
from qa.training.learning import loss_of, train

NAMES = [
    "Awa",
    "Binta",
    "Cheikh",
    "Djibril",
    "Fatou",
    "Ibrahima",
    "Kadi",
    "Lamine",
    "Mariam",
    "Ousmane",
    "Penda",
    "Salif",
]
TRADES = ["tisse des nattes", "vend du sel", "forge des houes", "pêche la carpe", "sculpte le bois", "cuit des jarres"]
QUICK = TrainingSettings(steps=48, batch=4, first_layer=11, learning_rate=1e-3, head_learning_rate=1e-2)


@pytest.fixture
def toy(tmp_path):
    """A file of twelve villages whose trades are told in sentences of one form."""
    rng, articles = random.Random(7), []
    for number, name in enumerate(NAMES):
        people = rng.sample(NAMES, 4)
        sentences = [f"{person} {trade}." for person, trade in zip(people, rng.sample(TRADES, 4), strict=True)]
        context = f"Voici le village {number} de {name}. " + " ".join(sentences)
        questions = [
            {
                "id": f"{number}-{person}",
                "question": f"Que fait {person} au village {number} ?",
                "answers": [{"text": s.partition(" ")[2][:-1], "answer_start": context.index(s) + len(person) + 1}],
            }
            for person, s in zip(people, sentences, strict=True)
        ]
        questions.append(
            {"id": f"{number}-x", "question": f"Que fait le roi {number} ?", "answers": [], "is_impossible": True}
        )
        articles.append({"title": f"village {number}", "paragraphs": [{"context": context, "qas": questions}]})
    path = tmp_path / "toy.json"
    path.write_text(json.dumps({"data": articles}), encoding="utf-8")
    return path


@pytest.fixture
def corpus(toy, tmp_path, embedder):
    file = load_question_file(toy)
    passage_index = PassageIndex.build(tmp_path / "toy-index", file.documents, embedder=embedder)
    return Corpus(file, passage_index, open_encoder(), first_layer=11, held_out=held_out_topics([file]))


def test_held_out_topics_are_few_and_stay_the_same(toy):
    file = load_question_file(toy)
    held_out = held_out_topics([file])
    assert 1 <= len(held_out) <= 4 and held_out == held_out_topics([file])
    assert held_out < {question.article for question in file.questions}


@pytest.mark.slow
def test_examples_show_the_answer_and_something_else(corpus, toy):
    batches = list(examples_of_an_epoch([corpus], QUICK, random.Random(0)))
    examples = [example for batch in batches for example in batch]
    held_out = held_out_topics([load_question_file(toy)])
    assert len(examples) == 5 * (12 - len(held_out))
    answerable = [example for example in examples if any(shown.answers for shown in example.shown)]
    assert len(answerable) >= 0.5 * len(examples)
    # Of some the sentence that answers was taken away.
    assert any(len(shown.sentences) == 4 for example in examples for shown in example.shown)
    for example in answerable:
        assert [len(shown.right) for shown in example.shown] == [1, 0]
    assert next(examples_of_an_epoch([corpus], QUICK, random.Random(0)))[0].question == batches[0][0].question


@pytest.mark.slow
def test_an_altered_question_is_shown_the_whole_passage_as_one_that_does_not_answer(corpus, toy):
    settings = replace(QUICK, altered=1.0, masked=1.0, removed=1.0, restated=0.0, noisy=0.0, follow_ups=0.0, whole=1.0)
    batches = examples_of_an_epoch([corpus], settings, random.Random(0))
    examples = [example for batch in batches for example in batch]
    asked = {question.text for question in load_question_file(toy).questions}
    altered = [example for example in examples if example.question not in asked]
    assert len(altered) >= 20
    for example in altered:
        assert not any(shown.answers for shown in example.shown) and len(example.shown[0].sentences) == 5


@pytest.mark.slow
def test_a_sentence_that_says_the_question_again_is_added_as_one_that_does_not_answer(corpus, toy):
    settings = replace(QUICK, restated=1.0, masked=0.0, removed=0.0, altered=0.0, noisy=0.0, follow_ups=0.0, whole=1.0)
    asked = {question.text: question for question in load_question_file(toy).questions if question.answers}
    seen = 0
    for batch in examples_of_an_epoch([corpus], settings, random.Random(0)):
        for question, shown in ((example.question, example.shown[0]) for example in batch):
            if question not in asked:
                continue
            seen += 1
            sentences = [shown.text[start:end] for start, end in shown.sentences]
            said = [sentence for sentence in sentences if f"fait {question.split()[2]} au village" in sentence]
            assert len(sentences) == 6 and len(said) == 1 and list(shown.sentences) == sorted(shown.sentences)
            assert [shown.text[start:end] in TRADES for start, end in shown.answers] == [True]
            assert [sentences[number].startswith(question.split()[2]) for number in shown.right] == [True]
            # It is read with the rest.
            assert shown.states.offsets.max() == len(shown.text)
    assert seen >= 20


@pytest.mark.slow
def test_a_passage_is_cut_whether_it_answers_or_not(corpus):
    """Or the model would learn that what is long does not answer."""
    settings = replace(QUICK, crop=30, whole=0.0, masked=0.0, removed=0.0, altered=0.0)
    batches = examples_of_an_epoch([corpus], settings, random.Random(0))
    examples = [example for batch in batches for example in batch]
    unanswered = [example for example in examples if not any(shown.answers for shown in example.shown)]
    assert 0 < len(unanswered) < len(examples)
    assert max(example.tokens for example in unanswered) <= 30
    assert max(example.tokens for example in examples) <= 30


@pytest.mark.slow
def test_a_follow_up_begins_with_words_of_another_question_on_the_same_document(corpus, toy):
    settings = replace(QUICK, altered=0.0, noisy=0.0, follow_ups=1.0)
    by_text = {question.text: question for question in load_question_file(toy).questions}
    for batch in examples_of_an_epoch([corpus], settings, random.Random(0)):
        for example in batch:
            before, _, own = example.question.rpartition("Que fait")
            words = set(before.split())
            same = [q for q in by_text.values() if q.group == by_text[f"Que fait{own}"].group]
            assert words and any(words <= set(q.text.split()) for q in same if q.text != f"Que fait{own}")


def test_a_crop_is_whole_sentences_around_the_answer():
    words = [(i, i + 1) for i in range(60)]
    shown = Shown(
        "",
        "x" * 60,
        TokenStates(torch.zeros(60, 2), np.array(words)),
        tuple((i, i + 10) for i in range(0, 60, 10)),
        ((33, 35),),
        True,
    )
    for seed in range(20):
        crop = cropped(shown, 25, random.Random(seed))
        assert len(crop.states.states) == 20 and len(crop.sentences) == 2
        assert (30, 40) in crop.sentences and crop.states.offsets[0, 0] == crop.sentences[0][0]
    assert cropped(shown, 60, random.Random(0)) is shown
    titled = replace(shown, states=TokenStates(torch.zeros(63, 2), np.array([(-4, -2), (-1, 0), (0, 0), *words])))
    crop = cropped(titled, 25, random.Random(0))
    assert crop.states.offsets[:2].tolist() == [[-4, -2], [-1, 0]] and len(crop.states.states) == 22


def test_without_its_answer_a_passage_keeps_its_other_sentences():
    text = "Awa tisse. Il pleut. Demba tisse aussi."
    sentences = ((0, 10), (11, 20), (21, 39))
    states = TokenStates(torch.arange(39.0)[:, None], np.array([(i, i + 1) for i in range(39)]))
    left = without_answer(Shown("", text, states, sentences, ((4, 9),), True))
    assert (left.sentences, left.answers) == (((11, 20),), ())
    # What stands between sentences stays, as what stands before the first.
    assert left.states.states[:, 0].tolist() == left.states.offsets[:, 0].tolist() == [10, *range(11, 21)]
    nothing_left = Shown("", text, states, ((0, 39),), ((4, 9),), True)
    assert without_answer(nothing_left) is nothing_left
    over_an_end = Shown("", text, states, sentences, ((4, 15),), True)
    assert without_answer(over_an_end) is over_an_end


@pytest.mark.slow
def test_the_loss_is_lower_for_the_right_sentence(corpus):
    """The gradient raises what answers: after a few steps on one batch the loss has fallen."""
    encoder = open_encoder()
    torch.manual_seed(0)
    model = JointModel.untrained(encoder, first_layer=11)
    batch = next(examples_of_an_epoch([corpus], QUICK, random.Random(0)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(12):
        loss = loss_of(model, batch, encoder, torch.device("cpu"))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]


@pytest.mark.slow
def test_training_in_float16_begins_as_in_float32(corpus, tmp_path, monkeypatch):
    """And gets better, once a scale that is too large has been taken down."""
    monkeypatch.setattr("qa.training.learning._SCALE_AT_FIRST", 2.0**26)

    def losses(precision, folder):
        for module in ("qa.joint", "qa.training.learning"):
            monkeypatch.setattr(f"{module}.training_precision", lambda on: precision)
        folder.mkdir(exist_ok=True)
        settings, found = replace(QUICK, dropout=0.0), []
        train(
            [corpus],
            open_encoder(),
            folder,
            settings=settings,
            start=None,
            on_step=lambda step, steps, loss: found.append(loss),
        )
        return found

    whole, half = losses(torch.float32, tmp_path / "whole"), losses(torch.float16, tmp_path / "half")
    assert half != whole and half[0] == pytest.approx(whole[0], rel=0.02)
    assert np.mean(half[-5:]) < 0.8 * np.mean(half[:5])
    # A run may go on where another precision is faster; this one has nothing left to do.
    assert losses(torch.float16, tmp_path / "whole") == losses(torch.float32, tmp_path / "half") == []


@pytest.mark.slow
def test_training_on_a_toy_set_gets_better_and_can_be_resumed(toy, tmp_path, embedder, monkeypatch):
    seen, folder = [], tmp_path / "reader"
    monkeypatch.setattr("qa.training.learning._CHECKPOINT_EVERY", 5)

    def stop_at_seven(step, steps, loss):
        seen.append((step, loss))
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_reader([toy], folder, settings=QUICK, start=None, embedder=embedder, on_step=stop_at_seven)
    with pytest.raises(InputError, match="other settings"):
        train_reader([toy], folder, settings=replace(QUICK, steps=QUICK.steps + 1), start=None, embedder=embedder)
    resumed = []
    train_reader(
        [toy], folder, settings=QUICK, start=None, embedder=embedder, on_step=lambda *step: resumed.append(step)
    )
    assert [step for step, _, _ in resumed] == list(range(6, QUICK.steps + 1))
    # The two steps done twice are the same ones.
    np.testing.assert_allclose([loss for _, _, loss in resumed[:2]], [loss for _, loss in seen[5:]], rtol=1e-3)
    losses = [loss for _, loss in seen] + [loss for _, _, loss in resumed[2:]]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
    stored = json.loads((folder / "reader.json").read_text(encoding="utf-8"))
    assert set(stored["sentence"]) == set(RANKING) and set(stored["confidence"]) == {*CONFIDENCE, "bias"}
    assert 0 <= stored["held_out"]["sentence hit@1"] <= 1
    assert open_reader(folder).threshold == stored["threshold"]
    # Taught further it begins where it was, also by questions that nothing is fitted on.
    further, harder = [], tmp_path / "harder.json"
    harder.write_text(toy.read_text(encoding="utf-8").replace("village", "hameau"), encoding="utf-8")
    train_reader(
        [toy],
        tmp_path / "further",
        practice=[harder],
        settings=replace(QUICK, steps=2),
        start=folder,
        embedder=embedder,
        on_step=lambda *step: further.append(step),
    )
    assert further[0][2] < 0.8 * np.mean(losses[:5])
    taught = json.loads((tmp_path / "further" / "reader.json").read_text(encoding="utf-8"))
    assert set(taught["data_sha256"]) == {"toy", "harder"}
    assert taught["held_out"]["answerable questions"] == stored["held_out"]["answerable questions"]
    # It may be deepened, not made shallower.
    deeper = replace(QUICK, first_layer=10, steps=1)
    train_reader([toy], tmp_path / "deeper", settings=deeper, start=folder, embedder=embedder)
    assert JointModel.load(tmp_path / "deeper" / "reader.safetensors", open_encoder()).first_layer == 10
    with pytest.raises(InputError, match="trained from layer 10 on: expected 11 or a higher one"):
        train_reader([toy], tmp_path / "other", settings=QUICK, start=tmp_path / "deeper", embedder=embedder)


def test_a_question_of_two_files_is_seen_in_parts_that_make_one(toy, tmp_path, embedder):
    again = tmp_path / "again.json"
    again.write_text(toy.read_text(encoding="utf-8").replace("Que fait", "What does"), encoding="utf-8")
    files = [load_question_file(path, name=path.stem) for path in (toy, again)]
    held_out = held_out_topics(files)
    indexes = [PassageIndex.build(tmp_path / file.name, file.documents, embedder=embedder) for file in files]
    cases = [one for one in read_cases(files, indexes, open_reader(), held_out) if not one.other_subject]
    asked = {question.id_in_file for question in files[0].questions if question.article in held_out}
    assert len(cases) > 2 * len(asked)
    assert sum(one.share for one in cases) == pytest.approx(len(asked))


def test_one_topic_is_not_enough(tmp_path, embedder):
    context = "Awa tisse des nattes."
    asked = {"id": "1", "question": "Que fait Awa ?", "answers": [{"text": "tisse", "answer_start": 4}]}
    path = tmp_path / "one.json"
    path.write_text(json.dumps({"data": [{"title": "a", "paragraphs": [{"context": context, "qas": [asked]}]}]}))
    with pytest.raises(InputError, match="expected two or more"):
        train_reader([path], tmp_path / "reader", settings=QUICK, embedder=embedder)
