from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from index import PassageIndex
from index.store import FILE_NAME
from tests.fakes import FakeEmbedder, FakeReader
from ui.cli import app, main

runner = CliRunner()


@pytest.fixture(autouse=True)
def fake_model(monkeypatch):
    for module in ("index.passage_index", "ui.cli"):
        monkeypatch.setattr(f"{module}.open_embedder", lambda *_: FakeEmbedder())
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "mali.txt").write_text(" date 2022-10 Le Mali attend des engrais.", encoding="utf-8")
    (tmp_path / "docs" / "ble.md").write_text("# Le blé\n\nLe prix du blé monte.", encoding="utf-8")
    return tmp_path


def run(*arguments):
    result = runner.invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def fail(capsys, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["sourcier", *map(str, arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    assert printed.out == ""
    return caught.value.code, printed.err


@pytest.fixture
def indexed(folder):
    run("index", folder / "docs", "--index", folder / "index")
    return folder / "index"


def test_index_says_what_it_did_and_does_not_double(folder, indexed):
    said = run("index", folder / "docs", "--index", indexed)
    assert said == f"2 documents read; {indexed} now holds 2 documents in 2 passages.\n"


def test_ask_prints_quotes_and_where_they_stand(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 0.0))
    said = run("ask", "Que fait le Mali ?", "--index", indexed)
    assert "Le Mali attend des engrais. [1]" in said
    assert "[1] Le Mali attend des engrais., 2022-10, mali.txt, caractères 14-41" in said


def test_ask_says_that_the_documents_do_not_say(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 1.0))
    said = run("ask", "What does the country of Mali do?", "--index", indexed)
    assert said.startswith("The documents do not say. Medium confidence · ")
    assert "The closest passages are not answers:" in said and "characters 14-41" in said


def test_ask_speaks_the_language_of_the_question(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 1.0))
    said = run("ask", "Que fait le Mali ?", "--index", indexed)
    assert said.startswith("Les documents ne le disent pas. Confiance moyenne · ")
    assert "Les passages les plus proches" in said and "characters" not in said
    assert run("ask", "Mali ?", "--index", indexed).startswith("The documents do not say.")


def test_ask_says_which_time_it_looked_at(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 0.0))
    said = run("ask", "Que fait le Mali le mois dernier ?", "--index", indexed)
    assert said.startswith(
        "Passages de cette date d’abord\u00a0: septembre 2022. "
        "«\u00a0le mois dernier\u00a0» est compté depuis le document le plus récent (octobre 2022).\n"
    )


def test_json_is_what_python_gives(indexed):
    asked = json.loads(run("ask", "Que fait le Mali ?", "--index", indexed, "--json"))
    told = {"question", "answered", "confidence", "text", "citations", "closest", "carried", "period", "timings_ms"}
    assert set(asked) == told
    found = json.loads(run("search", "le blé", "--index", indexed, "--json", "--top-k", "1"))
    assert found["question"] == "le blé"
    assert [hit["rank"] for hit in found["hits"]] == [1]
    assert found["hits"][0]["document"]["title"] == "Le blé"


def test_copies_are_counted_and_the_first_named(folder):
    text = "Le Mali attend trois cargaisons d’engrais au port de Dakar avant la saison des pluies."
    for number in range(6):
        (folder / "docs" / f"copy{number}.md").write_text(f"# Journal {number}\n\n{text}\n", encoding="utf-8")
    run("index", folder / "docs", "--index", folder / "index")
    question = "Combien de cargaisons d’engrais le Mali attend-il ?"
    said = run("ask", question, "--index", folder / "index")
    assert "    Aussi dans 5\u00a0autres sources\u00a0:\n      Journal " in said
    assert said.count(f"{13 + len(text)}\n") == 4 and "      et 2 de plus\n" in said
    said = run("search", question, "--index", folder / "index", "--top-k", "1")
    assert said.count(text) == 1 and said.startswith("1. Journal ")
    assert "\nAlso in 5\u00a0other sources: Journal " in said and said.endswith(", and 2 more\n")
    (hit,) = json.loads(run("search", question, "--index", folder / "index", "--top-k", "1", "--json"))["hits"]
    assert [copy["rank"] for copy in hit["copies"]] == [2, 3, 4, 5, 6]
    assert {copy["passage"]["text"] for copy in hit["copies"]} == {text}
    (citation, *_) = json.loads(run("ask", question, "--index", folder / "index", "--json"))["citations"]
    assert [one["quote"] for one in citation["also_in"]] == [text] * 5


def test_info(indexed):
    said = run("info", "--index", indexed)
    assert "documents  2" in said and "dates      2022-10 to 2022-10" in said and "model      fake" in said


@pytest.fixture
def questions(folder):
    asked = [
        {"id": "1", "question": "Que fait le Mali ?", "document": "mali.txt", "quote": "Le Mali attend des engrais."},
        {"id": "2", "question": "Que fait le prix du blé ?", "document": "ble.md", "quote": "Le prix du blé monte."},
        {"id": "3", "question": "Qui a gagné la coupe ?", "document": None},
    ]
    path = folder / "docs" / "questions.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in asked), encoding="utf-8")
    return path


