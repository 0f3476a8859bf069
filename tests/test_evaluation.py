from __future__ import annotations

import json
import math
import sys
from dataclasses import replace

import pytest

from index import InputError, PassageIndex, split_passages
from qa import Finding, Span
from qa.baselines import WordReader
from qa.chart import draw
from qa.comparison import compare
from qa.evaluation import NO_READER, Record, evaluate
from qa.measures import MEASURES, columns, figures
from qa.questions import load_questions
from qa.report import (
    comparison_lines,
    comparison_markdown,
    make_report,
    read_records,
    report_lines,
    report_markdown,
    write_json,
)
from qa.retriever import Retriever
from tests.fakes import FakeEmbedder

CONTEXTS = {
    "Engrais": "Le Mali attend des engrais. Le port de Dakar les décharge lundi.",
    "Blé": "Le prix du blé monte. Le Sénégal achète moins de riz.",
    "Coupe": "Senegal won the cup in 2022. The keeper saved two penalties.",
}
QUESTIONS = [
    ("Engrais", "1", "Qui attend des engrais ?", "Mali"),
    ("Engrais", "2", "Quand le port les décharge-t-il ?", "lundi"),
    ("Blé", "3", "Quel prix monte ?", "blé"),
    ("Coupe", "4", "Who won the cup?", "Senegal"),
    ("Coupe", "5", "How many goals did the keeper score?", None),
]


class KnowsThePlaces:
    """Reads the hits' passages sentence by sentence as they come, with a span of so many characters."""

    threshold = 0.5

    def __init__(self, confidence=0.9, spans=True):
        self.confidence, self.spans, self.read_of = confidence, spans, []

    def read(self, question, hits):
        self.read_of.append((question, [hit.document.text for hit in hits]))
        findings = []
        for hit in hits:
            middle = hit.document.text.index(". ") + 1
            for start, end in ((0, middle), (middle + 1, len(hit.document.text))):
                span = Span(3, 7, hit.document.text[3:7]) if self.spans else None
                findings.append(Finding(hit, start, end, hit.score, self.confidence, span))
        return tuple(findings)


