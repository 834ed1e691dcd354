"""The weekly list of unusual access is signed off by name; what it said then is kept with the signature."""

from __future__ import annotations

from datetime import date

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import AccessReview, Site
from openkap.people.selectors_unusual import reviewed, week_of
from openkap.people.types import Principal, Role


@transaction.atomic
def sign_off(principal: Principal, monday: date, *, note: str, origin: Origin | None = None) -> AccessReview:
    """
    Say what came of the list of one week.

    Raises:
        Forbidden: by someone who is neither privacy lead nor site admin, or who is on the list.
        UserError: no note, or the week is not over. Conflict: it was signed off meanwhile.
    """
    if not principal.has(Role.PRIVACY_LEAD, Role.SITE_ADMIN):
        raise Forbidden("Only a privacy lead or a site admin signs this list off: ask one.")
    if not note.strip():
        raise UserError("The note is empty: say what you found, also where it was nothing.")
    Site.objects.select_for_update(no_key=True).get(pk=principal.site_id)
    week = week_of(principal, monday)
    if not week.is_over:
        raise UserError("This week is not over: sign it off from Monday on.")
    if principal.user_id in {person.user.pk for person in week.people}:
        raise Forbidden("You are on this list yourself: another privacy lead or site admin signs it off.")
    if reviewed(principal, monday) is not None:
        raise Conflict("Someone else signed this week off meanwhile: look at what was found.")
    row = AccessReview.objects.create(
        site_id=principal.site_id,
        monday=monday,
        found=week.plain(),
        note=note.strip(),
        at=timezone.now(),
        by_id=principal.user_id,
        name=principal.name,
    )
    event = Event("access-review", "C", entity=f"AccessReview/{row.pk}", reason=f"week of {monday.isoformat()}")
    audit.record(principal.site_id, [event], principal=principal, origin=origin)
    return row
