"""
Three made-up people for the demonstration: one ready to plan, one with cautions, one with open questions.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from openkap.synthetic.case import Case, drug_trial, therapy_trial

_WORRY = [1, 5, 1, 5, 5, 5, 5, 1, 5, 1, 1, 5, 5, 4, 4, 5]
_ALARM = [1, 1, 4, 4, 1, 1, 3, 3, 1, 0, 1, 4, 1, 0, 3, 0, 1, 0]
_EVALUATION = [3, 0, 1, 1, 0, 3, 1, 0, 4, 0, 3, 1, 4, 0, 1, 0, 3, 0]
_PLACES_AVOIDED = [6, 1, 0, 0, 6, 7, 0, 5, 0, 1, 0, 6, 2, 0, 8, 1]


def people(on: date) -> dict[str, Case]:
    """
    The three, by file name.

    Args:
        on: the day of decision; every date in their records is set from it.
    """
    return {"worry": worry(on), "panic": panic(on), "stage": stage(on)}


def worry(on: date) -> Case:
    """Generalized anxiety, worry and tension, two medicines and a course of CBT behind him: nothing stands open."""
    return Case(
        on,
        sex="M",
        disorder="gad",
        name="Tomas Lindqvist",
        born=date(1979, 3, 2),
        answers={"sign-cognitive": Decimal(2), "sign-avoidance": Decimal(0), "session-fear": Decimal(3)},
        measurements={
            "weight": [(Decimal("82.6"), "kg", 4, None)],
            "height": [(181, "cm", 4, None)],
        },
        instruments={
            "pswq": _WORRY,
            "asi-3": [1] * 12 + [0] * 6,
            "oasis": [3, 3, 2, 3, 2],
            "wsas": [4, 3, 5, 4, 2],
        },
        medicines=["escitalopram 10 mg tablet"],
        trials=[
            drug_trial("escitalopram", on, **{"trial-max-dose": Decimal(20)}),
            drug_trial("venlafaxine", date(on.year - 1, 3, 1), **{"trial-max-dose": Decimal(150)}),
            therapy_trial("cbt", date(on.year - 1, 9, 1)),
        ],
    )


def panic(on: date) -> Case:
    """Panic disorder with agoraphobia, afraid of the session itself, on a benzodiazepine: cautions, and a low start."""
    return Case(
        on,
        sex="F",
        disorder="agoraphobia",
        name="Marisol Oduya",
        born=date(1988, 6, 14),
        answers={
            "agoraphobia": True,
            "could-become-pregnant": True,
            "contraception": "effective",
            "session-fear": Decimal(8),
            "sign-somatic": Decimal(2),
            "sign-avoidance": Decimal(3),
            "sign-past-event": Decimal(1),
            "index-event": True,
        },
        hcg="negative",
        instruments={
            "asi-3": _ALARM,
            "fq": _PLACES_AVOIDED,
            "oasis": [3, 3, 3, 3, 3],
            "phq-9": [2, 2, 1, 2, 1, 1, 1, 0, 0],
            "pcl-5": [3, 2, 1, 3, 2, 3, 3, 1, 2, 2, 3, 2, 1, 1, 2, 0, 3, 2, 3, 3],
        },
        medicines=[("sertraline 100 mg tablet", 100), ("lorazepam 1 mg tablet", 1)],
    )


def stage(on: date) -> Case:
    """Social anxiety from a humiliation at school; the referral is thin, and the questions that are open are named."""
    return Case(
        on,
        sex="F",
        disorder="social-anxiety",
        name="Hanna Brandt",
        born=date(1995, 11, 30),
        answers={
            "aneurysm": None,
            "could-become-pregnant": True,
            "contraception": None,
            "escort": None,
            "sign-imagery": Decimal(2),
            "recurrent-image": True,
            "sign-social": Decimal(2),
        },
        instruments={"asi-3": _EVALUATION, "spin": [3, 2, 3, 2, 3, 4, 1, 2, 3, 3, 2, 2, 1, 3, 4, 2, 2]},
        measurements={"weight": [(Decimal(128), "[lb_av]", 6, None)], "height": [(64, "[in_i]", 6, None)]},
    )