@pytest.fixture
def asked(tmp_path):
    articles = []
    for title, context in CONTEXTS.items():
        qas = [
            {
                "id": identifier,
                "question": question,
                "answers": [{"text": answer, "answer_start": context.index(answer)}] if answer else [],
            }
            for of, identifier, question, answer in QUESTIONS
            if of == title
        ]
        articles.append({"title": title, "paragraphs": [{"context": context, "qas": qas}]})
    (tmp_path / "toy.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    return load_questions([tmp_path / "toy.json"])


@pytest.fixture
def passage_index(tmp_path, asked):
    return PassageIndex.build(tmp_path / "index", asked.documents, embedder=FakeEmbedder())


def run(passage_index, asked, reader=None, threshold=0.5, **options):
    return evaluate(passage_index, asked, reader=reader or KnowsThePlaces(), threshold=threshold, **options)


def report_of(passage_index, asked, **options):
    return make_report(
        run(passage_index, asked, **options), asked, model="fake-1", reader="Toy", threshold=0.5, passages=3, samples=20
    )


def record(number, **more):
    return Record(
        **{
            "id": f"q{number}",
            "question": f"Qui {number} ?",
            "file": "f",
            "group": f"g{number}",
            "language": "fr",
            "word": "who",
            "kind": "answerable",
            "answerable": True,
            "masked": False,
            **more,
        }
    )


def test_one_record_a_question_says_what_was_found(passage_index, asked):
    evaluation = run(passage_index, asked)
    assert [one.id for one in evaluation.records] == [f"toy.json:{i}" for i in range(1, 6)]
    first, second, *_, last = evaluation.records
    assert (first.word, first.language, first.answerable, first.relevant) == ("who", "fr", True, 1)
    ranks = [
        hit.rank
        for hit in Retriever(passage_index).retrieve("Qui attend des engrais ?", top_k=20)
        if hit.document.text == CONTEXTS["Engrais"]
    ]
    assert list(first.ranks) == ranks == [1]
    # The answer to the first is in the first sentence, to the second in the second.
    assert first.right == (True, False, False) and second.right == (False, True, False)
    assert (first.exact, first.f1, second.exact) == (1, 1, 0)
    assert first.cited and first.answered and first.confidence == 0.9
    assert (last.answerable, last.ranks, last.right, last.cited, last.exact) == (False, None, (False,) * 3, None, None)
    assert {step: len(several) for step, several in evaluation.timings.items()} == {"retrieve": 5, "read": 5}


def test_what_is_cited_is_what_the_answerer_shows(passage_index, asked):
    silent = run(passage_index, asked, threshold=0.95)
    assert not any(one.answered or one.cited for one in silent.records)
    assert silent.records[0].right[0], "the threshold takes nothing from the order of the sentences"
    first, second, *_, last = silent.records
    assert (first.nearby, second.nearby, last.nearby) == (True, False, None)
    assert {one.nearby for one in run(passage_index, asked).records} == {None}


def test_masked_asks_of_everything_but_the_subject(passage_index, asked):
    reader = KnowsThePlaces()
    evaluation = run(passage_index, asked, reader, masked=True)
    masked = [one for one in evaluation.records if one.masked]
    assert [one.id for one in masked] == [f"toy.json:{i}, masked" for i in range(1, 6)]
    assert all(not one.answerable and one.answered and not any(one.right) and one.ranks is None for one in masked)
    by_question = {}
    for question, texts in reader.read_of:
        by_question.setdefault(question, []).append(texts)
    for title, _, question, _ in QUESTIONS:
        plain, without = by_question[question]
        assert set(plain) == set(CONTEXTS.values())
        assert set(without) == set(CONTEXTS.values()) - {CONTEXTS[title]}
    plain = run(passage_index, asked)
    assert [one for one in evaluation.records if not one.masked] == list(plain.records)


def test_masked_leaves_enough_to_read(tmp_path):
    """A subject of more passages than are read must not leave the reader without any."""
    paragraphs = [{"context": f"Le Mali attend des engrais, dit la note {i}.", "qas": []} for i in range(30)]
    question = {"id": "1", "question": "Qui attend des engrais ?", "answers": [{"text": "Mali", "answer_start": 3}]}
    paragraphs[0]["qas"] = [question]
    others = [
        {"title": f"o{i}", "paragraphs": [{"context": f"Un texte {i} sur rien. Rien.", "qas": []}]} for i in range(7)
    ]
    path = tmp_path / "many.json"
    path.write_text(json.dumps({"data": [{"title": "Mali", "paragraphs": paragraphs}, *others]}), encoding="utf-8")
    asked = load_questions([path])
    passage_index = PassageIndex.build(tmp_path / "many", asked.documents, embedder=FakeEmbedder())
    reader = WordReader()
    heard = []

    class Watching:
        threshold = 0.5

        def read(self, question, hits):
            heard.append([hit.document.text for hit in hits])
            return reader.read(question, hits)

    run(passage_index, asked, Watching(), masked=True)
    assert len(heard[1]) == 5 and all("rien" in text for text in heard[1])


def test_spans_are_not_measured_where_the_reader_gives_none(passage_index, asked):
    evaluation = run(passage_index, asked, KnowsThePlaces(spans=False))
    assert all(one.exact is None and one.f1 is None for one in evaluation.records)
    assert "exact_match" not in figures(evaluation.records, samples=5)


def test_baselines(passage_index, asked):
    evaluation = run(passage_index, asked, baseline=True, masked=True)
    assert list(evaluation.baselines) == ["BM25 alone", "dense alone", NO_READER]
    words, vectors, plain = evaluation.baselines.values()
    assert [one.id for one in words] == [one.id for one in vectors] == [f"toy.json:{i}" for i in range(1, 6)]
    # "attend" and "engrais" stand in one document only, so by words only that one is found.
    assert words[0].ranks == (1,) and words[0].right is None and words[0].confidence is None
    assert plain[0].right[0] and plain[0].ranks is None and plain[0].answered is None
    assert sum(one.masked for one in plain) == 5
    measured = figures(plain, samples=5)
    assert {"hit@1", "auroc", "auroc_masked"} <= set(measured) and "recall@1" not in measured
    assert "needless_silences" not in measured


DISPATCH = (
    "La Russie promet de livrer 300.000 tonnes d’engrais aux pays d’Afrique. Le Mali en recevra la première "
    "cargaison au port de Dakar. Les paysans attendent la livraison avant la saison des pluies."
)


@pytest.mark.parametrize(
    ("number", "is_found"),
    [("300.000", True), ("30.000", False)],
    ids=["its copy holds the answer too", "its copy says another number"],
)
def test_a_passage_that_collapsed_counts_as_found_only_if_its_copy_says_the_same(tmp_path, number, is_found):
    question = "Combien de tonnes d’engrais, trois fois exactement, la Russie promet-elle ?"
    documents = {
        # The question's own words put this one first.
        "copy.txt": DISPATCH.replace("300.000", number) + " Trois fois exactement.",
        "gold.txt": DISPATCH,
        "other.txt": "Le prix du blé monte. Le Sénégal achète moins de riz.",
    }
    for name, text in documents.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    gold = {"id": "1", "question": question, "document": "gold.txt", "quote": DISPATCH.partition(". ")[0] + "."}
    (tmp_path / "q.jsonl").write_text(json.dumps(gold) + "\n", encoding="utf-8")
    asked = load_questions([tmp_path / "q.jsonl"])
    passage_index = PassageIndex.build(tmp_path / "index", asked.documents, embedder=FakeEmbedder())
    first = Retriever(passage_index).retrieve(question)[0]
    assert first.document.text == documents["copy.txt"] and len(first.copies) == 1
    (record,) = run(passage_index, asked, WordReader(), threshold=0.0).records
    assert (record.relevant, record.ranks) == (1, (1,) if is_found else ())
    assert any(record.right) is is_found
    assert record.cited, "the other number is cited beside it"


def test_copies_that_both_hold_the_answer_are_one_passage_to_find(tmp_path):
    quote = DISPATCH.partition(". ")[0] + "."
    for name in ("a", "b"):
        (tmp_path / f"{name}.txt").write_text(f"{DISPATCH} Page {name}.", encoding="utf-8")
    gold = {"id": "1", "question": "Combien de tonnes d’engrais ?", "document": "a.txt", "quote": quote}
    gold["also"] = [{"document": "b.txt", "quote": quote}]
    (tmp_path / "q.jsonl").write_text(json.dumps(gold) + "\n", encoding="utf-8")
    asked = load_questions([tmp_path / "q.jsonl"])
    passage_index = PassageIndex.build(tmp_path / "index", asked.documents, embedder=FakeEmbedder())
    evaluation = run(passage_index, asked, WordReader(), threshold=0.0, baseline=True)
    assert (evaluation.records[0].relevant, evaluation.records[0].ranks) == (1, (1,))
    words = evaluation.baselines["BM25 alone"][0]
    assert (words.relevant, words.ranks) == (2, (1, 2)), "a baseline lists both"


def test_masked_reads_a_copy_of_what_is_taken_away(tmp_path):
    """The copy belongs to no subject that goes, so it is read, and what goes is not."""
    articles = [
        {
            "title": "Engrais",
            "paragraphs": [
                {
                    "context": f"{DISPATCH} Trois fois exactement.",
                    "qas": [
                        {
                            "id": "1",
                            "question": "Qui promet trois fois exactement des engrais ?",
                            "answers": [{"text": "La Russie", "answer_start": 0}],
                        }
                    ],
                }
            ],
        },
        {"title": "Autre", "paragraphs": [{"context": DISPATCH, "qas": []}]},
    ]
    (tmp_path / "toy.json").write_text(json.dumps({"data": articles}), encoding="utf-8")
    asked = load_questions([tmp_path / "toy.json"])
    passage_index = PassageIndex.build(tmp_path / "index", asked.documents, embedder=FakeEmbedder())
    reader = KnowsThePlaces()
    run(passage_index, asked, reader, masked=True)
    assert [texts for _, texts in reader.read_of] == [[f"{DISPATCH} Trois fois exactement."], [DISPATCH]]


def test_the_word_reader_takes_the_sentence_with_the_question_s_words(passage_index):
    hits = Retriever(passage_index).retrieve("Le port de Dakar décharge quoi ?", top_k=3)
    first, *_ = WordReader().read("", hits)
    assert first.text == "Le port de Dakar les décharge lundi."
    assert 0 < first.confidence <= 1
    assert WordReader().read("", []) == ()


def test_the_figures_of_a_worked_example():
    records = [
        record(1, relevant=1, ranks=(1,), right=(True,), cited=True, answered=True, confidence=0.9),
        record(
            2, relevant=2, ranks=(2, 4), right=(False, True), cited=False, nearby=True, answered=False, confidence=0.2
        ),
        record(3, relevant=1, ranks=(), right=(False, False), cited=False, answered=True, confidence=0.8),
        record(4, answerable=False, right=(False,), answered=True, confidence=0.5),
        record(5, answerable=False, right=(False,), answered=False, confidence=0.1),
        record(1, id="m", answerable=False, masked=True, right=(False,), answered=False, confidence=0.3),
    ]
    found = {name: one.value for name, one in figures(records, samples=20).items()}
    expected = {
        "recall@1": 1 / 3,
        "recall@3": 2 / 3,
        "recall@5": 2 / 3,
        "recall@20": 2 / 3,
        "mrr@20": (1 + 1 / 2) / 3,
        "ndcg@10": (1 + (1 / math.log2(3) + 1 / math.log2(5)) / (1 + 1 / math.log2(3))) / 3,
        "hit@1": 1 / 3,
        "hit@3": 2 / 3,
        "cited": 1 / 3,
        # (.9, .2, .8) against (.5, .1): one of six pairs is in the wrong order.
        "auroc": 5 / 6,
        "auroc_masked": 2 / 3,
        # Right: the first of five in the order of confidence.
        "aurc": (0 + 1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 5,
        "ece": (abs(0.9 - 1) + 0.2 + 0.8 + 0.5 + 0.1) / 5,
        "wrong_answers": 2 / 3,
        "false_answers": 1 / 2,
        "false_answers_masked": 0,
        "needless_silences": 1 / 3,
        "nearby": 1,
    }
    assert found == pytest.approx(expected)
    counts = {name: one.count for name, one in figures(records, samples=5).items()}
    assert (counts["recall@1"], counts["auroc"], counts["auroc_masked"]) == (3, 5, 4)
    assert (counts["wrong_answers"], counts["false_answers"], counts["false_answers_masked"]) == (3, 2, 1)


def test_an_interval_holds_its_value_and_is_the_same_again():
    records = [record(i, right=(i % 3 == 0,), confidence=i / 40, answered=True) for i in range(40)]
    found = figures(records, samples=200)
    assert found == figures(records, samples=200)
    for one in found.values():
        assert one.low <= one.value <= one.high
    assert found["hit@1"].low < found["hit@1"].high


def test_a_measure_without_records_is_left_out():
    assert figures([]) == {}
    assert set(figures([record(1, relevant=1, ranks=(1,))], samples=2)) == {
        "recall@1", "recall@3", "recall@5", "recall@20", "mrr@20", "ndcg@10",
    }  # fmt: skip


def test_measures_have_one_name_each_and_need_columns_that_exist():
    table = columns([record(1)])
    assert len({one.name for one in MEASURES}) == len({one.label for one in MEASURES}) == len(MEASURES)
    assert {column for one in MEASURES for column in one.needs} <= set(table)


def better(records, every):
    """Make every so-manyth wrong answer right."""
    return [replace(one, right=(True,)) if i % every == 0 else one for i, one in enumerate(records)]


@pytest.fixture
def some():
    return [
        record(i, right=(i % 2 == 1,), confidence=(i % 7) / 10, answered=True, relevant=1, ranks=(1 + i % 3,))
        for i in range(60)
    ]


def test_a_real_difference_is_called_real_and_luck_is_not(some):
    found = {one.measure.name: one for one in compare(some, better(some, 4), samples=400).differences}
    hit = found["hit@1"]
    assert (hit.before, hit.after, hit.questions) == (0.5, 0.75, 60)
    assert hit.verdict == "better" and hit.p_adjusted < 0.05 and 0 < hit.low < 0.25 < hit.high
    assert found["wrong_answers"].verdict == "better", "lower is better"
    assert found["mrr@20"].verdict == "no difference shown" and found["mrr@20"].p == 1
    back = {one.measure.name: one.verdict for one in compare(better(some, 4), some, samples=400).differences}
    assert back["hit@1"] == "worse" and back["wrong_answers"] == "worse"
    # Two questions of sixty are luck.
    little = {one.measure.name: one for one in compare(some, better(some, 30), samples=400).differences}
    assert little["hit@1"].after > little["hit@1"].before and not little["hit@1"].is_real


def test_only_the_order_of_confidences_counts_where_only_it_should(some):
    """The AUROC of a system whose confidences are all halved is the same, however they are exchanged."""
    some = [replace(one, answerable=i % 3 > 0) for i, one in enumerate(some)]
    halved = [replace(one, confidence=one.confidence / 2) for one in some]
    found = {one.measure.name: one for one in compare(some, halved, samples=200).differences}
    assert (found["auroc"].p, found["aurc"].p) == (1, 1)
    assert found["ece"].before != found["ece"].after


def test_only_the_same_questions_are_paired(some):
    other = [*some[10:50], replace(some[50], question="another"), record(99, right=(True,))]
    comparison = compare(some, other, samples=10)
    assert (comparison.shared, comparison.only_a, comparison.only_b, comparison.changed) == (40, 19, 1, 1)
    with pytest.raises(InputError, match="share no question"):
        compare(some, [record(99)])


def test_what_one_has_not_measured_is_not_compared(some):
    spans = [replace(one, exact=1.0, f1=1.0) for one in some]
    assert "f1" not in {one.measure.name for one in compare(some, spans, samples=10).differences}


def test_the_comparison_says_it_in_plain_words(some):
    comparison = compare(some, better(some, 4), samples=400)
    said = "\n".join(comparison_lines(comparison))
    assert "60 questions asked by both" in said
    assert "Real: the first sentence holds the answer (hit@1): better, 0.500 → 0.750." in said
    assert "may be the luck of the questions" in said
    assert "| better |" in comparison_markdown(comparison)
    json.dumps(comparison.to_json(), allow_nan=False)


def test_a_saved_report_gives_its_records_back(tmp_path, passage_index, asked):
    report = report_of(passage_index, asked, masked=True, baseline=True)
    write_json(report, tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(report))
    evaluation = run(passage_index, asked, masked=True)
    assert read_records(tmp_path / "report.json") == list(evaluation.records)


def test_a_report_is_the_same_apart_from_timings(passage_index, asked):
    def made():
        return json.dumps({**report_of(passage_index, asked, masked=True, baseline=True), "timings_ms": None})

    assert made() == made()


def test_what_a_report_says_of_its_origin(passage_index, asked):
    report = report_of(passage_index, asked, masked=True)
    (file,) = report["files"]
    assert (file["name"], file["answerable"], file["unanswerable"]) == ("toy.json", 4, 1)
    assert report["corpus"] == {"documents": 3, "passages": 3} and "date" not in report
    assert report["asked"] == {"answerable": 4, "unanswerable": 1, "masked": 5}
    assert list(report["figures"]) == ["all", "file", "language", "question word"]
    assert set(report["figures"]["language"]) == {"fr", "en"}
    assert set(report["figures"]["question word"]) == {"who", "when", "which", "how many"}
    points = report["risk_coverage"]
    # All five are equally sure, so they are answered together: two of five first sentences are wrong.
    right = sum(one["right"][0] for one in report["records"] if not one["masked"])
    assert points == [{"coverage": 1.0, "risk": pytest.approx(1 - right / 5), "threshold": 0.9}]
    assert sum(one["questions"] for one in report["reliability"]) == 5


@pytest.mark.parametrize("content", ["{", "[]", '{"form": "another", "records": []}', '{"records": [{"id": 1}]}'])
def test_another_file_is_no_report(tmp_path, content):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match="not a report"):
        read_records(tmp_path / "a.json")
    with pytest.raises(InputError, match="cannot read"):
        read_records(tmp_path / "none.json")


def test_the_report_in_words(passage_index, asked):
    report = report_of(passage_index, asked, masked=True, baseline=True)
    said = "\n".join(report_lines(report))
    assert said.startswith("5 questions (4 answerable, 1 not) over 3 documents in 3 passages; 5 asked once more")
    assert "by language" in said and "BM25 alone" in said and "by file" not in said
    written = report_markdown(report, chart="report.svg")
    assert "## By question word" in written and "![" in written and "French" in written
    assert "![" not in report_markdown(report)


def test_the_chart_is_drawn_and_the_same_again(tmp_path, passage_index, asked):
    report = report_of(passage_index, asked, baseline=True)
    assert draw(report, tmp_path / "a.svg") and draw(report, tmp_path / "b.svg")
    drawn = (tmp_path / "a.svg").read_bytes()
    assert drawn == (tmp_path / "b.svg").read_bytes()
    for words in (b"Risk and coverage", b"Reliability", b"dense alone"):
        assert words in drawn
    assert b"no reader" not in drawn, "it ranks no passages"


def test_without_matplotlib_there_is_no_chart(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert draw({}, tmp_path / "a.svg") is False
    assert list(tmp_path.iterdir()) == []


def test_a_passage_counts_only_if_it_holds_the_answer_whole(tmp_path):
    """Long texts are cut into passages, and only those with the answer are relevant."""
    context = " ".join(f"La phrase {i} ne dit rien de plus que les autres." for i in range(80)) + " Le Mali attend."
    question = {"id": "1", "question": "Qui attend ?"}
    question["answers"] = [{"text": "Mali", "answer_start": context.index("Mali")}]
    data = {"data": [{"title": "t", "paragraphs": [{"context": context, "qas": [question]}]}]}
    (tmp_path / "long.json").write_text(json.dumps(data), encoding="utf-8")
    asked = load_questions([tmp_path / "long.json"])
    passages = split_passages(asked.documents[0])
    holding = [one for one in passages if one.start <= context.index("Mali") and context.index("Mali") + 4 <= one.end]
    assert len(passages) > 2 and 1 <= len(holding) < len(passages)
    passage_index = PassageIndex.build(tmp_path / "long", asked.documents, embedder=FakeEmbedder())
    (found,) = run(passage_index, asked, WordReader()).records
    assert found.relevant == len(found.ranks) == len(holding)
