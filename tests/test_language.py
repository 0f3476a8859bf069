from __future__ import annotations

import unicodedata

import pytest

from index.language import are_different, detect_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Le président a quitté la capitale avec les soldats dans la nuit.", "fr"),
        ("The president left the capital with his soldiers in the night.", "en"),
        ("Der Präsident hat die Hauptstadt mit den Soldaten in der Nacht verlassen.", "de"),
        ("El presidente salió de la capital con los soldados por la noche.", "es"),
        ("Президент покинул столицу ночью.", "ru"),
        ("غادر الرئيس العاصمة", "ar"),
        ("总统离开了首都。", "zh"),
        ("大統領は首都を離れた。", "ja"),
        ("Combien de soldats sont morts ?", "fr"),
        ("How many soldiers died?", "en"),
        ("Merci !", "fr"),
        ("Hello there", "en"),
        ("Que peux-tu faire ?", "fr"),
        ("A quoi sert la dîme ?", "fr"),
        ("Tell me more", "en"),
        ("¿Cuántos soldados murieron en el ataque?", "es"),
        ("Wie viele Soldaten sind gestorben und wann?", "de"),
        ("accord céréales mer noire", "fr"),
        ("where soldiers died", "en"),
        ("ou est bazoum", "fr"),
        ("Où vit Erdoğan ?", "fr"),
        ("Saldırıda kaç asker öldü?", "tr"),
        ("İRAN NEREDE?", "tr"),
        ("Câți soldați au murit?", "ro"),
        ("Hvor mange soldater døde i angrebet?", "da"),
        ("Hvor mange soldater døde i angrepet?", "no"),
        ("Kuinka monta sotilasta kuoli hyökkäyksessä?", "fi"),
        ("Hány katona halt meg a támadásban?", "hu"),
        ("Ilu żołnierzy zginęło w ataku?", "pl"),
        ("Kolik vojáků zemřelo při úterním útoku?", "cs"),
        ("Koliko je vojnika poginulo u napadu?", "hr"),
        ("Quants soldats van morir a l'atac de dimarts?", "ca"),
        ("Có bao nhiêu binh sĩ đã chết trong cuộc tấn công?", "vi"),
        ("Berapa banyak tentara yang tewas dalam serangan itu?", "id"),
        ("Скільки солдатів загинуло під час нападу?", "uk"),
        ("Колко войници загинаха при нападението?", "bg"),
        ("چند سرباز در این حمله کشته شدند؟", "fa"),
        ("कितने सैनिक मारे गए?", "hi"),
        ("มีทหารเสียชีวิตกี่คน", "th"),
        ("トランプ", "ja"),
        ("Harvard Business School 是哪一年成立的？", "zh"),
        ("What does 中国 mean?", "en"),
        ("Вагнер", "ru"),
        (unicodedata.normalize("NFD", "élus régionaux"), "fr"),
        ("Wagner Mali 2022", None),
        ("Burkina Faso", None),
        ("Mali Traoré", None),
        ("1234 !?", None),
        ("", None),
    ],
)
def test_detects(text, language):
    assert detect_language(text) == language


@pytest.mark.parametrize(
    ("one", "other", "different"),
    [("fr", "en", True), ("fr", "fr", False), ("nb", "no", False), ("sr", "bs", False), (None, "fr", False)],
)
def test_languages_are_different_where_they_are_known_and_no_variants(one, other, different):
    assert are_different(one, other) is different
    assert are_different(other, one) is different


def test_nothing_but_the_beginning_of_a_long_text_is_looked_at():
    assert detect_language("Le président a quitté la capitale. " * 200 + "The president has left. " * 10_000) == "fr"
