"""
Words that deny what they name: "no known ketamine allergy", "no longer taking sertraline".

A name in such words is no evidence of presence, and words alone are no evidence of absence: the reader asks.
English only. Words that may be meant either way state the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

# A denial reaches to the end of its clause; what follows "but" or a full stop is said anew.
_CLAUSE = re.compile(r"[.;!?\n]+|,?\s+\b(?:but|however|except|although|though|yet)\b|,\s*(?=(?:has|had|is|was)\b)")
_BEFORE = re.compile(
    r"\b(?:no(?! doubt)|not(?! only)|nil|without|never|neither|nor|denie[sd]|denying|denial of|negative for|free of"
    r"|rules? out|ruled out|isn['’]?t|wasn['’]?t|hasn['’]?t|doesn['’]?t|didn['’]?t)\b"
)
# Between the denial and the name there may be "known history of"; these begin another matter.
_ANOTHER_MATTER = re.compile(r",|:|\band\b(?!\s+(?:es|s-)?ketamine)|\bother than\b|\bonly\b")
# "No ketamine" and "must not be given ketamine" warn; it is a denial only of an allergy.
_ALLERGY = re.compile(r"allerg|anaphyla|hypersensit|sensitiv|intoleran|react|adverse|histor")
_AFTER = re.compile(
    r"^[^,]*?(?::|-|–|—|=|\(|,)?\s*\b(?:none|nil|no|never|denied|denies|negative|absent|refuted|disproved|disproven"
    r"|ruled out|excluded|not (?:present|known|confirmed|found|allergic|reported)|unlikely"
    r"|(?<!not )tolerated)\b\s*\)?\s*$"
)
_NOT_TAKEN = re.compile(
    r"\b(?:not (?:currently |now |presently )?(?:taking|taken(?! with)|using|used|on\b|prescribed|started)"
    r"|no longer|never (?:took|taken|taking|started|used|prescribed)|stopped|discontinued|ceased"
    r"|denie[sd]|declined|refused)\b|[:=(-]\s*(?:none|nil|no)\s*\)?\s*$"
)


def denies(text: str, names: Iterable[str], *, allergy: bool = False) -> bool:
    """
    True if a text speaks of one of the names and every mention of it is denied.

    Args:
        allergy: what must be denied is an allergy to it.

    >>> denies("no known ketamine allergy", ["ketamine"]), denies("no rash; ketamine allergy", ["ketamine"])
    (True, False)
    """
    mention = re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
    found = [(clause, at) for clause in _CLAUSE.split(text.lower()) for at in mention.finditer(clause)]
    return bool(found) and all(_denied(clause, at, allergy) for clause, at in found)


def says_not_taken(text: str) -> bool:
    """
    True if the words of a medicine say that it is not taken.

    >>> says_not_taken("no longer taking ketamine"), says_not_taken("ondansetron 4 mg, no more than 3 a day")
    (True, False)
    """
    return bool(_NOT_TAKEN.search(text.lower()))


def _denied(clause: str, at: re.Match[str], allergy: bool) -> bool:
    before, after = clause[: at.start()], clause[at.end() :]
    cues = list(_BEFORE.finditer(before))
    if cues:
        since = cues[-1].end()
        turns = [turn.start() for turn in _ANOTHER_MATTER.finditer(clause, since)]
        if any(turn < at.start() for turn in turns):
            return False
        return not allergy or bool(_ALLERGY.search(clause, since, min(turns, default=len(clause))))
    return bool(_AFTER.search(after))
