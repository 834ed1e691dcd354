"""How the drug ledger is said on its pages."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from openkap.dose.ledger import milligrams
from openkap.dose.models_ledger import Lot
from openkap.dose.products import shown

Words = str | Promise
DRUGS: dict[str, Words] = {drug: shown(drug) for drug in ("ketamine", "esketamine")}  # with their capitals (HAZ-13)
FORMS: dict[str, Words] = {"vial": _("vial"), "lozenge": _("lozenge"), "device": _("nasal device")}
MANY: dict[str, Words] = {"vial": _("vials"), "lozenge": _("lozenges"), "device": _("nasal devices")}
BASES: dict[str, Words] = {"base": _("base"), "hydrochloride": _("hydrochloride")}
ASKABLE: dict[str, Words] = {"waste": _("wasted"), "lose": _("lost, stolen or broken")}
MOMENTS: dict[str, Words] = {"open": _("open of business"), "close": _("close of business")}
WHOLE: dict[str, Words] = {
    "vial": _("Closed vials"),
    "lozenge": _("Whole lozenges"),
    "device": _("Unused devices"),
}
LOOSE: dict[str, Words] = {
    "vial": _("Opened or drawn, mg"),
    "lozenge": _("Drawn or broken, mg"),
    "device": _("Drawn or broken, mg"),
}
KINDS: dict[str, Words] = {
    "receive": _("received"),
    "open": _("vial opened"),
    "draw": _("drawn"),
    "give": _("given"),
    "waste": _("wasted"),
    "return": _("returned"),
    "lose": _("lost"),
    "send-home": _("sent home"),
    "reverse": _("undone"),
    "count": _("count"),
}
ENDS: dict[str, Words] = {"posted": _("confirmed"), "refused": _("refused"), "withdrawn": _("withdrawn")}
LOCKS: dict[str, Words] = {
    "recalled": _("recalled"),
    "expired": _("expired"),
    "hydrochloride": _("labelled in hydrochloride"),
}
SHAPES = {"posted": "ok", "refused": "hold", "withdrawn": "plain"}


def place(of: str, id_: str) -> Words:
    """An account in words. A session is shown by the beginning of its id: the ledger is about no patient."""
    named: dict[str, Words] = {
        "supplier": _("supplier"),
        "stock": _("stock"),
        "vial": format_lazy(_("vial {id}"), id=id_),
        "drawn": format_lazy(_("drawn for session {id}"), id=id_[:8]),
        "given": format_lazy(_("given in session {id}"), id=id_[:8]),
        "waste": _("waste"),
        "returned": _("returned"),
        "lost": _("lost"),
        "home": format_lazy(_("home after session {id}"), id=id_[:8]),
    }
    return named[of]


def product(lot: Lot) -> Words:
    """Drug, form, what one container holds, and the strength where there is one; base or hydrochloride always."""
    said = {
        "drug": DRUGS[lot.drug],
        "form": FORMS[lot.form],
        "mg": milligrams(lot.unit_ug),
        "basis": BASES[lot.basis],
    }
    if lot.ug_per_ml:
        per_ml = milligrams(lot.ug_per_ml)
        return format_lazy(_("{drug} {form}, {mg} mg ({per_ml} mg/mL) of {basis}"), per_ml=per_ml, **said)
    return format_lazy(_("{drug} {form}, {mg} mg of {basis}"), **said)
