"""
Who may open what. Every view declares a policy with a decorator from here; a view without one is refused.

    @public()                                                  anyone
    @signed_in()                                               anyone who has an account
    @staff(Role.COORDINATOR)                                   a page about no one patient
    @sealed()                                                  whoever opened the sealed envelope (services_sealed.py)
    @about_patient(Role.PRESCRIBER, purpose=Purpose.TREATMENT) a page at <uuid:patient_id>/

`about_patient` gives the view `request.patient`, which the principal may see; anyone else gets the same
404 as for an id that does not exist. `Gate` in middleware.py applies what is declared here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, TypeVar

from openkap.people.types import CLINICIANS, STAFF, Principal, Purpose, Relation, Role

View = TypeVar("View", bound=Callable[..., Any])

# Which patients a role reaches for which purpose. What is not listed is not reached.
REACH: dict[tuple[Role, Purpose], Relation] = {
    (Role.PATIENT, Purpose.OWN): Relation.SELF,
    (Role.PRESCRIBER, Purpose.TREATMENT): Relation.ASSIGNED,
    (Role.NURSE, Purpose.TREATMENT): Relation.ASSIGNED,
    (Role.THERAPIST, Purpose.TREATMENT): Relation.ASSIGNED,
    (Role.PRESCRIBER, Purpose.ADMINISTRATION): Relation.ASSIGNED,
    (Role.NURSE, Purpose.ADMINISTRATION): Relation.ASSIGNED,
    (Role.THERAPIST, Purpose.ADMINISTRATION): Relation.ASSIGNED,
    (Role.COORDINATOR, Purpose.ADMINISTRATION): Relation.SITE,
    (Role.BILLING, Purpose.PAYMENT): Relation.SITE,
    (Role.PRIVACY_LEAD, Purpose.OVERSIGHT): Relation.SITE,
    (Role.THERAPIST, Purpose.PRIVATE_NOTE): Relation.ASSIGNED,
}
# What an emergency opens beside ("break-glass"). Pages that ask for a step-up stay closed: signing is no emergency.
EMERGENCY = frozenset((role, why) for role in CLINICIANS for why in (Purpose.TREATMENT, Purpose.ADMINISTRATION))


@dataclass(frozen=True)
class Policy:
    """
    What a view asks of whoever calls it.

    Args:
        roles: one of these; None: nobody need be signed in; empty: any account.
        purpose: why a patient's record is opened; None: the page is about no one patient.
        step_up: the person proved who they are within the last five minutes.
        once: an unsafe request needs an idempotency key and takes effect once.
        activity: the request shows that a person is there; polling does not.
        before_roles: reached also by an account without a role or without its second factor: pages that set it up.
        watches: a page by which patients are watched: shown also while the audit trail cannot be written; the read is
            kept beside it until it can (keeping.py).
        sealed: for the browser that opened the sealed envelope of a site, while it lasts, and for nobody who signed in.
    """

    roles: frozenset[Role] | None
    purpose: Purpose | None = None
    step_up: bool = False
    once: bool = True
    activity: bool = True
    before_roles: bool = False
    watches: bool = False
    sealed: bool = False

    @property
    def is_public(self) -> bool:
        return self.roles is None

    def admits(self, roles: frozenset[Role]) -> bool:
        """True if one of these roles may call the view; the patient is a second question."""
        return self.roles is not None and (not self.roles or bool(self.roles & roles))


def reaches(principal: Principal, purpose: Purpose, roles: frozenset[Role] | None = None) -> frozenset[Relation]:
    """Relations through which this principal sees patients for this purpose, by those of `roles` that are held."""
    held = principal.roles if roles is None else principal.roles & roles
    found = {REACH[role, purpose] for role in held if (role, purpose) in REACH}
    if any((role, purpose) in EMERGENCY for role in held):
        found.add(Relation.EMERGENCY)
    return frozenset(found)


def public(*, once: bool = False) -> Callable[[View], View]:
    """Anyone may call this view."""
    return _declare(Policy(None, once=once))


def signed_in(*, once: bool = True, step_up: bool = False, activity: bool = True) -> Callable[[View], View]:
    """Anyone who has an account at the site may call this view."""
    return _declare(Policy(frozenset(), once=once, step_up=step_up, activity=activity))


def own_account() -> Callable[[View], View]:
    """Pages of allauth on which people keep their own sign-in."""
    return _declare(Policy(frozenset(), once=False, before_roles=True))


def staff(
    *roles: Role, once: bool = True, step_up: bool = False, activity: bool = True, watches: bool = False
) -> Callable[[View], View]:
    """Staff with one of these roles (none named: any) may call this view, which is about no one patient."""
    return _declare(Policy(frozenset(roles) or STAFF, once=once, step_up=step_up, activity=activity, watches=watches))


def sealed(*, once: bool = True) -> Callable[[View], View]:
    """A page for emergencies, for whoever opened the sealed envelope; no role opens it."""
    return _declare(Policy(frozenset(), once=once, activity=False, watches=True, sealed=True))


def about_patient(
    *roles: Role,
    purpose: Purpose,
    once: bool = True,
    step_up: bool = False,
    activity: bool = True,
    watches: bool = False,
) -> Callable[[View], View]:
    """Those with one of these roles, and a relation to the patient that fits the purpose, may call this view."""
    unreachable = [role for role in roles if (role, purpose) not in REACH]
    if unreachable or not roles:
        raise ValueError(f"{', '.join(unreachable) or 'nobody'} reaches no patient for {purpose}; see REACH.")
    policy = Policy(frozenset(roles), purpose, once=once, step_up=step_up, activity=activity, watches=watches)
    return _declare(policy)


def policy_of(view: Callable[..., Any]) -> Policy | None:
    """What the view declares."""
    found = getattr(view, "policy", None)
    return found if isinstance(found, Policy) else None


def _declare(policy: Policy) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: Any, *args: Any, **kwargs: Any) -> Any:
            if policy.once and request.method not in ("GET", "HEAD", "OPTIONS"):
                from openkap.people.once import once

                return once(request, lambda: view(request, *args, **kwargs))
            return view(request, *args, **kwargs)

        guarded.policy = policy  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate
