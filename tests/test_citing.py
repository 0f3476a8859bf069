from __future__ import annotations

from dataclasses import replace

import pytest

from index import make_document, split_passages
from qa import Finding, SearchHit
from qa.answer import Span
from qa.citing import cite, unquoted, with_nearest

QUESTION = "Que dit-on ?"
TEXT = "Le Mali attend des engrais. Il les paiera en 2023. Le port de Dakar est plein. La mer est calme."


def findings(*sentences, text=TEXT, date=None):
    """Return findings of (sentence, score) in one document."""
    document = make_document(f" date {date} {text}" if date else text)
    (passage,) = split_passages(document)
    hit = SearchHit(passage, document, 1.0, 1)
    found = []
    for sentence, score in sentences:
        start = document.text.index(sentence)
        found.append(Finding(hit, start, start + len(sentence), score))
    return found


def quotes(question, *found):
    ordered = sorted((finding for several in found for finding in several), key=lambda finding: -finding.score)
    return [citation.quote for citation in cite(question, ordered)]


def test_near_copies_are_cited_once():
    one = findings(
        ("La Russie promet 50.000 tonnes de céréales gratuites à six pays d’Afrique.", 3.0),
        text="La Russie promet 50.000 tonnes de céréales gratuites à six pays d’Afrique.",
    )
    copy = findings(
        ("La Russie a promis 50.000 tonnes de céréales gratuites à six pays d’Afrique.", 2.9),
        text="La Russie a promis 50.000 tonnes de céréales gratuites à six pays d’Afrique.",
    )
    other = findings(("Le port de Dakar est plein.", 2.0))
    first, second = cite(QUESTION, [*one, *copy, *other])
    assert (first.quote, second.quote) == (one[0].text, other[0].text)
    (repeat,) = first.also_in
    assert repeat.document.text[repeat.start : repeat.end] == repeat.quote == copy[0].text


def test_another_number_in_the_copy_of_another_passage_is_not_an_answer():
    """Of the passage that answers there is no such copy, so the sentence is about something else."""
    rain = "Il est tombé 40 millimètres de pluie en une nuit sur la ville de Kayes."
    other = rain.replace("40", "15")
    (asked,) = findings((rain, 3.0), text=rain)
    (elsewhere,) = findings(("Le port est plein.", 2.9), text="Le port est plein.")
    (copy,) = findings((other, 0.0), text=other)
    elsewhere = replace(elsewhere, hit=replace(elsewhere.hit, copies=(copy.hit,)))
    assert [one.quote for one in cite(QUESTION, [asked, elsewhere])] == [rain, "Le port est plein."]
    own = replace(asked, hit=replace(asked.hit, copies=(copy.hit,)))
    assert [one.quote for one in cite(QUESTION, [own, elsewhere])] == [rain, other, "Le port est plein."]


def test_a_repeat_in_the_same_document_is_dropped():
    (one,) = findings(("La mer est calme.", 1.0))
    assert [citation.also_in for citation in cite(QUESTION, [one, one])] == [()]


def test_quotes_of_one_document_come_best_first_but_in_reading_order_where_several_things_are_asked_for():
    found = findings(("La mer est calme.", 3.0), ("Le Mali attend des engrais.", 2.5))
    assert quotes(QUESTION, found) == ["La mer est calme.", "Le Mali attend des engrais."]
    assert quotes("Quels pays attendent ?", found) == ["Le Mali attend des engrais.", "La mer est calme."]


def test_quotes_of_several_documents_come_best_first():
    here, there = findings(("La mer est calme.", 2.5)), findings(("Il pleut à Bamako.", 3.0), text="Il pleut à Bamako.")
    assert quotes(QUESTION, here, there) == ["Il pleut à Bamako.", "La mer est calme."]


@pytest.mark.parametrize("question", ["Où en est-on actuellement ?", "What is the latest figure?"])
def test_a_question_about_the_present_gets_the_newest_first(question):
    old = findings(("Le blé vaut 300 euros.", 3.0), text="Le blé vaut 300 euros.", date="2022-03")
    new = findings(("Le blé vaut 250 euros.", 2.9), text="Le blé vaut 250 euros.", date="2023-01")
    assert quotes(question, old, new) == ["Le blé vaut 250 euros.", "Le blé vaut 300 euros."]
    assert quotes("Combien vaut le blé ?", old, new) == ["Le blé vaut 300 euros.", "Le blé vaut 250 euros."]


