"""
Names as people type them: without accents, in any order, from their first letters. Pure.

`folded` is kept beside each patient, so that a search reads one column; `like_key` is equal where names begin alike.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date

# Letters that Unicode does not take apart into a plain one and its mark.
_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"})
_WORD = re.compile(r"\w+")
_INSIDE = re.compile(r"[^\w\s]|_")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_LETTERS = 3


_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")  # they turn what stands around them


def is_writable(text: str) -> bool:
    """True if it holds letters and marks alone: nothing invisible that turns, breaks or ends the text around it."""
    return not any(c in _CONTROLS or unicodedata.category(c) in ("Cc", "Cs") for c in text)


def isolated(name: str) -> str:
    """A name to stand in a line: one written from right to left leaves the numbers beside it in their places."""
    turns = any(unicodedata.bidirectional(c) in ("R", "AL") for c in name)
    return f"\u2068{name}\u2069" if turns else name


def plain(text: str) -> str:
    """Lower case, without accents."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(c for c in apart if not unicodedata.combining(c)).translate(_PLAIN)


def words(text: str) -> list[str]:
    """The words of a name, those with a mark inside also in one piece: O'Brien is o, brien and obrien."""
    found: dict[str, None] = {}
    for piece in plain(text).split():
        found |= dict.fromkeys([_INSIDE.sub("", piece), *_WORD.findall(piece.replace("_", " "))])
    return [word for word in found if word]


def folded(family: str, given: str, record_number: str, born: date) -> str:
    """What a search looks through: each word after a space, the record number also without leading zeros."""
    number = plain(record_number)
    return " ".join(["", *words(family), *words(given), number, number.lstrip("0"), born.isoformat(), ""])


def like_key(family: str, given: str) -> str:
    """The first letters of both names in either order: equal for people who could be taken for one another."""
    return " ".join(sorted("".join(words(name))[:_LETTERS] for name in (family, given)))


def asked(text: str) -> list[tuple[str, ...]]:
    """
    What a person typed, as beginnings to look for in `folded`; each tuple holds readings of which one must fit.

    A date may be written 1988-04-02, 2.4.1988, 2/4/1988 or 2 Apr 1988; where day and month could be either, both count.
    """
    rest, found = plain(text), []
    for pattern, read in _DATES:
        for match in list(pattern.finditer(rest)):
            if days := tuple(dict.fromkeys(read(match))):
                found.append(days)
                rest = rest.replace(match[0], " ")
    return found + [(word,) for piece in rest.split() for word in [_INSIDE.sub("", piece)] if word]


def enough(text: str) -> bool:
    """True from two letters on; one sign is enough where a sign is a word."""
    signs = "".join(readings[0] for readings in asked(text))
    return len(signs) >= 2 or (signs != "" and not signs.isascii())


def _iso(match: re.Match[str]) -> Iterator[str]:
    yield from _day(match[1], match[2], match[3])


def _numbers(match: re.Match[str]) -> Iterator[str]:
    yield from _day(match[3], match[2], match[1])
    yield from _day(match[3], match[1], match[2])


def _letters(match: re.Match[str]) -> Iterator[str]:
    yield from _day(match[3], str(_MONTHS.index(match[2][:3]) + 1), match[1])


def _day(year: str, month: str, day: str) -> Iterator[str]:
    try:
        yield date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return  # no day of the calendar, so no reading


_DATES = (
    (re.compile(r"\b(\d{4})-(\d{1,2})-(\d{1,2})\b"), _iso),
    (re.compile(r"\b(\d{4})(\d{2})(\d{2})\b"), _iso),
    (re.compile(r"\b(\d{1,2})[./](\d{1,2})[./](\d{4})\b"), _numbers),
    (re.compile(rf"\b(\d{{1,2}})\.? ({'|'.join(_MONTHS)})[a-z]*\.? (\d{{4}})\b"), _letters),
)
