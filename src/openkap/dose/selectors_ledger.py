"""What the drug ledger says: one lot as the pure ledger, and what stands at a site. Nothing here writes."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Literal
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Q, QuerySet, Sum
from django.utils import timezone

from openkap.dose import ledger as led
from openkap.dose.library import Content, content_of
from openkap.dose.models_ledger import Count, Discrepancy, HomeRule, Lot, PendingPosting, Posting
from openkap.dose.types import Staff
from openkap.kernel.quantity import DoseMg
from openkap.kernel.site import Site
from openkap.people import models as people
from openkap.people.models import AuditEvent
from openkap.people.types import Role

Lock = Literal["", "recalled", "expired", "hydrochloride"]
HOUSE = ("stock", "vial", "drawn")
ROWS = ("LEDGER-WITNESS", "LEDGER-COUNT", "LEDGER-LOSS", "LEDGER-INVENTORY", "LEDGER-RECORDS", "LEDGER-HOME")
_SEAL_SHOWN = 16  # so much of a seal stands in the audit trail


# -- what the site goes by -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Rules:
    """Numbers of custody as the site uses them, and which of the rows nobody there has signed."""

    within_min: int
    business_days: int
    months: int
    years: int
    unsigned: tuple[str, ...]


def rules(on: date) -> Rules:
    """
    What custody goes by on this day.

    Raises:
        ContentFault: content or the site's own values are at fault.
    """
    site, content = content_now()
    number = {name: content.statement(name).numbers for name in ROWS}
    return Rules(
        int(number["LEDGER-WITNESS"]["within_min"]),
        int(number["LEDGER-LOSS"]["business_days"]),
        int(number["LEDGER-INVENTORY"]["months"]),
        int(number["LEDGER-RECORDS"]["years"]),
        tuple(name for name in ROWS if not site.signed(content.statement(name), on)),
    )


def content_now() -> tuple[Site, Content]:
    """The site, and the content of the room as it uses it now."""
    folder = settings.ENVIRONMENT.site
    return _content(folder, _stamp(folder))


def _stamp(folder: Path | None) -> tuple[tuple[str, int], ...]:
    if folder is None or not folder.is_dir():
        return ()
    return tuple((path.name, path.stat().st_mtime_ns) for path in sorted(folder.glob("**/*.toml")))


@lru_cache(maxsize=2)
def _content(folder: Path | None, stamp: tuple[tuple[str, int], ...]) -> tuple[Site, Content]:
    site = Site.open(folder)
    return site, content_of(site)


def secrets() -> tuple[bytes, ...]:
    """What the ledger is sealed with: made from the secret of the deployment, which is not in the database."""
    known = (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)
    return tuple(hashlib.sha256(f"openkap.ledger:{secret!s}".encode()).digest() for secret in known)


def day_at(site_id: UUID, now: datetime | None = None) -> date:
    """The day at the site."""
    zone = people.Site.objects.values_list("zone", flat=True).get(pk=site_id)
    return (now or timezone.now()).astimezone(ZoneInfo(zone)).date()


def home_reason(site_id: UUID) -> str:
    """Why doses may go home from this site; empty: they may not."""
    row = HomeRule.objects.filter(site=site_id).order_by("-pk").first()
    return row.reason if row is not None and row.allowed else ""


# -- rows as the pure ledger has them --------------------------------------------------------------------


def lots(site_id: UUID) -> QuerySet[Lot]:
    """Every lot of a site, what expires first first."""
    return Lot.objects.filter(site=site_id).select_related("recall").order_by("expires", "label")


def pure_lot(row: Lot) -> led.Lot:
    """A lot as the pure ledger has it."""
    recall = getattr(row, "recall", None)
    return led.Lot(
        row.label,
        row.drug,  # type: ignore[arg-type]
        row.form,  # type: ignore[arg-type]
        row.unit_ug,
        row.expires,
        row.basis,  # type: ignore[arg-type]
        row.ug_per_ml,
        recall.on if recall else None,
    )


def pure_posting(row: Posting, lot: Lot) -> led.Posting:
    """A posting as it was sealed."""
    proof = None
    if row.proof is not None and row.proof_at is not None:
        witness = Staff(str(row.witness_id), row.witness_name, Role(row.witness_role))
        proof = led.Proof(row.proof, witness, row.key, row.proof_at)
    return led.Posting(
        row.key,
        row.kind,  # type: ignore[arg-type]
        lot.label,
        led.Account(row.source_place, row.source_id),  # type: ignore[arg-type]
        led.Account(row.target_place, row.target_id),  # type: ignore[arg-type]
        row.ug,
        Staff(str(row.by_id), row.name, Role(row.role)),
        row.at,
        lot.drug,  # type: ignore[arg-type]
        row.ref,
        row.reason,
        proof,
        row.reverses.key if row.reverses else "",
    )


def ledger_of(*rows: Lot, upto: int | None = None) -> led.Ledger:
    """
    The ledger of these lots, as the pure module has it.

    Args:
        upto: only so many postings of each lot, as when it was counted.
    """
    known = {row.pk: row for row in rows}
    found = Posting.objects.filter(lot__in=list(known)).select_related("reverses").order_by("pk")
    postings = [row for row in found if upto is None or row.number <= upto]
    counts = Count.objects.filter(lot__in=list(known)).order_by("pk")
    opened = Discrepancy.objects.filter(lot__in=list(known)).select_related("closing").order_by("pk")
    cases = list(opened.prefetch_related("notices"))
    return led.Ledger(
        {row.label: pure_lot(row) for row in rows},
        tuple(pure_posting(row, known[row.lot_id]) for row in postings),
        tuple(pure_count(row, known[row.lot_id]) for row in counts),
        tuple(pure_case(row, known[row.lot_id]) for row in cases),
        tuple(
            led.LossNotice(
                row.case, Staff(str(one.by_id), one.name, Role(one.role)), one.written_on, one.to, one.form_106
            )
            for row in cases
            for one in row.notices.all()
        ),
        tuple(row.seal for row in postings),
    )


def pure_count(row: Count, lot: Lot) -> led.Count:
    """A count as the pure ledger has it."""
    return led.Count(
        row.key,
        lot.label,
        row.counted_ug,
        Staff(str(row.by_id), row.name, Role(row.role)),
        Staff(str(row.second_id), row.second_name, Role(row.second_role)),
        row.at,
        row.moment,  # type: ignore[arg-type]
        row.inventory,
    )


def pure_case(row: Discrepancy, lot: Lot) -> led.Discrepancy:
    """A case as the pure ledger has it."""
    owner = Staff(str(row.owner_id), row.owner_name, Role(row.owner_role))
    closing = getattr(row, "closing", None)
    closed = f"{closing.name}: {closing.reason}" if closing else ""
    return led.Discrepancy(row.case, lot.label, row.gap_ug, row.found, owner, row.notice_by, closed)


# -- what stands at a site -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Held:
    """
    A lot with what the ledger says of it.

    Args:
        stock_ug: in closed containers, or part of one after a waste.
        vials: open vials with what they hold; drawn: sessions with what is drawn for them and not given.
        lock: why it is not used, in a word; empty: it may be.
        why_not: the same in a sentence.
    """

    lot: Lot
    stock_ug: int
    vials: tuple[tuple[str, int], ...]
    drawn: tuple[tuple[str, int], ...]
    lock: Lock
    why_not: str

    @property
    def in_house_ug(self) -> int:
        return self.stock_ug + sum(ug for _, ug in self.vials) + sum(ug for _, ug in self.drawn)

    @property
    def open_ug(self) -> int:
        """In open vials and syringes."""
        return self.in_house_ug - self.stock_ug

    @property
    def containers(self) -> int:
        """Whole containers in stock."""
        return self.stock_ug // self.lot.unit_ug


def held(site_id: UUID, day: date, *, label: str | None = None) -> list[Held]:
    """Every lot of a site with its balances, what expires first first; `label`: that one alone."""
    rows = list(lots(site_id) if label is None else lots(site_id).filter(label=label))
    sums = balances(site_id, rows)
    return [_held(row, sums[row.pk], day) for row in rows]


def _held(row: Lot, sums: Mapping[tuple[str, str], int], day: date) -> Held:
    def at(place: str) -> tuple[tuple[str, int], ...]:
        return tuple(sorted((id_, ug) for (of, id_), ug in sums.items() if of == place and ug))

    return Held(row, sums.get(("stock", row.label), 0), at("vial"), at("drawn"), *locked(row, day))


def locked(row: Lot, day: date) -> tuple[Lock, str]:
    """Why a lot is not used on this day, in a word and a sentence; both empty: it may be."""
    recall = getattr(row, "recall", None)
    if recall is not None:
        return "recalled", f"Recalled on {recall.on.isoformat()}: lock it away, waste or return it."
    if row.expires < day:
        return "expired", f"Expired on {row.expires.isoformat()}: waste or return it."
    if row.basis != "base":
        text = "Labelled in hydrochloride: it is counted, wasted and returned, and never drawn as if it were base."
        return "hydrochloride", text
    return "", ""


def balances(site_id: UUID, rows: Iterable[Lot]) -> dict[int, dict[tuple[str, str], int]]:
    """Micrograms of these lots by place and its id, summed by the database from the postings alone."""
    found: dict[int, Counter[tuple[str, str]]] = defaultdict(Counter)
    own = Posting.objects.filter(site=site_id, lot__in=[row.pk for row in rows]).order_by()
    for end, sign in (("source", -1), ("target", 1)):
        sums = own.values_list("lot", f"{end}_place", f"{end}_id").annotate(all=Sum("ug"))
        for lot, place, id_, ug in sums:
            found[lot][place, id_] += sign * int(ug)
    return defaultdict(dict, {lot: dict(sums) for lot, sums in found.items()})


def rests(site_id: UUID) -> list[tuple[Lot, led.Account, int]]:
    """Open vials and syringes that are not empty: after the last patient there is none."""
    rows = list(lots(site_id))
    sums = balances(site_id, rows)
    return [
        (row, led.Account(place, id_), ug)  # type: ignore[arg-type]
        for row in rows
        for (place, id_), ug in sorted(sums[row.pk].items())
        if place in led.OPEN_PLACES and ug
    ]


@dataclass(frozen=True)
class Waiting:
    """Something that waits for a second person; `lapsed`: too old to be confirmed, so it has to be asked again."""

    row: PendingPosting
    lapsed: bool


def waiting(site_id: UUID, now: datetime | None = None) -> list[Waiting]:
    """What was asked and has no end, oldest first."""
    now = now or timezone.now()
    longest = timedelta(minutes=rules(day_at(site_id, now)).within_min)
    rows = PendingPosting.objects.filter(site=site_id, end=None).select_related("lot", "reverses").order_by("at")
    return [Waiting(row, now - row.at > longest) for row in rows]


@dataclass(frozen=True)
class Case:
    """A case as it stands. `overdue`: its day of notice has passed without one."""

    row: Discrepancy
    noticed: bool
    overdue: bool


def cases(site_id: UUID, day: date, *, closed: bool = False) -> list[Case]:
    """Open cases, what is due first first; or those that were closed, the newest first."""
    found = Discrepancy.objects.filter(site=site_id, closing__isnull=not closed).select_related(
        "lot", "count", "closing"
    )
    rows = found.prefetch_related("notices").order_by(*(("-pk",) if closed else ("notice_by", "pk")))
    return [_case(row, day) for row in rows]


def _case(row: Discrepancy, day: date) -> Case:
    noticed = bool(row.notices.all())
    is_open = getattr(row, "closing", None) is None
    return Case(row, noticed, is_open and not noticed and day > row.notice_by)


def inventory_due(site_id: UUID, day: date) -> bool:
    """True if a first inventory, or the next one, is due for a lot in the house; False where there never was a lot."""
    rows = list(lots(site_id))
    sums = balances(site_id, rows)
    there = [row for row in rows if any(ug and place in HOUSE for (place, _), ug in sums[row.pk].items())]
    if not there:
        return False
    whole = ledger_of(*there)
    # When the last inventory was taken is said by the counts of all lots, also of those that are used up.
    taken = Count.objects.filter(site=site_id, inventory=True).exclude(lot__in=there).select_related("lot")
    counts = (*whole.counts, *(pure_count(row, row.lot) for row in taken))
    return led.inventory_due(replace(whole, counts=counts), day, rules(day).months)


def counted_today(site_id: UUID, day: date) -> dict[str, frozenset[int]]:
    """Which lots were counted at open and at close of this day."""
    found: dict[str, set[int]] = {"open": set(), "close": set()}
    for moment, lot in Count.objects.filter(site=site_id, day=day).values_list("moment", "lot"):
        found[moment].add(lot)
    return {moment: frozenset(ids) for moment, ids in found.items()}


def unexplained(site_id: UUID, session_id: str, charted: Mapping[str, DoseMg]) -> dict[str, int]:
    """
    What ledger and chart of one session do not agree on, micrograms by lot; empty where they do.

    Args:
        charted: what the session says was given, by the lot's label.
    """
    named = Q(source_id=session_id) | Q(target_id=session_id)
    ids = Posting.objects.filter(named, site=site_id).values_list("lot", flat=True).distinct()
    return led.unexplained(ledger_of(*Lot.objects.filter(pk__in=list(ids))), session_id, charted)


@dataclass(frozen=True)
class Pair:
    """How often two wasted together, how much, and how often beyond the hours of the site's day."""

    by: str
    witness: str
    times: int
    ug: int
    days: int
    share: int  # per cent of all that the first one wasted


