"""Train a reader on questions with known answers.

The joint model learns on nine topics in ten; on the tenth, which it has not seen, the few numbers
above it are fitted.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import numpy as np

from index import Embedder, InputError, PassageIndex, open_embedder
from index.encoder import open_encoder
from qa.answerer import PASSAGES_READ
from qa.evaluation import is_right
from qa.features import ReaderWeights
from qa.joint import JointModel
from qa.joint_reader import MODEL_FILE, SHIPPED, WEIGHTS_FILE, JointReader
from qa.questions import Question, QuestionFile, load_question_file
from qa.reader import Finding
from qa.retriever import Retriever
from qa.training.examples import Corpus, held_out_topics, topic
from qa.training.fitting import Case, confidence_of, first_of, fit
from qa.training.learning import OnStep, train
from qa.training.settings import TrainingSettings

__all__ = ["SHIPPED", "TrainingSettings", "train_reader"]

# Passages fetched, so that enough are left when those of the question's own topic are taken away.
_DEEP = 300


def train_reader(
    paths: Sequence[Path],
    folder: Path,
    *,
    settings: TrainingSettings,
    practice: Sequence[Path] = (),
    start: Path | None = SHIPPED,
    false_answers: float = 0.18,
    embedder: Embedder | None = None,
    on_step: OnStep | None = None,
) -> None:
    """Train the reader of the folder `start` further, or a new one, and write it to a folder that `open_reader` opens.

    What is worked out on the way is kept there too, so that a run that was stopped goes on from its last
    checkpoint. The reader's threshold lets `false_answers` of the questions about another subject through
    in whichever corpus they are hardest.
    From the questions of the files in `practice` it only learns: they are harder than those that are asked, or
    otherwise unlike them, so that neither its confidence nor its threshold is fitted on them.
    Raises InputError for files that hold fewer than two topics.
    """
    files = [load_question_file(path, name=path.stem) for path in paths]
    exercises = [load_question_file(path, name=path.stem) for path in practice]
    held_out = held_out_topics(files)
    if not any(topic(question) not in held_out for file in files for question in file.questions):
        raise InputError(
            "the questions are all about one text: expected two or more, to learn from one and test on another"
        )
    encoder = open_encoder()
    folder.mkdir(parents=True, exist_ok=True)
    embedder = embedder or open_embedder()
    indexes = [_indexed(file, folder / "work" / file.name, embedder) for file in files]
    model_path = folder / MODEL_FILE
    if not model_path.is_file():
        corpora = [
            Corpus(file, passage_index, encoder, first_layer=settings.first_layer, held_out=held_out)
            for file, passage_index in zip(files, indexes, strict=True)
        ]
        for file in exercises:
            passage_index = _indexed(file, folder / "work" / file.name, embedder)
            corpora.append(Corpus(file, passage_index, encoder, first_layer=settings.first_layer, held_out=frozenset()))
        began = start / MODEL_FILE if start else None
        trained = train(corpora, encoder, folder / "work", settings=settings, start=began, on_step=on_step)
        trained.save(model_path, encoder)
    reader = JointReader(encoder, JointModel.load(model_path, encoder), ReaderWeights({}, {}, 0.0))
    cases = list(read_cases(files, indexes, reader, held_out))
    weights = fit(cases, false_answers=false_answers)
    stored = {
        "made_by": f"sourcier {version('sourcier')}",
        "data_sha256": {file.name: file.sha256 for file in (*files, *exercises)},
        "settings": asdict(settings),
        "false_answers": false_answers,
        "held_out": held_out_figures(cases, weights),
        **asdict(weights),
    }
    (folder / WEIGHTS_FILE).write_text(json.dumps(stored, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _indexed(file: QuestionFile, folder: Path, embedder: Embedder) -> PassageIndex:
    folder.parent.mkdir(parents=True, exist_ok=True)
    passage_index = PassageIndex.open_or_create(folder, embedder=embedder)
    passage_index.add(file.documents)
    return passage_index


def read_cases(
    files: Sequence[QuestionFile], indexes: Sequence[PassageIndex], reader: JointReader, held_out: frozenset[str]
) -> Iterator[Case]:
    """Yield how the reader sees each question of the topics held out, with its topic in the index and without.

    A question that stands in several files is asked in its own language and in one other of them.
    """
    versions: dict[str, list[Question]] = defaultdict(list)
    for file in files:
        for question in file.questions:
            versions[question.id_in_file].append(question)
    for file, passage_index in zip(files, indexes, strict=True):
        retriever = Retriever(passage_index)
        own = {question.group: topic(question) for question in file.questions}
        for question in file.questions:
            if topic(question) not in held_out:
                continue
            same = versions[question.id_in_file]
            other = same[(same.index(question) + 1) % len(same)]
            wordings = dict.fromkeys((question.text, other.text))
            for asked in wordings:
                hits = retriever.retrieve(asked, top_k=_DEEP)
                for other_subject in (False, True):
                    kept = [hit for hit in hits if not (other_subject and own.get(hit.document.id) == topic(question))]
                    features = reader.features(asked, kept[:PASSAGES_READ])
                    if features.read:
                        right = [
                            not other_subject and is_right(question, Finding(one.hit, one.start, one.end, 0.0))
                            for one in features.read
                        ]
                        yield Case(
                            file.name,
                            features,
                            np.array(right),
                            bool(question.answers),
                            other_subject,
                            share=1 / (len(same) * len(wordings)),
                        )


def held_out_figures(cases: Sequence[Case], weights: ReaderWeights) -> dict[str, float]:
    """Return how well the fitted reader does on the topics held out, which it was fitted on."""
    answerable = [case for case in cases if case.answerable and not case.other_subject]
    others = [case for case in cases if case.other_subject]
    first = [first_of(case, dict(weights.sentence))[1] for case in answerable]
    silent = [confidence_of(case, weights) < weights.threshold for case in answerable]
    answered = [confidence_of(case, weights) >= weights.threshold for case in others]
    return {
        "answerable questions": len(answerable),
        "sentence hit@1": round(float(np.mean(first)), 4),
        "needless silence": round(float(np.mean(silent)), 4),
        "false answers, other subject": round(float(np.mean(answered)), 4),
    }
