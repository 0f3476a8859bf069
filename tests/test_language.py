from __future__ import annotations

import pytest

from index.language import detect_language


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
        ("Wagner Mali 2022", None),
        ("1234 !?", None),
        ("", None),
    ],
)
def test_detects(text, language):
    assert detect_language(text) == language
