"""The trained model: its arithmetic on small examples, and the shipped one as a user has it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from index import InputError, PassageIndex, make_document
from index.encoder import TokenStates, open_encoder
from qa import Retriever, open_reader
from qa.joint import Asked, Batch, JointModel, Pair, best_span, log_sum_exp
from qa.joint_reader import answering

TEXT = (
    "Le ministre malien a reçu mardi son homologue à Bamako. La Russie livrera 300.000 tonnes d’engrais en 2023. "
    "Le port de Dakar décharge du riz. La pluie est attendue demain."
)


def states(*rows, width=4, words=None):
    offsets = np.array(words or [(i, i + 1) for i in range(len(rows))])
    return TokenStates(torch.nn.functional.one_hot(torch.tensor(rows), width).float(), offsets)


def test_function_words_do_not_count():
    asked = Asked.of("le riz", states(0, 1, words=[(0, 2), (3, 6)]))
    assert asked.weights.tolist() == [0, 1]
    # Nothing but function words: then they count alike.
    assert Asked.of("où le", states(0, 1, words=[(0, 2), (3, 5)])).weights.tolist() == [0.5, 0.5]


def test_match_is_the_weighted_best_cosine():
    asked = Asked("où le", states(0, 1), torch.tensor([0.25, 0.75]))
    pair = Pair.of(asked, states(2, 0, 1, 3), [(0, 2), (2, 4), (9, 12)])
    assert pair.sentences == [(0, 2), (2, 4), (0, 0)]
    # The first sentence holds the first token, the second the second, and with the one before both.
    assert pair.match[:2].tolist() == [[0.25, 0.25], [0.75, 1.0]]
    assert pair.nearest.tolist() == [1, 1, 0, 1, 1, 0]


def test_a_batch_pads_and_numbers_its_sentences():
    asked = Asked("où", states(0), torch.tensor([1.0]))
    batch = Batch.of([Pair.of(asked, states(1, 2), [(0, 1), (1, 2)]), Pair.of(asked, states(3), [(0, 1)])])
    assert batch.kind[:, :4].tolist() == [[0, 1, 1, -1], [0, 1, -1, -1]]
    assert batch.sentence[:, :4].tolist() == [[-1, 0, 1, -1], [-1, 2, -1, -1]]
    assert batch.kind.shape[1] == 16 and (batch.kind[:, 4:] == -1).all() and (batch.sentence[:, 4:] == -1).all()
    assert batch.owner.tolist() == [0, 0, 1]


def test_log_sum_exp_of_groups():
    found = log_sum_exp(torch.tensor([1.0, 2.0, -3.0]), torch.tensor([0, 0, 2]), 3)
    np.testing.assert_allclose(found[[0, 2]], [np.log(np.exp(1) + np.exp(2)), -3], atol=1e-6)
    assert found[1] < -1000


def test_the_best_span_is_no_longer_than_allowed():
    start, end = np.array([1.0, 5.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0, 4.0])
    assert best_span(start, end, longest=4) == (1, 3)
    assert best_span(start, end, longest=2) == (1, 1)
    for size in range(1, 7):
        start, end = np.random.default_rng(size).normal(size=(2, size))
        pairs = [(start[i] + end[j], i, j) for i in range(size) for j in range(i, min(i + 3, size))]
        assert best_span(start, end, longest=3) == max(pairs)[1:]


@pytest.mark.slow
def test_padding_and_company_change_nothing():
    encoder = open_encoder()
    model = JointModel.untrained(encoder, first_layer=11).eval()
    asked = Asked.of("Qui ?", encoder.read("Qui ?", prompt="query: ", layers=11))
    pairs = [
        Pair.of(asked, encoder.read(text, prompt="passage: ", layers=11), [(0, len(text))]) for text in (TEXT, "Dakar.")
    ]
    with torch.inference_mode():
        together, alone = model(Batch.of(pairs)), [model(Batch.of([pair])) for pair in pairs]
    np.testing.assert_allclose(together.sentence, torch.cat([one.sentence for one in alone]), atol=1e-4)


@pytest.mark.slow
def test_a_saved_model_comes_back(tmp_path):
    encoder = open_encoder()
    model = JointModel.untrained(encoder, first_layer=10)
    with torch.no_grad():
        model.layers[0].widen.weight += 0.02 * torch.randn_like(model.layers[0].widen.weight)
        model.layers[1].query.weight[3] += torch.linspace(-1, 1, 384)
    model.save(tmp_path / "m.safetensors", encoder)
    again = JointModel.load(tmp_path / "m.safetensors", encoder)
    assert again.first_layer == 10 and not again.training
    for name, tensor in model.state_dict().items():
        if tensor.ndim == 2 and name.startswith("layers."):
            own = encoder.layers[10 + int(name.split(".")[1])].state_dict()[name.split(".", 2)[2]]
            step = (tensor - own).abs().amax(dim=1, keepdim=True) / 127
            assert (again.state_dict()[name] - tensor).abs().le(0.5 * step + 1e-6).all(), name
        else:
            np.testing.assert_allclose(again.state_dict()[name], tensor, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
def test_a_model_from_a_lower_layer_on_has_the_encoders_layers_below_its_own():
    encoder = open_encoder()
    model = JointModel.untrained(encoder, first_layer=11)
    with torch.no_grad():
        model.layers[0].widen.weight += 1
    deeper = model.from_layer(9, encoder)
    assert (deeper.first_layer, len(deeper.layers)) == (9, 3)
    for number, layer in enumerate((encoder.layers[9], encoder.layers[10], model.layers[0])):
        for name, tensor in layer.state_dict().items():
            assert torch.equal(deeper.layers[number].state_dict()[name], tensor), (number, name)
    for name, tensor in model.state_dict().items():
        assert name.startswith("layers.") or torch.equal(deeper.state_dict()[name], tensor), name


@pytest.mark.slow
def test_attention_to_train_is_the_same_attention():
    layer = open_encoder().layers[3]
    states, attend = torch.randn(2, 9, 384), torch.rand(2, 1, 1, 9) < 0.7
    attend[..., 0] = True
    with torch.inference_mode():
        np.testing.assert_allclose(layer.copied(dropout=0.0).train()(states, attend), layer(states, attend), atol=1e-4)


@pytest.mark.slow
def test_another_file_is_no_reader(tmp_path):
    for content in (b"", b"{}", b"PK\x03\x04 archive"):
        (tmp_path / "m.safetensors").write_bytes(content)
        with pytest.raises(InputError, match="is not a trained reader"):
            JointModel.load(tmp_path / "m.safetensors", open_encoder())
    with pytest.raises(InputError, match="expected those of `sourcier train-reader`"):
        open_reader(tmp_path / "nowhere")


@pytest.fixture(scope="module")
def findings(tmp_path_factory):
    passage_index = PassageIndex.build(tmp_path_factory.mktemp("joint") / "i", [make_document(TEXT)])
    question = "Combien de tonnes d'engrais seront livrées ?"
    return open_reader().read(question, Retriever(passage_index).retrieve(question))


@pytest.mark.slow
def test_the_shipped_reader_finds_the_sentence_and_the_span(findings):
    assert len(findings) == 4
    first = findings[0]
    assert first.text == "La Russie livrera 300.000 tonnes d’engrais en 2023."
    assert "300.000" in first.span.text and first.confidence > 0.5 > findings[-1].confidence
    for finding in findings:
        assert finding.start <= finding.span.start < finding.span.end <= finding.end
        assert TEXT[finding.span.start : finding.span.end] == finding.span.text
    assert [f.score for f in findings] == sorted((f.score for f in findings), reverse=True)


@pytest.mark.slow
def test_what_a_title_says_is_read_with_each_passage(tmp_path):
    """The answer is surer, and still no word of the title is quoted."""
    text = "La terre a tremblé vendredi soir, et des villages ont disparu. On compte 2\u00a0900 morts."
    question = "Combien de morts a fait le séisme au Maroc ?"
    firsts = {}
    for title in ("Séisme au Maroc", "Élections au Pérou"):
        passage_index = PassageIndex.build(tmp_path / title, [make_document(text, title=title)])
        firsts[title], *others = open_reader().read(question, Retriever(passage_index).retrieve(question))
        assert len(others) == 1
    right, wrong = firsts.values()
    assert right.text == wrong.text == "On compte 2\u00a0900 morts." and right.span.text in right.text
    assert right.confidence > wrong.confidence + 0.1


@pytest.mark.slow
def test_a_passage_read_before_reads_the_same(tmp_path):
    passage_index = PassageIndex.build(tmp_path / "i", [make_document(TEXT), make_document("Il pleut à Dakar.")])
    reader, retriever = open_reader(), Retriever(passage_index)
    first, *_, last = [reader.read(q, retriever.retrieve(q)) for q in ("Qui pleut ?", "Où ?", "Dakar ?", "Qui pleut ?")]
    assert first == last


@pytest.mark.slow
@pytest.mark.parametrize(("sure", "read"), [(0.0, 4), (1.0, 6)])
def test_where_the_first_passages_surely_answer_no_more_are_read(tmp_path, monkeypatch, sure, read):
    monkeypatch.setattr("qa.joint_reader._SURE", sure)
    documents = [make_document(f"À Dakar il est tombé {mm} millimètres de pluie.") for mm in range(20, 80, 10)]
    passage_index = PassageIndex.build(tmp_path / "i", documents)
    question, reader = "Combien de pluie est-il tombé à Dakar ?", open_reader()
    hits = Retriever(passage_index).retrieve(question, top_k=6)
    found = reader.read(question, hits)
    assert sorted(one.hit.rank for one in found) == list(range(1, read + 1))
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
    assert len(reader.features(question, hits).read) == 6


@pytest.mark.slow
def test_no_hits_is_no_answer():
    assert open_reader().read("Qui ?", []) == ()


FAQ = (
    "Combien coûte l’abonnement ? Neuf euros par mois. Comment le résilier ? Il suffit d’écrire au journal. "
    "Qui a droit au tarif étudiant ? Toute personne de moins de vingt-six ans. Et les autres ?"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Combien coûte l’abonnement ?", "Neuf euros par mois."),
        ("Qui peut avoir le tarif étudiant ?", "Toute personne de moins de vingt-six ans."),
    ],
)
def test_a_question_of_a_document_is_answered_by_the_sentence_after_it(tmp_path, question, answer):
    passage_index = PassageIndex.build(tmp_path / "i", [make_document(FAQ)])
    hits = Retriever(passage_index).retrieve(question)
    found = open_reader().read(question, hits)
    assert found[0].text == answer and found[0].confidence > 0.3
    assert not [one.text for one in found if one.text.endswith("?")]
    assert [FAQ[lead:start].strip() for lead, start, _ in answering(hits[0])] == [
        "Combien coûte l’abonnement ?",
        "Comment le résilier ?",
        "Qui a droit au tarif étudiant ?",
    ]