def test_what_scores_far_below_the_first_is_left_out_unless_several_are_asked_for():
    found = findings(
        ("Le Mali attend des engrais.", 9.0), ("La mer est calme.", 4.0), ("Le port de Dakar est plein.", 1.0)
    )
    assert quotes("Qui attend ?", found) == ["Le Mali attend des engrais."]
    for question in ("Quels pays attendent ?", "Which countries wait?", "Lesquels attendent ?"):
        assert quotes(question, found) == ["Le Mali attend des engrais.", "La mer est calme."]


def test_only_a_quote_nearly_as_good_as_the_first_has_its_exact_answer_told():
    found = findings(("Le Mali attend des engrais.", 4.0), ("Il les paiera en 2023.", 3.1), ("La mer est calme.", 2.9))
    found = [replace(one, span=Span(one.start, one.start + 2, one.text[:2])) for one in found]
    assert [citation.span and citation.span.text for citation in cite(QUESTION, found)] == ["Le", "Il", None]


def test_at_most_three_are_cited():
    names = ("Bamako", "Dakar", "Niamey", "Accra")
    text = " ".join(f"{name} attend la pluie et le {number} mai." for number, name in enumerate(names, start=3))
    found = findings(
        *((f"{name} attend la pluie et le {n} mai.", 1.0) for n, name in enumerate(names, start=3)), text=text
    )
    assert len(cite(QUESTION, found)) == 3


@pytest.mark.parametrize(
    ("text", "quote", "context"),
    [
        (TEXT, "Il les paiera en 2023.", "Le Mali attend des engrais."),
        (TEXT, "Le port de Dakar est plein.", None),
        ("Il les paiera en 2023. La mer est calme.", "Il les paiera en 2023.", None),
        ("Dakar waits. This surprised everyone in town.", "This surprised everyone in town.", "Dakar waits."),
        ("Dakar attend. « C’est long », dit le maire.", "« C’est long », dit le maire.", "Dakar attend."),
        ("Dakar attend. Cent bateaux sont là.", "Cent bateaux sont là.", None),
        ("Combien sont-ils ? Cent bateaux sont là.", "Cent bateaux sont là.", "Combien sont-ils ?"),
    ],
)
def test_a_quote_that_leans_on_the_sentence_before_carries_it(text, quote, context):
    (citation,) = cite(QUESTION, findings((quote, 1.0), text=text))
    assert (citation.context and citation.context.text) == context
    if citation.context:
        start, end = citation.context.start, citation.context.end
        assert citation.document.text[start:end] == context


@pytest.mark.parametrize("score", [1.9, 2.1])
def test_a_sentence_that_answers_too_is_quoted_before_the_one_that_leans_on_it(score):
    leaning, leant_on = ("Il les paiera en 2023.", 2.0), ("Le Mali attend des engrais.", score)
    found = sorted(findings(leaning, leant_on), key=lambda finding: -finding.score)
    cited = cite(QUESTION, found)
    assert [(one.number, one.quote, one.context) for one in cited] == [(1, leant_on[0], None), (2, leaning[0], None)]


def test_a_sentence_that_answers_too_stays_context_where_three_are_quoted():
    leaning, leant_on = ("Il les paiera en 2023.", 2.0), ("Le Mali attend des engrais.", 1.0)
    others = ("Le port de Dakar est plein.", 1.5), ("La mer est calme.", 1.4)
    first, *_ = cited = cite(QUESTION, findings(leaning, *others, leant_on))
    assert len(cited) == 3 and first.context.text == leant_on[0]


def test_what_is_not_quoted_yet():
    rain = "Il est tombé 40 millimètres de pluie en une nuit sur la ville de Kayes."
    near = "Il est tombé 40 millimètres de pluie en une nuit à Kayes."
    found = [
        *findings(("La mer est calme.", 3.0), ("Le port de Dakar est plein.", 2.0)),
        *findings((rain, 1.0), text=rain),
    ]
    (copy,) = findings((near, 0.5), text=near)
    assert unquoted([*found, copy], ()) == (*found, copy)
    assert unquoted([*found, copy], cite(QUESTION, [found[0], found[2]])) == (found[1],)


def test_the_nearest_sentence_is_the_first_of_its_passage():
    found = findings(("La mer est calme.", 3.0), ("Le port de Dakar est plein.", 2.0))
    (other,) = findings(("Il pleut.", 1.0), text="Il pleut.")
    hits = [other.hit, found[0].hit]
    assert [hit.nearest.text for hit in with_nearest(hits, [*found, other])] == ["Il pleut.", "La mer est calme."]
    assert [hit.nearest and hit.nearest.text for hit in with_nearest(hits, found[1:])] == [None, found[1].text]
