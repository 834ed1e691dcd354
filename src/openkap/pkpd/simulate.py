"""
What a planned dose would do: the typical course, the bands, and everything that must be said beside them.

`simulate(request)` is the door for Python; `document(course)` is what `openkap simulate` prints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from openkap.kernel.content import sources
from openkap.kernel.site import Site
from openkap.kernel.source import verified
from openkap.pkpd.bands import between_people, pooled, single
from openkap.pkpd.course import drawn_blocks, typical_blocks, uncertain_blocks
from openkap.pkpd.effect import Expectation
from openkap.pkpd.interact import Change, change
from openkap.pkpd.library import (
    ROOM,
    covariate,
    effect,
    model_named,
    numbers,
    parameters,
    residuals,
    route_row,
    say,
    told,
    uncertainties,
)
from openkap.pkpd.types import CHECKED_TAGS, CHECKED_WORDS, Course, Curve, Model, Request, Uncertainty
from openkap.pkpd.variant import model_of, notes

if TYPE_CHECKING:
    from numpy.typing import NDArray

FEW = 100
MOST_UNSURE = 500
BANDS = {
    "between_people": "5, 50 and 95 % between people like this, within one parameter set",
    "sample": "the same with residual error: what a blood sample would show",
    "uncertainty": "5 to 95 % of the typical person, by the standard errors of the parameters, where any were seen",
    "ensemble": "the set and its named alternatives together: how far the sets themselves disagree",
}


def simulate(request: Request, *, ensemble: bool = True, weights: Mapping[str, float] | None = None) -> Course:
    """
    Concentrations of a planned course of doses.

    Args:
        request: as `request.read_request` gives it.
        ensemble: also the sets that stand beside this one.
        weights: of the sets in the ensemble, by model id; equal where it is None.

    Returns:
        Curves in ng/mL, each array of shape (T,) for the T times of the request; bands only with a population.

    Raises:
        UserError: interactions by several routes, or together, which nobody studied.

    Source: the rows of the set, of the route and of the agents.
    """
    import numpy as np

    model = model_of(request)
    times = np.asarray(request.times_min, dtype=float)
    routes = [dose.route for dose in request.doses]
    applied = change(model, routes, request.interactions)
    expected = single(typical_blocks(model, request.subject, request.doses, applied), times)[:, :, 0]
    between = sampled = together = unsure = None
    others = ensemble_of(request, model) if ensemble else ()
    members = {one.id: single(_typical(request, one), times)[0, :, 0] for one in others if one.id != model.id}
    if members:
        members = {model.id: expected[0], **members}
    if request.population is not None:
        n, seed = request.population.n, request.population.seed
        rng = np.random.default_rng(seed)
        blocks = drawn_blocks(model, request.subject, request.doses, applied, n, rng)
        between, sampled = between_people(blocks, times, residual=residuals(model), rng=rng)
        if uncertainties(model):
            few = min(n, MOST_UNSURE)
            blocks = uncertain_blocks(model, request.subject, request.doses, applied, few, np.random.default_rng(seed))
            unsure, _ = between_people(blocks, times)
        if others:
            together = _ensemble(request, others, times, weights)
    curves = [_curve(expected, between, place) for place in range(len(expected))]
    samples = [_curve(expected, sampled, place) if sampled is not None else None for place in range(len(expected))]
    doubts = [_doubt(expected, unsure, place) for place in range(len(expected))]
    spread = None
    if together is not None:
        spread = Curve(typical=together[1], p05=together[0], p50=together[1], p95=together[2])
    return Course(
        request=request,
        ketamine=curves[0],
        norketamine=curves[1] if len(curves) > 1 else None,
        sample=samples[0],
        sample_norketamine=samples[1] if len(samples) > 1 else None,
        uncertainty=doubts[0],
        uncertainty_norketamine=doubts[1] if len(doubts) > 1 else None,
        ensemble=spread,
        members=members,
        warnings=tuple(warnings(request, model, applied, curves[0])),
    )


def ensemble_of(request: Request, model: Model) -> tuple[Model, ...]:
    """The set and its named alternatives, where all doses go by a route that has some; else nothing."""
    routes = {dose.route for dose in request.doses}
    if len(routes) != 1:
        return ()
    row = route_row(next(iter(routes)), request.drug)
    if row is None or not row.ensemble:
        return ()
    names = dict.fromkeys((model.id, row.model, *row.ensemble))
    if _obese(request):
        names |= dict.fromkeys(row.compare_obese)
    return tuple(model_of(request, name) for name in names)


def _typical(request: Request, model: Model) -> list[Any]:
    applied = change(model, [dose.route for dose in request.doses], request.interactions)
    return typical_blocks(model, request.subject, request.doses, applied)


def _ensemble(
    request: Request, members: Sequence[Model], times: NDArray, weights: Mapping[str, float] | None
) -> NDArray:
    import numpy as np

    assert request.population is not None
    n, seed = request.population.n, request.population.seed
    given = {m.id: 1.0 for m in members} if weights is None else dict(weights)
    total = sum(given.get(m.id, 0.0) for m in members)
    drawn = []
    for place, member in enumerate(members):
        people = round(n * given.get(member.id, 0.0) / total)
        if people:
            rng = np.random.default_rng([seed, place])
            applied = change(member, [dose.route for dose in request.doses], request.interactions)
            drawn.append(drawn_blocks(member, request.subject, request.doses, applied, people, rng))
    return pooled(drawn, times)


def _curve(expected: NDArray, bands: NDArray | None, place: int) -> Curve:
    if bands is None:
        return Curve(typical=expected[place])
    low, middle, high = bands[place]
    return Curve(typical=expected[place], p05=low, p50=middle, p95=high)


def _doubt(expected: NDArray, unsure: NDArray | None, place: int) -> Curve | None:
    """The band of the typical person; None where no standard error reaches this output."""
    import numpy as np

    if unsure is None or np.allclose(unsure[place][0], unsure[place][2], rtol=1e-4, atol=1e-9):
        return None
    return _curve(expected, unsure, place)


def _obese(request: Request) -> bool:
    person = request.subject
    if person.weight_kg is None or person.height_cm is None:
        return False
    return person.weight_kg / (person.height_cm / 100) ** 2 >= covariate("PKC-OBESE").number("bmi")


# -- what must be said -----------------------------------------------------------------------------------


def warnings(request: Request, model: Model, applied: Change, curve: Curve) -> list[str]:
    """Every sentence that fits this request: range, unverified parameters, site, route, base, interactions."""
    drug, routes = request.drug, list(dict.fromkeys(dose.route for dose in request.doses))
    found = [*notes(request), *_range(request, model)]
    found += _trust(model)
    if model.low_evidence and any(route != "iv" for route in routes):
        found.append(say("PKW-LOW", drug=drug, model=model.id))
    if drug != model.drug:
        found.append(say("PKW-OTHER-DRUG", model=model.id, fitted=model.drug, drug=drug))
    found += [
        say("PKW-OTHER-ROUTE", route=route, model=model.id)
        for route in routes
        if model.structure in ("hepato-portal", "film") and route == "iv"
    ]
    if any(dose.route == "iv" and dose.duration_min == 0 for dose in request.doses):
        found.append(say("PKW-BOLUS"))
    found += _devices(request, model)
    found += _metabolite(model, routes)
    found += applied.warnings
    if request.population is not None and request.population.n < FEW:
        found.append(say("PKW-FEW", n=request.population.n))
    line = effect("PKE-ANAES")
    top = curve.typical if curve.p95 is None else curve.p95
    if float(top.max()) > line.number("line"):
        found.append(told(line))
    return [*found, say("PKW-SITE", model=model.id, site=model.site), say("PKW-BASE")]


def unsigned(request: Request, site: Site, on: date) -> list[str]:
    """What to say of a set that the site has not signed by this day; in demonstration mode all content counts."""
    model = model_named(request.model)
    rows = [model] + ([model_named(model.base)] if model.base else [])
    names = [row.id for row in rows if not site.signed(row, on)]
    return [say("PKW-UNSIGNED", rows=", ".join(names))] if names else []


def _range(request: Request, model: Model) -> list[str]:
    person, found = request.subject, []
    checks = (
        ("weight", person.weight_kg, model.weight_kg, "kg"),
        ("age", person.age_y, model.age_y, "years"),
    )
    for what, value, span, unit in checks:
        if value is None:
            found.append(say("PKW-UNKNOWN", what=what, model=model.id))
        elif span is not None and not float(span[0]) <= value <= float(span[1]):
            limits = f"{span[0]} to {span[1]} {unit}"
            found.append(say("PKW-RANGE", what=f"{what} {value:g} {unit}", range=limits, model=model.id))
    if _obese(request):
        found.append(told(covariate("PKC-OBESE")))
    if person.child_pugh == "B":
        found.append(told(covariate("PKC-LIVER-B")))
    if person.ancestry is not None and model.structure == "hepato-portal":
        found.append(told(covariate("PKC-ANCESTRY")))
    return found


def _trust(model: Model) -> list[str]:
    parts = list(numbers(model))
    unsure = dict.fromkeys(_name(part) for part in parts if not part.sure)
    found = []
    if unsure:
        found.append(say("PKW-UNVERIFIED", model=model.id, names=", ".join(unsure)))
    how = dict.fromkeys(CHECKED_WORDS[p.checked] for p in parts if CHECKED_TAGS[p.checked] == "S")
    if how:
        found.append(
            say(
                "PKW-SECONDARY",
                model=model.id,
                how=" and ".join(
                    f"a {one}" if one.startswith(("table", "secondary")) else one.removeprefix("read in ")
                    for one in how
                ),
            )
        )
    return found


def _name(part: Any) -> str:
    if isinstance(part, Uncertainty):
        return "standard errors"
    found: str = getattr(part, "name", "residual")
    return found


def _devices(request: Request, model: Model) -> list[str]:
    device = covariate("PKC-SESSION").number("device_mg")
    if model.structure != "hepato-portal":
        return []
    odd = dict.fromkeys(d.amount_mg for d in request.doses if d.route == "nasal" and d.amount_mg != device)
    return [say("PKW-DEVICE", mg=f"{mg:g}", device=f"{device:g}") for mg in odd]


def _metabolite(model: Model, routes: Sequence[str]) -> list[str]:
    if model.structure == "hepato-portal":
        return [say("PKW-NK-ERRATUM")]
    names = {p.name for p in parameters(model)}
    if "CLN" not in names:
        return [say("PKW-NK-NONE", model=model.id)]
    if model.structure == "film":
        return [say("PKW-FILM")] if "sublingual" in routes else []
    if set(routes) & {"sublingual", "nasal"}:
        return [say("PKW-NK-MISSING", model=model.id)]
    return []


# -- as a document ---------------------------------------------------------------------------------------


def document(course: Course, expected: Expectation | None = None) -> dict[str, Any]:
    """
    The course as JSON values.

    Args:
        course: as `simulate` gives it. expected: window and readiness, if wanted.

    Returns:
        `analytes`, `unit`, `model`, `source`, `warnings` and more; lists have one number per time of the request.
    """
    request = course.request
    model = model_named(request.model)
    work = sources(ROOM)[model.source]
    found: dict[str, Any] = {
        "analytes": {
            "ketamine": _listed(course.ketamine),
            "norketamine": _listed(course.norketamine) if course.norketamine else None,
        },
        "unit": "ng/mL",
        "model": model.id,
        "drug": request.drug,
        "site": model.site,
        "source": work.citation + (f", doi {work.doi}" if work.doi else ""),
        "evidence": model.evidence,
        "verified": verified([b.tag for b in model.basis]),
        "times_min": list(request.times_min),
        "doses": [_dose(dose) for dose in request.doses],
        "population": {"n": request.population.n, "seed": request.population.seed} if request.population else None,
        "bands": BANDS,
        "sample": {
            "ketamine": _listed(course.sample) if course.sample else None,
            "norketamine": _listed(course.sample_norketamine) if course.sample_norketamine else None,
        },
        "uncertainty": {
            "ketamine": _listed(course.uncertainty) if course.uncertainty else None,
            "norketamine": _listed(course.uncertainty_norketamine) if course.uncertainty_norketamine else None,
        },
        "ensemble": {
            "models": list(course.members),
            "typical": {name: line.tolist() for name, line in course.members.items()},
            "ketamine": _listed(course.ensemble) if course.ensemble else None,
        }
        if course.members
        else None,
        "reproduces": list(model.reproduces),
        "does_not_reproduce": list(model.does_not_reproduce),
        "warnings": list(course.warnings),
    }
    if expected is not None:
        found["expectation"] = _expectation(expected, request)
    return found


def _listed(curve: Curve) -> dict[str, list[float] | None]:
    lines = {"typical": curve.typical, "p05": curve.p05, "p50": curve.p50, "p95": curve.p95}
    return {name: None if line is None else line.tolist() for name, line in lines.items()}


def _dose(dose: Any) -> dict[str, Any]:
    return {
        "at_min": dose.at_min,
        "route": dose.route,
        "amount_mg": dose.amount_mg,
        "amount_mg_per_kg": dose.amount_mg_per_kg,
        "duration_min": dose.duration_min,
    }


def _expectation(found: Expectation, request: Request) -> dict[str, Any]:
    ends = ("p05", "p50", "p95")
    route = max(request.doses, key=lambda d: d.at_min).route
    notes = [told(effect(name)) for name in ("PKE-LAG", "PKE-WINDOW", "PKE-READY", "PKE-NORKETAMINE", "PKE-ACCUM")]
    if found.not_before_min is None:
        notes.append(say("PKW-READY", route=route))
    return {
        "session_at_min": found.session_at_min,
        "window": {
            "reached": found.reached,
            "start_min": dict(zip(ends, found.start_min, strict=True)) if found.start_min else None,
            "end_min": dict(zip(ends, found.end_min, strict=True)) if found.end_min else None,
        },
        "ready_at_min": found.ready_at_min,
        "not_before_min": found.not_before_min,
        "notes": notes,
    }
