"""
What someone should look at first, from what stands in the rooms. Safety answers come before everything.

Each list is short, says what it leaves out, and takes a fixed number of queries whatever the number of people.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.db.models import Count, Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from openkap.assess.models import SafetyAlert
from openkap.assess.selectors import DueForm
from openkap.chart.models import Import, Record, Review
from openkap.dose.selectors import open_tasks
from openkap.people.models import AuditEvent, CareTeam, EmergencyAccess, Membership, Patient
from openkap.people.selectors import contact_of, visible_patients
from openkap.people.selectors_unusual import is_open
from openkap.people.services_sealed import state_of
from openkap.people.types import STAFF, Principal, Purpose, Role
from openkap.plan import selectors as plan
from openkap.plan.selectors import PlanStanding
from openkap.screen.models import Signoff, Standing
from openkap.web import words
from openkap.web.dose.tasks.words import KINDS, OTHER
from openkap.web.identity import full_name
from openkap.web.judge import fresh_standings
from openkap.web.parts import Words

MOST = 25  # rows of one list
BESIDE = 8  # rows of a list beside it
SOON = timedelta(days=7)


@dataclass(frozen=True)
class Item:
    """
    One thing to decide.

    Args:
        shape: of its icon.
        who: whom it is about, None: nobody in particular.
        what: in a few words. why: one sentence more.
        url, action: where it is decided.
    """

    shape: str
    who: Patient | None
    what: Words
    why: Words
    url: str
    action: Words

    @property
    def name(self) -> str:
        return full_name(self.who) if self.who else ""


def alerts(open_: Iterable[SafetyAlert]) -> list[Item]:
    """Safety answers in this person's hands; also of patients whom somebody else cares for."""
    return [
        Item(
            "stop",
            alert.patient,
            _("safety answer"),
            _("Given on %(day)s at %(time)s. Nobody has closed it.")
            % {"day": words.day(_local(alert.raised_at).date()), "time": f"{_local(alert.raised_at):%H:%M}"},
            reverse("duty:alert", args=[alert.pk]),
            _("Review now"),
        )
        for alert in open_
    ]


def decisions(principal: Principal, people: list[Patient]) -> tuple[list[Item], bool]:
    """
    What waits for a clinician, most urgent kind first, and whether each verdict among it is of now.

    Verdicts and plans are for who may sign them.
    """
    found, whole = list(_unseen(people)), True
    if principal.has(Role.PRESCRIBER):
        verdicts, whole = fresh_standings(people)
        # Records that nobody has looked at may hold what a verdict waits for: they come first, and alone.
        first = {item.who for item in found}
        found += [item for item in _judgements(people, verdicts) if item.shape != "miss" or item.who not in first]
    return sorted(found, key=lambda item: ("stop", "hold", "caution", "miss", "info").index(item.shape)), whole


def _unseen(people: list[Patient]) -> Iterator[Item]:
    """Imported records nobody has looked at, and files nobody has decided on."""
    newer = Record.objects.filter(
        patient=OuterRef("patient"),
        resource_type=OuterRef("resource_type"),
        logical_id=OuterRef("logical_id"),
        pk__gt=OuterRef("pk"),
        beside=False,
    )
    seen = Review.objects.filter(record=OuterRef("pk"))
    waiting = Record.objects.filter(~Exists(newer), ~Exists(seen), patient__in=people, origin="import").order_by()
    records = dict(waiting.values_list("patient").annotate(count=Count("pk")))
    files = Import.objects.filter(patient__in=people, decision=None).order_by()
    arrived = dict(files.values_list("patient").annotate(count=Count("pk")))
    for patient in people:
        if count := records.get(patient.pk):
            what = ngettext("%d imported record not looked at", "%d imported records not looked at", count) % count
            why = _("Until then each may raise a finding and clears none.")
            yield Item("caution", patient, what, why, reverse("chart:review", args=[patient.pk]), _("Look at them"))
        if count := arrived.get(patient.pk):
            what = ngettext("%d file arrived", "%d files arrived", count) % count
            why = _("Nothing of it is in the chart yet.")
            yield Item("caution", patient, what, why, reverse("chart:bring", args=[patient.pk]), _("Decide"))


