from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from index import Filters, InputError, PassageIndex, load_documents
from index.environment import DEVICE, PRECISION
from index.store import FILE_NAME
from tests.fakes import FakeEmbedder, FakeReader
from ui.cli import app, main
from ui.resident import Reply

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
    assert said == f"Files: 2 unchanged.\n{indexed} now holds 2 documents in 2 passages.\n"


def test_a_bad_file_stops_no_other_and_shows_in_the_exit_code(folder, capsys, monkeypatch):
    (folder / "docs" / "binary.txt").write_bytes(b"\x00\x01")
    monkeypatch.setattr(sys, "argv", ["sourcier", "index", str(folder / "docs"), "--index", str(folder / "index")])
    with pytest.raises(SystemExit) as caught:
        main()
    printed = capsys.readouterr()
    assert caught.value.code == 1
    assert printed.err.count("\n") == 1 and "binary.txt is not text" in printed.err
    assert "Files: 2 added, 1 failed." in printed.out and "now holds 2 documents" in printed.out


@pytest.mark.parametrize("command", ["index", "sync"])
def test_files_of_which_none_can_be_read_make_no_index(command, tmp_path, capsys, monkeypatch):
    bad = tmp_path / "bad"
    bad.mkdir()
    for name in ("one.txt", "two.txt"):
        (bad / name).write_bytes(b"\x00\x01")
    monkeypatch.setattr(sys, "argv", ["sourcier", command, str(bad), "--index", str(tmp_path / "index")])
    with pytest.raises(SystemExit) as caught:
        main()
    said = capsys.readouterr().err
    assert caught.value.code == 1
    assert said.count("\n") == 1 and "one.txt is not text" in said and "(1 more of the files" in said
    assert not (tmp_path / "index").exists()


