"""Use over time, inside a record: screens for harm, doses with their intervals, requests, lost supplies, reviews."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from openkap.dose import harm
from openkap.dose.known import use_of
from openkap.dose.selectors_home import sent_home
from openkap.dose.selectors_ledger import content_now
from openkap.dose.services_harm import enter_screen, enter_sign, review_use
from openkap.people.once import FIELD, new_key
from openkap.people.request import ClinicRequest, origin_of
from openkap.people.types import Role
from openkap.plan.book import book_of
from openkap.web.case import today
from openkap.web.dose import acts
from openkap.web.dose.exposure import panel
from openkap.web.dose.use.forms import RESULTS, SIGNS, ReviewForm, ScreenForm, SignForm

SAID = dict(RESULTS) | dict(SIGNS) | {"": ""}
ACTS = frozenset({"screen", "sign", "review"})


@acts.clinicians
def use(request: ClinicRequest) -> HttpResponse:
    """The page, and what is entered on it."""
    patient, on = request.patient, today(request.patient)
    site, content = content_now()
    sent = acts.sent(request, ACTS)
    key = request.headers.get("Idempotency-Key") or request.POST.get(FIELD) or new_key()

    def bound(name: str) -> Any:
        return request.POST if sent == name else None

    screens = [(row.name, f"{row.title}: {row.ask}") for row in content.harm.screen]
    forms: dict[str, Any] = {
        "screen": ScreenForm(bound("screen"), auto_id="screen-%s", screens=screens, initial={"on": on}),
        "sign": SignForm(bound("sign"), auto_id="sign-%s", initial={"on": on}),
        "review": ReviewForm(bound("review"), auto_id="review-%s"),
    }

    def act(name: str) -> None:
        said: dict[str, Any] = forms[name].cleaned_data
        does: Any = {"screen": enter_screen, "sign": enter_sign, "review": review_use}[name]
        does(request.principal, patient, **said, key=key, origin=origin_of(request))

    def context() -> dict[str, Any]:
        found = use_of(patient, on)
        titles = {row.name: row.title for row in content.harm.screen}
        return {
            "due": found.due,
            "why": found.why,
            "pattern": content.harm.pattern[0],
            "intervals": harm.intervals(found.doses, book_of(site))[::-1],
            "entries": [
                {"row": row, "what": titles.get(row.what) or SAID.get(row.what, ""), "result": SAID[row.result]}
                for row in reversed(found.entries)
            ],
            "home": sent_home(patient),
            "newest": found.entries[-1].pk if found.entries else 0,
            "exposure": panel(patient),
            "prescribes": request.principal.has(Role.PRESCRIBER),
            "sent": sent,
            "wrong": forms.get(sent),
        }

    return acts.answer(request, "dose/use/use.html", forms, act, context)
