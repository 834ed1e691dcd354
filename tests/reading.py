"""How hard a text is to read."""

import re


def syllables(word: str) -> int:
    """A plain count of vowel groups, a silent last e left out."""
    word = re.sub(r"e$", "", word.lower()) if len(word) > 3 and not word.lower().endswith("le") else word.lower()
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def grade(texts: list[str]) -> float:
    """Flesch-Kincaid grade of the texts together."""
    sentences = sum(len(re.findall(r"[.?!:]+(?:\s|$)", text)) or 1 for text in texts)
    words = [w for text in texts for w in re.findall(r"[A-Za-z']+", text)]
    return 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