def _judgements(people: list[Patient], verdicts: dict[UUID, Standing]) -> Iterator[Item]:
    """Verdicts and plans that wait for the prescriber."""
    plans, signed = plan.standings(people), _signed(people)
    for patient in people:
        verdict, programme = verdicts.get(patient.pk), plans.get(patient.pk)
        item = _plan_item(patient, programme) if programme else None
        if item is None and verdict:
            item = _verdict_item(patient, verdict, signed, programme)
        if item:
            yield item


def _plan_item(patient: Patient, programme: PlanStanding) -> Item | None:
    url, version = reverse("plan:newest", args=[patient.pk]), {"version": programme.version}
    if programme.signed and programme.moved:
        what = _("signed plan to look at again")
        why = _("Something that version %(version)d stands on has changed.") % version
        return Item("hold", patient, what, why, url, _("Read changes"))
    if not programme.signed and not programme.draft:
        why = _("Version %(version)d has no signature.") % version
        return Item("info", patient, _("plan to sign"), why, url, _("Read plan"))
    return None


def _verdict_item(
    patient: Patient, row: Standing, signed: set[tuple[object, str, str | None]], programme: PlanStanding | None
) -> Item | None:
    url, counts = reverse("screen:verdict", args=[patient.pk]), row.counts
    if row.verdict == "insufficient":
        number = counts["decisive"] or counts["unknown"]
        what = ngettext("verdict waits for %d fact", "verdict waits for %d facts", number) % number
        return Item("miss", patient, what, _tally(counts), url, _("Open verdict"))
    if row.verdict == "hold":
        return Item("hold", patient, _("on hold"), _tally(counts), url, _("Open verdict"))
    if row.verdict in ("eligible", "caution") and (patient.pk, row.content_version, row.ground) not in signed:
        return Item("info", patient, _("verdict to sign"), str(words.VERDICTS[row.verdict]), url, _("Open verdict"))
    if row.verdict in ("eligible", "caution") and programme is None:
        why = _("The verdict is signed and there is no plan.")
        return Item("info", patient, _("ready to plan"), why, reverse("plan:newest", args=[patient.pk]), _("Plan"))
    return None


def _tally(counts: dict[str, int]) -> str:
    said = []
    if counts["hold"]:
        said.append(ngettext("%d hold is open.", "%d holds are open.", counts["hold"]) % counts["hold"])
    if counts["unknown"]:
        said.append(
            ngettext("%d finding is not known.", "%d findings are not known.", counts["unknown"]) % (counts["unknown"])
        )
    return " ".join(said)


def _signed(people: list[Patient]) -> set[tuple[object, str, str | None]]:
    """(patient, content version, ground) of signed verdicts that were not taken back."""
    rows = Signoff.objects.filter(patient__in=people, withdraws=None, withdrawn_by=None)
    return set(rows.values_list("patient_id", "content_version", "ground"))


def calls(principal: Principal, people: list[Patient], now: datetime) -> list[Item]:
    """Calls and follow-ups of sessions that are due until tomorrow evening, for people in this person's care."""
    end = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
    rows = open_tasks(principal.site_id).filter(patient__in=people, due__lt=end)[:MOST]
    return [
        Item(
            "caution" if _local(task.due).date() < now.date() else "info",
            task.patient,
            KINDS.get(task.kind, OTHER),
            _("Due %(day)s at %(time)s.")
            % {"day": words.day(_local(task.due).date()), "time": f"{_local(task.due):%H:%M}"},
            reverse("dose:task", args=[task.patient_id, task.pk]),
            _("Write what came of it"),
        )
        for task in rows
    ]


# ---------------------------------------------------------------- what is overdue, who is coming


def by_person(forms: Iterable[DueForm]) -> list[list[DueForm]]:
    """Forms of the same person together, in the order in which each person first comes."""
    found: dict[UUID, list[DueForm]] = {}
    for form in forms:
        found.setdefault(form.patient_id, []).append(form)
    return list(found.values())


def newcomers(principal: Principal, now: datetime) -> list[CareTeam]:
    """Who came into this person's care within a week. `now`: in the site's own time."""
    since = now.replace(hour=0, minute=0, second=0, microsecond=0) - SOON
    found = CareTeam.objects.filter(
        user=principal.user_id, patient__site=principal.site_id, until=None, since__gte=since
    )
    return list(found.select_related("patient").order_by("-since")[:MOST])