def test_a_dry_run_makes_no_index(folder, capsys, monkeypatch):
    wanted = folder / "index"
    monkeypatch.setattr(sys, "argv", ["sourcier", "sync", str(folder / "docs"), "--index", str(wanted), "--dry-run"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1 and "sourcier index" in capsys.readouterr().err
    assert not wanted.exists()


def test_sync_follows_the_folder_and_says_what_it_did(folder, indexed):
    (folder / "docs" / "mali.txt").write_text("Le Mali a reçu ses engrais.", encoding="utf-8")
    (folder / "docs" / "ble.md").unlink()
    (folder / "docs" / "riz.txt").write_text("Le riz manque.", encoding="utf-8")
    would = run("sync", folder / "docs", "--index", indexed, "--dry-run")
    assert "Would be: 1 added, 1 changed, 1 removed." in would
    assert "Le Mali attend" in run("search", "Mali", "--index", indexed)
    said = run("sync", folder / "docs", "--index", indexed)
    assert f"added      {folder / 'docs' / 'riz.txt'}" in said
    assert f"changed    {folder / 'docs' / 'mali.txt'}" in said
    assert f"removed    {folder / 'docs' / 'ble.md'}" in said
    assert "Files: 1 added, 1 changed, 1 removed." in said
    assert "Le Mali a reçu" in run("search", "Mali", "--index", indexed)
    assert "Files: 2 unchanged." in run("sync", folder / "docs", "--index", indexed)


def test_sync_goes_on_when_something_changes(folder, indexed, monkeypatch):
    def changes(*_, **__):
        (folder / "docs" / "riz.txt").write_text("Le riz manque.", encoding="utf-8")
        yield {("added", "riz.txt")}
        (folder / "docs").rename(folder / "away")
        yield {("deleted", "docs")}
        (folder / "away").rename(folder / "docs")
        yield {("added", "docs")}

    monkeypatch.setattr("ui.cli.watchfiles.watch", changes)
    said = run("sync", folder / "docs", "--index", indexed, "--watch")
    assert "Watching" in said and "Files: 1 added, 2 unchanged." in said
    assert "Le riz manque" in run("search", "riz", "--index", indexed)


def test_a_document_that_lies_in_two_places_names_both(folder, indexed):
    (folder / "docs" / "again.txt").write_bytes((folder / "docs" / "mali.txt").read_bytes())
    run("sync", folder / "docs", "--index", indexed)
    assert "2022-10, again.txt = mali.txt, characters 14-41" in run("search", "Mali", "--index", indexed)
    (hit, *_) = json.loads(run("search", "Mali", "--index", indexed, "--json"))["hits"]
    assert hit["document"]["other_sources"] == [str(folder / "docs" / "mali.txt")]


def test_remove_by_pattern(folder, indexed):
    said = run("remove", "*.md", "--index", indexed)
    assert (
        said.startswith(f"removed    {folder / 'docs' / 'ble.md'}\n") and "now holds 1 document in 1 passage." in said
    )


def test_check_replays_answers(folder, indexed, capsys, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 0.0))
    answer = folder / "answer.json"
    answer.write_text(run("ask", "Que fait le Mali ?", "--index", indexed, "--json"), encoding="utf-8")
    said = run("check", answer, "--index", indexed)
    assert said == "Checked 2 documents, 2 passages, 2 sentences, 4 quotes: no problem.\n"
    conversation = folder / "conversation.json"
    turns = [{"question": "?", "answer": json.loads(answer.read_text(encoding="utf-8"))}, {"question": "?"}]
    conversation.write_text(json.dumps({"id": "0", "turns": turns}), encoding="utf-8")
    assert run("check", conversation, answer, "--index", indexed).endswith("8 quotes: no problem.\n")
    answer.write_text(answer.read_text(encoding="utf-8").replace("attend", "attends"), encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["sourcier", "check", str(answer), "--index", str(indexed)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1 and "does not hold 'Le Mali attends" in capsys.readouterr().err


def test_filters_leave_only_what_passes(folder, indexed):
    assert "Le prix du blé" in run("search", "Mali", "--index", indexed, "--source", "ble.*")
    assert "Le prix du blé" not in run("search", "Mali", "--index", indexed, "--after", "2022", "--before", "2022-11")
    assert run("search", "Mali", "--index", indexed, "--after", "2023") == "No document passes the filters.\n"
    assert run("search", "Mali", "--index", indexed, "--where", "a=b") == "No document passes the filters.\n"
    asked = run("ask", "Que fait le Mali ?", "--index", indexed, "--language", "fr", "--source", "mali.txt", "--json")
    assert {one["document"]["title"] for one in json.loads(asked)["citations"]} == {"Le Mali attend des engrais."}


def test_rows_of_a_table_are_documents(folder):
    (folder / "docs" / "news.csv").write_text(
        "quand,titre,corps,pays\n2022-10-04,Engrais,Les engrais arrivent.,Mali\n2023,Riz,Le riz manque.,Niger\n",
        encoding="utf-8",
    )
    columns = ("--text", "corps", "--title", "titre", "--date", "quand")
    said = run("sync", folder / "docs", "--index", folder / "index", *columns)
    assert "Files: 3 added." in said and "4 documents" in said
    (hit,) = json.loads(run("search", "riz", "--index", folder / "index", "--where", "pays=Niger", "--json"))["hits"]
    assert (hit["document"]["title"], hit["document"]["date"]) == ("Riz", "2023")
    assert hit["document"]["source"].endswith("news.csv#2")


def test_a_table_without_a_named_column_is_left_out_and_said_so(folder, capsys, monkeypatch):
    table, index = folder / "docs" / "news.csv", folder / "index"
    table.write_text("titre,corps\nRiz,Le riz manque.\n", encoding="utf-8")
    for command in ("index", "sync"):
        monkeypatch.setattr(sys, "argv", ["sourcier", command, str(folder / "docs"), "--index", str(index)])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = capsys.readouterr()
        assert not caught.value.code
        assert printed.err.startswith(f"sourcier: left out {table}, a table: name the column that holds text, --text ")
        assert "now holds 2 documents" in printed.out
    table.with_suffix(".tsv").write_text("titre\tcorps\nRiz\tLe riz manque.\n", encoding="utf-8")
    said = run("index", folder / "docs", "--index", index)
    assert f"left out {table} and 1 more table: name" in said
    assert "left out" not in run("index", folder / "docs", "--index", index, "--text", "corps")


def test_a_folder_of_tables_alone_asks_for_the_column(folder, capsys, monkeypatch):
    (folder / "tables").mkdir()
    (folder / "tables" / "news.csv").write_text("titre,corps\nRiz,Le riz manque.\n", encoding="utf-8")
    code, said = fail(capsys, monkeypatch, "index", folder / "tables", "--index", folder / "index")
    assert (code, said.count("\n")) == (1, 1)
    assert "holds no document but tables, such as news.csv: name the column that holds text, --text COLUMN" in said
    with pytest.raises(InputError, match="but tables, such as news"):
        list(load_documents(folder / "tables"))


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


def test_ask_shows_the_nearest_sentence_of_a_close_passage(folder, monkeypatch):
    port, index_folder = folder / "port.txt", folder / "of-a-port"
    port.write_text("Le port est plein. Le Mali attend des engrais.", encoding="utf-8")
    run("index", port, "--index", index_folder)
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 1.0))
    said = run("ask", "Que fait le Mali ?", "--index", index_folder)
    assert said.endswith("port.txt, caractères 19-46\nLe Mali attend des engrais.\n")
    assert "Le port est plein. Le Mali" in run("search", "Que fait le Mali ?", "--index", index_folder)


def test_ask_speaks_the_language_of_the_question(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 1.0))
    said = run("ask", "Que fait le Mali ?", "--index", indexed)
    assert said.startswith("Les documents ne le disent pas. Confiance moyenne · ")
    assert "Les passages les plus proches" in said and "characters" not in said
    assert run("ask", "Mali ?", "--index", indexed).startswith("The documents do not say.")


def test_ask_says_what_to_ask_to_who_asks_nothing(indexed):
    assert run("ask", "Bonjour !", "--index", indexed).strip() == (
        "Posez une question\u00a0: les documents y répondent avec leurs propres phrases."
    )


