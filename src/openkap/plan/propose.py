"""
From chart, screening and formulation to a reasoned programme, or to the reasons why there is none.

The document is a draft to compare: options stand with reasons for and against, none is marked as chosen,
and the clinician states the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from openkap.chart.ground import fact_versions
from openkap.chart.types import Interval, State
from openkap.chart.view import View
from openkap.chart.vocabulary import facts
from openkap.kernel.clock import When
from openkap.kernel.content import fingerprint
from openkap.kernel.errors import NoSolution
from openkap.kernel.site import site_values
from openkap.kernel.source import Sourced
from openkap.plan import surroundings
from openkap.plan.book import Book, shipped
from openkap.plan.choices import Candidate, Preferences, Refused, SiteMax
from openkap.plan.library import regimens, rows
from openkap.plan.limits import site_limits as limits_of_site
from openkap.plan.matching import Match, disorders_of, entry, match, pathways_of
from openkap.plan.preferences import check
from openkap.plan.programme import Shape, build
from openkap.plan.regimens import Situation, StartLowReasons, choose, dosing_weight
from openkap.plan.types import Document, Formulation, Mode
from openkap.screen.document import ask_document, finding_document
from openkap.screen.types import Screening

REFUSING = ("exclude", "hold", "insufficient")
SECOND_CONTACT = "SCR-SI-3"
FEAR = "LOW-FEAR"
SEVERITY = ("gad-7", "ham-a", "oasis", "pdss", "pdss-sr", "lsas-sr", "lsas-ca", "spin", "phq-9", "wsas")


def propose(
    view: View,
    screening: Screening,
    formulation: Formulation,
    preferences: Preferences,
    *,
    draft: bool = False,
    site_limits: Mapping[str, SiteMax] | None = None,
    mode: Mode = "demonstration",
    signed: Callable[[Sourced], bool] | None = None,
    book: Book | None = None,
) -> Document:
    """
    The plan document.

    Args:
        view: the chart on the day of decision.
        screening: verdict, findings and what to ask.
        formulation: level and because of the seven dimensions.
        preferences: as read; checked again here.
        draft: print a plan although the verdict forbids it: marked, never signable, without doses where excluded.
        site_limits: signed highest doses by limit row id; in demonstration mode DOS-DEMO where it is None.
        mode: in production only what the site signed opens a route.
        signed: whether the site has signed a row; None where all content counts.
        book: the rows as the site uses them; as shipped where it is None.

    Returns:
        The document as a dict of JSON values; numbers of doses are Decimal.

    Raises:
        NoSolution: the verdict forbids a plan, or no regimen survives; its document says why.
        UserError: a preference or a site limit that cannot be meant.
    """
    check(preferences, view.on)
    if screening.verdict in REFUSING and not draft:
        raise NoSolution(f"The verdict is {screening.verdict}: no plan can be proposed.", _refusal(screening, []))
    book, signed = book or shipped(), signed or _everything
    weight = dosing_weight(view, preferences, book)
    low = StartLowReasons(view, preferences, book)
    site = limits_of_site(mode, site_limits, book)
    kept, refused = choose(Situation(view, screening, preferences, site, weight, low, signed, book))
    doses = screening.verdict != "exclude"
    chosen = _chosen(kept, refused, preferences, screening) if doses else None
    disorders = disorders_of(view)
    matches = match(view, formulation, preferences, book, signed)
    shape = Shape(
        candidate=chosen,
        matches=matches,
        pathways=pathways_of(disorders),
        fearful=FEAR in low.rows,
        exposure_wished=_exposure_wished(formulation, preferences),
        extra_contact=any(f.rule == SECOND_CONTACT and f.truth.value == "true" for f in screening.findings),
        start_on=preferences.start_on,
        book=book,
    )
    programme, used = build(shape)
    for m in matches:
        used[m.row.id] = m.row
    for candidate in kept:
        used.update({row.id: row for row in candidate.rows if isinstance(row, Sourced)})
    document = {
        "on": view.on.isoformat(),
        "verdict": screening.verdict,
        "draft": draft,
        "signable": not draft and screening.verdict not in REFUSING,
        "patient": _patient(view),
        "summary": {
            "disorders": list(disorders),
            "severity": _severity(view),
            "formulation": {name: dict(part) for name, part in formulation.items()},
        },
        "ask": [ask_document(a) for a in screening.ask],
        "missing": _missing(screening, low, matches),
        "programme": programme,
        "regimen": _regimen(chosen, preferences) if chosen else None,
        "options": [_option(c) for c in kept] if doses else [],
        "refused_options": [{"id": r.row.id, "title": r.row.title, "reasons": list(r.reasons)} for r in refused],
        "modalities": [entry(m, disorders) for m in matches],
        "alternatives": surroundings.alternatives_of(disorders, used),
        "monitoring": surroundings.monitoring_of(chosen, book, used) if chosen else None,
        "measures": surroundings.measures_of(programme["sessions"], shape.pathways, preferences.start_on, used),
        **surroundings.consent_of(disorders, used),
        "expectations": surroundings.sentences_of("expectations", disorders, used),
        "adaptive_anxiety": surroundings.sentences_of("adaptive", disorders, used),
        "limits": surroundings.limits_of(disorders, used),
        "claims": surroundings.claims_of(disorders, "plan", used),
        "attributes": _attributes(used, book),
        "findings": [finding_document(f) for f in screening.findings],
        "fact_versions": fact_versions(view),
    }
    return {
        **document,
        "site_values": [
            *(value for row in book.rows().values() for value in site_values(row.id, row.set_here)),
            *(value for f in screening.findings for value in site_values(f.rule, f.set_here)),
        ],
        "unsigned": sorted(name for name, row in used.items() if mode == "demonstration" or not signed(row)),
        "sources": surroundings.citations(used),
        "content_rows": {name: fingerprint(row) for name, row in sorted(used.items())},
    }


def _chosen(kept: list[Candidate], refused: list[Refused], wishes: Preferences, screening: Screening) -> Candidate:
    """The named regimen, or the first that survives."""
    if wishes.regimen is not None:
        named = [c for c in kept if c.row.id == wishes.regimen]
        if not named:
            why = next((r.reasons for r in refused if r.row.id == wishes.regimen), ())
            raise NoSolution(f"{wishes.regimen} cannot be planned: {' '.join(why)}", _refusal(screening, refused))
        return named[0]
    if not kept:
        raise NoSolution("No regimen survives: every template is refused.", _refusal(screening, refused))
    return kept[0]


def _refusal(screening: Screening, refused: list[Refused]) -> Document:
    options = [{"id": r.row.id, "title": r.row.title, "reasons": list(r.reasons)} for r in refused]
    reason = (
        f"The verdict is {screening.verdict}."
        if screening.verdict in REFUSING and not refused
        else " ".join(f"{r.row.title} ({r.row.id}): {' '.join(r.reasons)}" for r in refused)
    )
    return {
        "verdict": screening.verdict,
        "reason": reason,
        "findings": [finding_document(f) for f in screening.findings],
        "ask": [ask_document(a) for a in screening.ask],
        "refused_options": options,
    }


# -- parts of the document -------------------------------------------------------------------------


def _regimen(candidate: Candidate, wishes: Preferences) -> dict[str, Any]:
    named = wishes.regimen == candidate.row.id
    return {
        **_option(candidate),
        "drug": candidate.row.drug,
        "sessions": len(candidate.row.days),
        "chosen_by": "preferences" if named else "order",
        "needs": list(candidate.row.needs),
    }


def _option(candidate: Candidate) -> dict[str, Any]:
    row, limit = candidate.row, candidate.limit
    parts = surroundings.evidence_of(row)
    return {
        "id": row.id,
        "template": row.id,
        "title": row.by_route.get(limit.route, row.title),
        "route": limit.route,
        "drug": row.drug,
        "survives": True,
        "for": list(candidate.pro),
        "against": list(candidate.contra),
        "dose": dict(candidate.dose),
        "evidence": row.evidence_class,
        "evidence_class": row.evidence,
        "n": row.n,
        "population": row.population,
        "borrowed": bool(candidate.borrowed),
        "result": row.result,
        "interval": row.interval,
        "min_h": row.min_h,
        "max_h": row.max_h,
        "doses": len(row.days),
        "trials": list(row.trials),
        "limit": limit.id,
        "warnings": list(candidate.warnings),
        "verified": row.verified,
        "basis": parts["basis"],
        "retracted": row.retracted,
        "reading": list(row.reading),
    }


def _patient(view: View) -> dict[str, Any]:
    patient = view.chart.patient
    weight, allergy = view.state("weight"), view.state("ketamine-allergy")
    return {
        "name": patient.name,
        "record": patient.identifier or patient.source,
        "birth_date": patient.born.text if patient.born else None,
        "age": _value(view.state("age")),
        "sex": patient.birth_sex,
        "weight": _weight(weight),
        "allergies": {"ketamine": _value(allergy), "status": allergy.status, "on": _day(allergy)},
        "synthetic": patient.synthetic,
    }


def _weight(state: State) -> dict[str, Any] | None:
    return {"value": state.value, "unit": state.unit, "on": _day(state)} if state.status == "known" else None


def _severity(view: View) -> list[dict[str, Any]]:
    states = [view.state(name) for name in SEVERITY]
    return [{"instrument": s.fact, "total": s.value, "on": _day(s)} for s in states if s.status == "known"]


def _missing(screening: Screening, low: StartLowReasons, matches: tuple[Match, ...]) -> list[dict[str, Any]]:
    """What is not known, first what decides the verdict, then what would change the start dose or open a gate."""
    found = [ask_document(a) for a in screening.ask]
    known = {a["fact"] for a in found}
    wanted = [(gap["fact"], gap["row"], gap["text"]) for gap in low.open]
    wanted += [(need, m.row.id, f"gate of {m.row.title}") for m in matches for need in m.gate["needs"]]
    for fact, row, text in wanted:
        if fact in known:
            next(a for a in found if a["fact"] == fact)["rules"].append(row)
            continue
        known.add(fact)
        question = facts()[fact].question
        found.append({"fact": fact, "question": question, "rules": [row], "decisive": False, "reason": text})
    return found


def _attributes(used: dict[str, Sourced], book: Book) -> list[dict[str, Any]]:
    found = []
    for row in regimens().attribute:
        used[row.id] = row
        used[row.row] = book.rows().get(row.row) or rows()[row.row]
        parts = surroundings.evidence_of(row)
        found.append({"id": row.id, "used_for": row.used_for, "row": row.row, "note": row.note, **parts})
    return found


def _exposure_wished(formulation: Formulation, wishes: Preferences) -> bool:
    pointed = any((formulation.get(name, {}).get("level") or 0) >= 1 for name in ("avoidance", "somatic"))
    return pointed or bool({"exposure", "interoceptive-exposure"} & set(wishes.modalities))


def _everything(_: Sourced) -> bool:
    return True


def _value(state: State) -> Any:
    value = state.value
    if isinstance(value, Interval):
        return {"low": value.low, "high": value.high}
    if isinstance(value, (When, date)):
        return value.text if isinstance(value, When) else value.isoformat()
    return value if isinstance(value, (bool, str, Decimal)) or value is None else list(value)


def _day(state: State) -> str | None:
    return state.when.text[:10] if state.when and state.when.text else None
