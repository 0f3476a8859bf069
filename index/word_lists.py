"""How common words are in a language, by the lists of wordfreq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# wordfreq takes a sixth of a second to import, for which only what needs a list should wait.


def shares(language: str) -> Mapping[str, float]:
    """Return the share of each word among all of a language's, the commonest first, from its longest list."""
    from wordfreq import get_frequency_dict

    return get_frequency_dict(language)


def by_rarity(language: str) -> Sequence[Sequence[str]]:
    """Return the words of a language's short list, at [n] those that make up 10 ** (-n / 100) of all."""
    from wordfreq import available_languages, read_cBpack

    # `get_frequency_list` would keep what it has read.
    return read_cBpack(available_languages("small")[language])
