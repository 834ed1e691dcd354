"""
What a site admin sets for the whole site. Each change is one transaction with its audit event.
"""

from __future__ import annotations

import re
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from openkap.kernel.errors import Conflict, Forbidden, UserError
from openkap.people import audit
from openkap.people.audit import Event, Origin
from openkap.people.models import Site, SiteContact
from openkap.people.selectors import contact_of
from openkap.people.types import Principal, Role

_PHONE = re.compile(r"\+?[0-9][0-9 ()/.\-]{1,38}", re.ASCII)


@transaction.atomic
def set_contact(
    principal: Principal | None,
    site: Site | UUID,
    *,
    crisis_name: str,
    crisis_phone: str,
    crisis_note: str = "",
    seen: int | None = None,
    origin: Origin | None = None,
) -> SiteContact:
    """
    Say whom a patient of this site calls in a crisis. Earlier contacts stay readable.

    Args:
        principal: None is a demonstration.
        seen: key of the contact that was shown, so that two admins do not overwrite each other; None: none was.

    Raises:
        Forbidden: by someone who is not site admin there.
        UserError: no name, or no telephone number. Conflict: someone else set another contact meanwhile.
    """
    site_id = site if isinstance(site, UUID) else site.pk
    if principal and (principal.site_id != site_id or not principal.has(Role.SITE_ADMIN)):
        raise Forbidden("Only a site admin sets the crisis contact: ask one.")
    name, phone = crisis_name.strip(), crisis_phone.strip()
    if not name:
        raise UserError("The name of the crisis contact is empty: write who answers.")
    if not _PHONE.fullmatch(phone) or not 3 <= sum(map(str.isdigit, phone)) <= 15:
        raise UserError("The telephone number is not one: write it in digits, such as +43 1 404 00 or 988.")
    Site.objects.select_for_update(no_key=True).get(pk=site_id)
    former = contact_of(site_id)
    if principal and (former.pk if former else None) != seen:
        raise Conflict("Someone else changed the crisis contact meanwhile: look at the new one, then change it again.")
    row = SiteContact.objects.create(
        site_id=site_id,
        crisis_name=name,
        crisis_phone=phone,
        crisis_note=crisis_note.strip(),
        at=timezone.now(),
        by_id=principal.user_id if principal else None,
    )
    event = Event("setting", "U" if former else "C", entity=f"SiteContact/{row.pk}")
    audit.record(site_id, [event], principal=principal, origin=origin)
    return row
