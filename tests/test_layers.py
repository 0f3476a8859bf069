"""Layers as they are read with, beside those that are trained."""

from __future__ import annotations

import pytest
import torch

from index import layers as module
from index.layers import ReadingLayer, TransformerLayer, padded_length

CLOSE = {torch.float32: 1e-5, torch.bfloat16: 0.05}


@pytest.fixture
def layer():
    torch.manual_seed(3)
    return TransformerLayer(64, 128, heads=4, epsilon=1e-12).eval()


@pytest.fixture
def x():
    return torch.randn(2, 16, 64, generator=torch.Generator().manual_seed(4))


@pytest.mark.parametrize("precision", CLOSE)
@pytest.mark.parametrize("packs", [True, False])
@torch.inference_mode()
def test_a_layer_reads_as_it_was_trained(layer, x, precision, packs, monkeypatch):
    if not packs:
        monkeypatch.setattr(module, "packs_matrices", lambda: False)
    reading = ReadingLayer(layer, precision, torch.device("cpu"))
    attend = torch.ones(2, 1, 1, 16, dtype=torch.bool)
    attend[1, ..., 9:] = False
    found, expected = reading(x, attend), layer(x, attend)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found[0], expected[0], atol=CLOSE[precision], rtol=0)
    torch.testing.assert_close(found[1, :9], expected[1, :9], atol=CLOSE[precision], rtol=0)
    # What stands outside the text changes nothing in it.
    other = x.clone()
    other[1, 9:] = 5
    torch.testing.assert_close(reading(other, attend)[1, :9], found[1, :9], atol=1e-6, rtol=0)
    torch.testing.assert_close(reading(x, None)[0], found[0], atol=CLOSE[precision], rtol=0)


def test_its_norms_are_its_own(layer):
    reading = ReadingLayer(layer, torch.float32, torch.device("cpu"))
    shape, weight, _, _ = reading._mix_norm
    assert shape == (64,) and weight.data_ptr() != layer.mix_norm.weight.data_ptr()


def test_lengths_are_padded_to_what_is_fast():
    assert [padded_length(tokens) for tokens in (1, 16, 17, 512)] == [16, 16, 32, 512]