# ---------------------------------------------------------------- those who arrange, administer, oversee


def to_arrange(principal: Principal) -> list[Item]:
    """For the coordinator: files about nobody yet, and people whom nobody cares for."""
    found = []
    if count := Import.objects.filter(site=principal.site_id, patient=None, decision=None).count():
        what = ngettext("%d referral waits", "%d referrals wait", count) % count
        why = _("Say whose it is, or set it aside.")
        found.append(Item("caution", None, what, why, reverse("referral:bring"), _("Open referrals")))
    ever = CareTeam.objects.filter(patient=OuterRef("pk"))
    alone = visible_patients(principal, Purpose.ADMINISTRATION).filter(~Exists(ever))
    for patient in alone.order_by("family", "given", "pk")[:MOST]:
        url = reverse("people:team", args=[patient.pk])
        why = _("No clinician is assigned, so nobody sees the record.")
        found.append(Item("miss", patient, _("in nobody's care"), why, url, _("Assign")))
    return found


def to_administer(principal: Principal) -> list[Item]:
    """For the site admin: whom patients call in a crisis, and accounts that cannot work yet."""
    found = opened_envelopes(principal)
    if contact_of(principal.site_id) is None:
        what, why = _("no crisis contact is set"), _("Patients in danger are shown the national line alone.")
        found.append(Item("hold", None, what, why, reverse("people:contact"), _("Set it")))
    if state_of(principal.site_id).sealed is None:
        what, why = _("no sealed envelope"), _("When nobody can sign in, nobody reaches the emergency sheets.")
        found.append(Item("hold", None, what, why, reverse("sealed:state"), _("Seal one")))
    staff = Membership.objects.filter(site=principal.site_id, until=None, role__in=STAFF, user__is_active=True)
    proved = Authenticator.objects.filter(user=OuterRef("user"))
    count = staff.filter(~Exists(proved)).values("user").distinct().count()
    if count:
        what = ngettext("%d account has no second factor", "%d accounts have no second factor", count) % count
        why = _("Each sets one up at the next sign-in.")
        found.append(Item("caution", None, what, why, reverse("people:accounts"), _("Open accounts")))
    return found


def to_oversee(principal: Principal, now: datetime) -> list[Item]:
    """For the privacy lead: emergency access nobody has reviewed, and refusals of the week."""
    found = []
    if count := EmergencyAccess.objects.filter(site=principal.site_id, review=None).count():
        what = ngettext("%d emergency access to review", "%d emergency accesses to review", count) % count
        why = _("Someone opened a record of a person not in their care.")
        found.append(Item("hold", None, what, why, reverse("people:emergencies"), _("Review")))
    found += opened_envelopes(principal)
    refused = AuditEvent.objects.filter(site=principal.site_id, type="denial", at__gte=now - SOON).count()
    if refused:
        what = ngettext("%d refusal this week", "%d refusals this week", refused) % refused
        why = _("Pages that were asked for and not shown.")
        found.append(Item("info", None, what, why, reverse("people:trail"), _("Open the trail")))
    return found


def opened_envelopes(principal: Principal) -> list[Item]:
    """For privacy lead and site admin: each opening of the sealed envelope that nobody has reviewed."""
    return [
        Item(
            "stop",
            None,
            _("the sealed envelope was opened"),
            _("By %(name)s on %(day)s at %(time)s.")
            % {
                "name": row.opened_by,
                "day": words.day(_local(row.opened_at).date()),
                "time": f"{_local(row.opened_at):%H:%M}",
            },
            reverse("sealed:state"),
            _("Look at it"),
        )
        for row in state_of(principal.site_id).to_review
        if row.opened_at is not None
    ]


def unusual_access(principal: Principal) -> list[Item]:
    """For privacy lead and site admin: last week's list of unusual access, as long as nobody has signed it off."""
    if not is_open(principal):
        return []
    what, why = _("last week's access to look at"), _("Who opened records in a way that somebody should ask about.")
    return [Item("caution", None, what, why, reverse("people:unusual"), _("Look at it"))]


def people_in(items: Iterable[Item]) -> list[UUID]:
    """Whom a list speaks of, for the audit trail."""
    return [item.who.pk for item in items if item.who is not None]


def _local(at: datetime) -> datetime:
    return timezone.localtime(at)