def test_ask_says_which_time_it_looked_at(indexed, monkeypatch):
    monkeypatch.setattr("ui.cli.open_reader", lambda *_: FakeReader(0.5, 0.0))
    said = run("ask", "Que fait le Mali le mois dernier ?", "--index", indexed)
    assert said.startswith(
        "Passages de cette date d’abord\u00a0: septembre 2022. "
        "«\u00a0le mois dernier\u00a0» est compté depuis le document le plus récent (octobre 2022).\n"
    )


def test_json_is_what_python_gives(indexed):
    asked = json.loads(run("ask", "Que fait le Mali ?", "--index", indexed, "--json"))
    told = {"question", "answered", "asked_nothing", "confidence", "text", "citations", "closest"}
    told |= {"respellings", "carried", "period", "coverage", "timings_ms"}
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

    def launch(backend, serving, **options):
        launched.update(serving=serving, backend=backend, folder=options["folder"])

    monkeypatch.setattr("ui.serving.launch_chat", launch)
    said = run("chat", "--index", tmp_path / "index", "--port", "7999")
    assert "indexing the demo documents" in said
    assert launched["serving"].port == 7999
    assert launched["folder"] == tmp_path / "index"
    backend = launched["backend"]
    assert len(backend.documents()) >= 24
    assert len(backend.examples()["fr"]) == 4 and all(backend.examples()["fr"])
    PassageIndex.open(tmp_path / "index", embedder=FakeEmbedder())


def test_a_chat_with_a_reader_of_ones_own_does_not_answer_for_the_shell(folder, indexed, monkeypatch):
    launched = {}
    monkeypatch.setattr("ui.serving.launch_chat", lambda *_, **options: launched.update(options))
    run("chat", "--index", indexed, "--reader", folder)
    assert launched["folder"] is None


def test_the_chat_answers_for_the_shell_but_not_with_a_reader_it_was_not_started_with(folder, indexed, monkeypatch):
    asked = []

    def ask_chat(index, question, **how):
        asked.append((index, question, how))
        return Reply("printed by the chat", 0.5)

    monkeypatch.setattr("ui.cli.ask_chat", ask_chat)
    said = run("ask", "Qui ?", "--index", indexed, "--after", "2022", "--json")
    assert "50% of the passages are embedded" in said and "printed by the chat\n" in said
    assert "printed by the chat" in run("search", "Qui ?", "--index", indexed, "--top-k", "3")
    filters = Filters(after="2022")
    assert asked == [
        (indexed, "Qui ?", {"filters": filters, "as_json": True}),
        (indexed, "Qui ?", {"top_k": 3, "filters": Filters(), "as_json": False}),
    ]
    assert "printed by the chat" not in run("ask", "Qui ?", "--index", indexed, "--reader", folder)


def test_precision_and_device_are_chosen_before_the_command(indexed, monkeypatch):
    for variable in (PRECISION, DEVICE):
        monkeypatch.setenv(variable, "")
    run("--precision", "fp32", "--device", "cpu", "info", "--index", indexed)
    assert (os.environ[PRECISION], os.environ[DEVICE]) == ("fp32", "cpu")
    run("info", "--index", indexed)
    assert (os.environ[PRECISION], os.environ[DEVICE]) == ("fp32", "cpu")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["index", "{}/none"], "does not exist"),
        (["index", "{}/empty"], "holds no document"),
        (["sync", "{}/none"], "does not exist"),
        (["sync", "{}/docs", "--title", "t"], "expected --text COLUMN"),
        (["remove", "x"], "holds no sourcier index"),
        (["check"], "holds no sourcier index"),
        (["search", "Qui ?", "--after", "hier"], "after is 'hier'"),
        (["search", "Qui ?", "--where", "x"], "expected KEY=VALUE"),
        (["ask", "Qui ?"], "holds no sourcier index"),
        (["search", "Qui ?"], "holds no sourcier index"),
        (["info"], "holds no sourcier index"),
    ],
)
def test_a_mistake_is_one_line_exit_1_and_nothing_written(folder, capsys, monkeypatch, arguments, message):
    (folder / "empty").mkdir()
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


def test_documents_can_be_asked_before_they_are_embedded(folder, monkeypatch):
    index = folder / "index"

    def embedded():
        rows = run("info", "--index", index).splitlines()
        return next(row.split()[-1] for row in rows if row.startswith("embedded"))

    assert "2 documents in 2 passages" in run("index", folder / "docs", "--index", index, "--no-wait")
    assert embedded() == "0%"
    early = run("search", "engrais", "--index", index)
    assert "Mali" in early and "0% of the passages are embedded" in early
    monkeypatch.setattr("ui.cli._SOON_EMBEDDED", 0)
    assert "They can be asked now" in run("index", folder / "docs", "--index", index)
    assert embedded() == "100%"
    assert "embedded" not in run("search", "engrais", "--index", index)