def pairs(site_id: UUID, since: date) -> list[Pair]:
    """Who wasted or lost before whom since a day, the most frequent first (HAZ-59): a question, not a fault."""
    rows = Posting.objects.filter(site=site_id, kind__in=["waste", "lose"], day__gte=since).exclude(witness=None)
    times, ug = Counter[tuple[UUID, UUID]](), Counter[tuple[UUID, UUID]]()
    days: dict[tuple[UUID, UUID], set[date]] = defaultdict(set)
    names: dict[UUID, str] = {}
    whole = Counter[UUID]()
    for row in rows:
        assert row.witness_id is not None
        pair = row.by_id, row.witness_id
        names[row.by_id], names[row.witness_id] = row.name, row.witness_name
        times[pair] += 1
        ug[pair] += row.ug
        days[pair].add(row.day)
        whole[row.by_id] += 1
    return [
        Pair(names[a], names[b], n, ug[a, b], len(days[a, b]), round(100 * n / whole[a]))
        for (a, b), n in times.most_common()
    ]


@dataclass(frozen=True)
class Waster:
    """How much of what somebody drew was wasted by them, and how much of it at which hours."""

    name: str
    times: int
    ug: int
    drawn_ug: int
    hours: tuple[int, ...]  # hours of the site's day at which they wasted, each once