def test_evaluate_saves_a_report_and_compares_two(folder, questions):
    said = run("evaluate", questions, "--masked", "--baseline", "--out", folder / "a", "--date", "2026-11-23")
    assert said.startswith("3 questions (2 answerable, 1 not) over 2 documents in 2 passages; 2 asked once more")
    assert f"Saved {folder / 'a' / 'report.json'}, {folder / 'a' / 'report.md'}, {folder / 'a' / 'report.svg'}." in said
    assert {path.name for path in (folder / "a").iterdir()} == {"report.json", "report.md", "report.svg"}
    report = json.loads((folder / "a" / "report.json").read_text(encoding="utf-8"))
    assert (report["date"], report["model"], report["reader"]) == ("2026-11-23", "fake-1", "FakeReader")
    assert report["figures"]["all"]["recall@20"]["value"] == 1
    assert set(report["baselines"]) == {"BM25 alone", "dense alone", "no reader"}
    two = [folder / "a" / "report.json", folder / "a" / "report.json"]
    compared = run("evaluate", "--compare", *two)
    assert "5 questions asked by both" in compared and "Real" not in compared
    run("evaluate", "--compare", *two, "--out", folder / "c")
    assert {path.name for path in (folder / "c").iterdir()} == {"comparison.json", "comparison.md"}


def test_evaluate_embeds_nothing_twice_in_a_kept_folder(folder, questions, monkeypatch):
    embedder = FakeEmbedder()
    monkeypatch.setattr("ui.cli.open_embedder", lambda *_: embedder)
    options = ["--work", folder / "work", "--out", folder / "out"]
    run("evaluate", questions, *options)
    first = len(embedder.embedded)
    run("evaluate", questions, *options)
    assert len(embedder.embedded) == first == 2
    questions.with_name("more.txt").write_text("Un autre texte.", encoding="utf-8")
    run("evaluate", questions, *options)
    assert len(list((folder / "work").iterdir())) == 2, "another corpus has another folder"


def test_evaluate_without_matplotlib_says_how_to_get_a_chart(folder, questions, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    said = run("evaluate", questions, "--out", folder / "out")
    assert (
        "No chart: it needs matplotlib, which is not installed; get it with: pip install 'sourcier[evaluate]'" in said
    )
    assert {path.name for path in (folder / "out").iterdir()} == {"report.json", "report.md"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{}/none.json"], "cannot read"),
        (["{}/docs/mali.txt"], 'has no "data"'),
        (["{}/docs/questions.jsonl", "--out", "{}/docs/mali.txt"], "is a file"),
        (["{}/docs/questions.jsonl", "--work", "{}/docs/mali.txt"], "is a file"),
        (["--compare", "{}/none.json", "{}/none.json"], "cannot read"),
        (["--compare", "{}/docs/questions.jsonl", "{}/none.json"], "is not a report"),
    ],
)
def test_a_bad_evaluation_is_one_line_and_nothing_written(folder, questions, capsys, monkeypatch, arguments, message):
    monkeypatch.chdir(folder)
    before = sorted(folder.rglob("*"))
    code, said = fail(capsys, monkeypatch, "evaluate", *(argument.format(folder) for argument in arguments))
    assert code == 1 and message in said and said.startswith("sourcier: ") and said.count("\n") == 1
    assert sorted(folder.rglob("*")) == before


def test_the_default_index_is_the_one_of_the_environment(folder, monkeypatch):
    monkeypatch.setenv("SOURCIER_INDEX", str(folder / "mine"))
    run("index", folder / "docs")
    assert (folder / "mine" / FILE_NAME).is_file()


def test_chat_makes_an_index_of_the_demo_when_there_is_none(tmp_path, monkeypatch):
    launched = {}

    def launch(backend, **options):
        launched.update(options, backend=backend)

    monkeypatch.setattr("ui.chat.launch_chat", launch)
    said = run("chat", "--index", tmp_path / "index", "--port", "7999")
    assert "indexing the demo documents" in said
    assert launched["port"] == 7999
    backend = launched["backend"]
    assert len(backend.documents()) >= 24
    assert len(backend.examples()["fr"]) == 4 and all(backend.examples()["fr"])
    PassageIndex.open(tmp_path / "index", embedder=FakeEmbedder())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "{}/none"], "does not exist"),
        (["index", "{}/empty"], "holds no document"),
        (["index", "{}/docs", "{}/binary.txt"], "is not text"),
        (["ask", "Qui ?"], "holds no sourcier index"),
        (["search", "Qui ?"], "holds no sourcier index"),
        (["info"], "holds no sourcier index"),
    ],
)
def test_a_mistake_is_one_line_exit_1_and_nothing_written(folder, capsys, monkeypatch, arguments, message):
    (folder / "empty").mkdir()
    (folder / "binary.txt").write_bytes(b"\x00\x01")
    code, said = fail(capsys, monkeypatch, *(a.format(folder) for a in arguments), "--index", folder / "index")
    assert code == 1
    assert said.startswith("sourcier: ") and message in said and said.count("\n") == 1
    assert not (folder / "index").exists()


@pytest.mark.parametrize(("question", "message"), [("?", "question is empty"), ("a" * 100_000, "100,000 characters")])
def test_a_bad_question_is_one_line(indexed, capsys, monkeypatch, question, message):
    for command in ("ask", "search"):
        code, said = fail(capsys, monkeypatch, command, question, "--index", indexed)
        assert code == 1 and message in said and said.count("\n") == 1


def test_bad_usage_is_exit_2(capsys, monkeypatch):
    assert fail(capsys, monkeypatch, "ask")[0] == 2
    assert fail(capsys, monkeypatch, "search", "Qui ?", "--top-k", "0")[0] == 2
    assert fail(capsys, monkeypatch, "evaluate")[0] == 2
    assert fail(capsys, monkeypatch, "evaluate", "a.json", "--compare", "a.json", "b.json")[0] == 2


def test_the_installed_command_answers():
    found = subprocess.run([sys.executable, "-m", "ui.cli", "--help"], capture_output=True, text=True)
    assert found.returncode == 0
    for command in ("index", "ask", "search", "chat", "info", "evaluate"):
        assert command in found.stdout
