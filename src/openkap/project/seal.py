"""The sealed envelope from the command line, for whoever holds the server: made, or told about."""

from __future__ import annotations

import sys

from openkap.kernel.errors import UserError
from openkap.project.serve import make_ready


def run(place: str, state: bool) -> int:
    """
    Print a new word on standard output, or what stands on standard error.

    Raises:
        UserError: the database cannot be opened, there is no site yet, or no place is given.
    """
    make_ready()

    from openkap.people.models import Site
    from openkap.people.services_sealed import make_seal, policy, state_of

    sites = list(Site.objects.order_by("pk"))
    if not sites:
        raise UserError("There is no site yet: start it once with openkap serve.")
    for site in sites:
        if state:
            found = state_of(site.pk)
            shut = (
                f"shut, {found.sealed.place}, since {found.sealed.made_at:%Y-%m-%d %H:%M}" if found.sealed else "none"
            )
            print(f"{site.name}: {shut}; opened and not reviewed: {len(found.to_review)}", file=sys.stderr)
            continue
        _row, word = make_seal(None, site, place)
        print(word)
        hours = policy().opened.hours
        print(f"{site.name}: shown once. Opens once, for {hours} h. The word before opens nothing.", file=sys.stderr)
    return 0