def wasters(site_id: UUID, since: date, zone: str) -> list[Waster]:
    """What each person wasted since a day beside what they drew, the most first."""
    where = ZoneInfo(zone)
    found = Posting.objects.filter(site=site_id, day__gte=since, kind__in=["waste", "lose", "draw"])
    names: dict[UUID, str] = {}
    times, ug, drawn = Counter[UUID](), Counter[UUID](), Counter[UUID]()
    hours: dict[UUID, set[int]] = defaultdict(set)
    for row in found:
        names[row.by_id] = row.name
        if row.kind == "draw":
            drawn[row.by_id] += row.ug
        else:
            times[row.by_id] += 1
            ug[row.by_id] += row.ug
            hours[row.by_id].add(row.at.astimezone(where).hour)
    return [
        Waster(names[who], times[who], ug[who], drawn[who], tuple(sorted(hours[who]))) for who, _ in ug.most_common()
    ]


# -- whether it is whole ---------------------------------------------------------------------------------


def faults(site_id: UUID) -> list[str]:
    """
    Everything that is wrong with the ledger of a site; empty if it is whole.

    Each posting is held against its seal, each lot against the seals that counts and the audit trail kept.
    """
    found: list[str] = []
    for row in lots(site_id):
        book = ledger_of(row)
        found += led.seal_faults(book, *secrets())
        found += _numbers(row)
        found += [
            f"{account.place} {account.id} of lot {of} is below nought."
            for (of, account), ug in led.balances(book).items()
            if ug < 0 and account.place != "supplier"
        ]
    return found


def _numbers(row: Lot) -> list[str]:
    """Postings that are missing, by what counts and the audit trail remember of them."""
    seals = dict(Posting.objects.filter(lot=row).values_list("number", "seal"))
    found = [f"Posting {n} of lot {row.label} is missing." for n in range(1, max(seals, default=0)) if n not in seals]
    kept = {(number, seal) for number, seal in Count.objects.filter(lot=row).values_list("number", "seal") if number}
    told = AuditEvent.objects.filter(site=row.site_id, type="ledger", entity=f"Lot/{row.pk}")
    kept |= {(n or 0, reason.rpartition(" ")[2]) for n, reason in told.values_list("entity_version", "reason") if n}
    for number, seal in sorted(kept):
        if not seals.get(number, "").startswith(seal):
            found.append(f"Posting {number} of lot {row.label} is gone, or is not the one that was recorded.")
    return list(dict.fromkeys(found))


def seal_shown(seal: str) -> str:
    """So much of a seal as people copy and the audit trail keeps."""
    return seal[:_SEAL_SHOWN]
