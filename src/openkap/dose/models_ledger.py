"""
The drug ledger as it is kept. Every table only grows: what is open, asked or closed is a row without, or with, the row
that ends it. None is about a patient; a posting names a session by its id.

Only `services_ledger.py` writes these.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from openkap.people.models import Site, User

FORMS = ("vial", "lozenge", "device")
BASES = ("base", "hydrochloride")
PLACES = ("supplier", "stock", "vial", "drawn", "given", "waste", "returned", "lost", "home")
KINDS = ("receive", "open", "draw", "give", "waste", "return", "lose", "send-home", "reverse")
ASKED = ("waste", "lose", "reverse", "count")
ENDS = ("posted", "refused", "withdrawn")
MOMENTS = ("open", "close")


class Lot(models.Model):
    """Append-only: a lot as its label describes it. `label` is the number on it; amounts are micrograms of `basis`."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    label = models.CharField(max_length=60)
    drug = models.CharField(max_length=12)
    form = models.CharField(max_length=8)
    unit_ug = models.PositiveBigIntegerField()  # one container
    ug_per_ml = models.PositiveBigIntegerField(null=True)
    basis = models.CharField(max_length=14)
    expires = models.DateField()
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "label"], name="one_lot_to_a_label"),
            models.CheckConstraint(condition=Q(drug__in=["ketamine", "esketamine"]), name="lot_drug_is_known"),
            models.CheckConstraint(condition=Q(form__in=FORMS), name="lot_form_is_known"),
            models.CheckConstraint(condition=Q(basis__in=BASES), name="lot_says_base_or_hydrochloride"),
            models.CheckConstraint(condition=Q(unit_ug__gt=0), name="a_container_holds_something"),
            models.CheckConstraint(condition=Q(ug_per_ml=None) | Q(ug_per_ml__gt=0), name="a_strength_is_above_nought"),
            models.CheckConstraint(condition=~Q(label=""), name="a_lot_has_a_number"),
        ]

    def __str__(self) -> str:
        return self.label


class Recall(models.Model):
    """Append-only: a lot was recalled, and is used no more from that instant."""

    lot = models.OneToOneField(Lot, models.PROTECT, related_name="recall")
    on = models.DateField()  # on the site's calendar
    notice = models.CharField(max_length=500)  # whose, and its number
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)

    def __str__(self) -> str:
        return str(self.pk)


class Posting(models.Model):
    """Append-only: one movement (ledger.Posting) with its place in the chain of its lot, and its seal."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+", db_index=False)
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="postings")
    number = models.PositiveIntegerField()  # within the lot, from 1
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=9)
    source_place = models.CharField(max_length=8)
    source_id = models.CharField(max_length=80, blank=True)
    target_place = models.CharField(max_length=8)
    target_id = models.CharField(max_length=80, blank=True)
    ug = models.PositiveBigIntegerField()
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)  # as it was then
    role = models.CharField(max_length=20)
    at = models.DateTimeField()
    day = models.DateField()  # on the site's calendar
    ref = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    reverses = models.OneToOneField("self", models.PROTECT, null=True, related_name="reversed_by")
    witness = models.ForeignKey(User, models.PROTECT, null=True, related_name="+")
    witness_name = models.CharField(max_length=200, blank=True)
    witness_role = models.CharField(max_length=20, blank=True)
    proof = models.CharField(max_length=64, null=True, unique=True)  # of one act of proving who one is; used once
    proof_at = models.DateTimeField(null=True)
    seal = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="a_key_is_one_posting"),
            models.UniqueConstraint(fields=["lot", "number"], name="postings_of_a_lot_are_numbered"),
            models.CheckConstraint(condition=Q(ug__gt=0), name="a_posting_moves_something"),
            models.CheckConstraint(condition=Q(kind__in=KINDS), name="posting_kind_is_known"),
            models.CheckConstraint(
                condition=Q(source_place__in=PLACES, target_place__in=PLACES), name="posting_places_are_known"
            ),
            models.CheckConstraint(condition=Q(witness=None) | ~Q(witness=F("by")), name="a_witness_is_another_person"),
            models.CheckConstraint(
                condition=~Q(kind__in=["waste", "lose", "reverse"])
                | Q(witness__isnull=False, proof__isnull=False, proof_at__isnull=False),
                name="waste_has_a_witness_and_a_proof",
            ),
            models.CheckConstraint(
                condition=Q(kind="reverse", reverses__isnull=False) | (~Q(kind="reverse") & Q(reverses=None)),
                name="only_a_contra_posting_undoes",
            ),
        ]
        indexes = [models.Index(fields=["site", "ref"], name="postings_of_a_session")]

    def __str__(self) -> str:
        return str(self.pk)


class PendingPosting(models.Model):
    """
    Append-only: a waste, loss, contra-posting or count that waits for a second person.

    `PendingEnd` says how it ended; without one it is open, or lapsed once it is older than a proof
    may be (LEDGER-WITNESS). A count names no lot: `lines` holds, by label, what was counted in micrograms and how many
    postings the lot had then.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    key = models.CharField(max_length=120)
    kind = models.CharField(max_length=9)
    lot = models.ForeignKey(Lot, models.PROTECT, null=True, related_name="+")
    source_place = models.CharField(max_length=8, blank=True)
    source_id = models.CharField(max_length=80, blank=True)
    ug = models.PositiveBigIntegerField(null=True)
    ref = models.CharField(max_length=120, blank=True)
    reason = models.CharField(max_length=500, blank=True)
    reverses = models.ForeignKey(Posting, models.PROTECT, null=True, related_name="+")
    lines = models.JSONField(default=dict)
    moment = models.CharField(max_length=5, blank=True)
    inventory = models.BooleanField(default=False)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20)
    at = models.DateTimeField()
    day = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="a_key_asks_once"),
            models.CheckConstraint(condition=Q(kind__in=ASKED), name="what_is_asked_is_known"),
            models.CheckConstraint(
                condition=Q(kind="count", lot=None, ug=None, moment__in=MOMENTS)
                | (~Q(kind="count") & Q(lot__isnull=False, ug__gt=0)),
                name="a_count_has_lines_and_a_posting_an_amount",
            ),
            models.CheckConstraint(condition=Q(kind="count") | ~Q(reason=""), name="what_is_asked_has_a_reason"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class PendingEnd(models.Model):
    """Append-only: how something that waited for a second person ended, and by whom."""

    of = models.OneToOneField(PendingPosting, models.PROTECT, related_name="end")
    how = models.CharField(max_length=9)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    reason = models.CharField(max_length=500, blank=True)
    proof = models.CharField(max_length=64, null=True, unique=True)  # of one act of proving who one is; used once
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(how="posted", proof__isnull=False) | (~Q(how="posted") & Q(proof=None)),
                name="only_what_is_posted_has_a_proof",
            ),
            models.CheckConstraint(condition=Q(how__in=ENDS), name="how_it_ended_is_known"),
            models.CheckConstraint(condition=Q(how="posted") | ~Q(reason=""), name="a_refusal_has_a_reason"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Count(models.Model):
    """
    Append-only: what two people counted of a lot without seeing its balance.

    `number` and `seal` are those of the newest posting then: postings that are cut off afterwards are missed here.
    """

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="counts")
    key = models.CharField(max_length=160)
    counted_ug = models.PositiveBigIntegerField()
    moment = models.CharField(max_length=5)
    inventory = models.BooleanField(default=False)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20)
    second = models.ForeignKey(User, models.PROTECT, related_name="+")
    second_name = models.CharField(max_length=200)
    second_role = models.CharField(max_length=20)
    proof = models.CharField(max_length=64)
    proof_at = models.DateTimeField()
    at = models.DateTimeField()  # of the counting
    day = models.DateField()
    number = models.PositiveIntegerField()
    seal = models.CharField(max_length=64, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "key"], name="a_key_is_one_count"),
            models.CheckConstraint(condition=~Q(by=F("second")), name="two_different_people_count"),
            models.CheckConstraint(condition=Q(moment__in=MOMENTS), name="count_moment_is_known"),
        ]
        indexes = [models.Index(fields=["site", "day"], name="counts_of_a_day")]

    def __str__(self) -> str:
        return str(self.pk)


class Discrepancy(models.Model):
    """Append-only: a gap between a count and the balance: a case with an owner and a day by which notice is due."""

    count = models.OneToOneField(Count, models.PROTECT, related_name="case")
    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="cases")
    case = models.CharField(max_length=180)  # what postings made for it hold as `ref`
    gap_ug = models.BigIntegerField()
    found = models.DateField()
    owner = models.ForeignKey(User, models.PROTECT, related_name="+")
    owner_name = models.CharField(max_length=200)
    owner_role = models.CharField(max_length=20)
    notice_by = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["site", "case"], name="one_discrepancy_to_a_case"),
            models.CheckConstraint(condition=~Q(gap_ug=0), name="a_case_has_a_gap"),
        ]

    def __str__(self) -> str:
        return self.case


class CaseClosing(models.Model):
    """Append-only: a prescriber who does not own it closed a case, and why."""

    of = models.OneToOneField(Discrepancy, models.PROTECT, related_name="closing")
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    reason = models.CharField(max_length=500)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class LossNotice(models.Model):
    """Append-only: the written notice of a theft or loss, and Form 106, as they were sent."""

    of = models.ForeignKey(Discrepancy, models.PROTECT, related_name="notices")
    written_on = models.DateField()
    to = models.CharField(max_length=200)
    form_106 = models.CharField(max_length=80, blank=True)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    role = models.CharField(max_length=20)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.pk)


class HomeRule(models.Model):
    """Append-only: whether doses may go home from this site, and why. The newest row holds; without one, none."""

    site = models.ForeignKey(Site, models.PROTECT, related_name="+")
    allowed = models.BooleanField()
    reason = models.CharField(max_length=500)
    by = models.ForeignKey(User, models.PROTECT, related_name="+")
    name = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(reason=""), name="a_home_rule_has_a_reason")]

    def __str__(self) -> str:
        return str(self.pk)


APPEND_ONLY = (Lot, Recall, Posting, PendingPosting, PendingEnd, Count, Discrepancy, CaseClosing, LossNotice, HomeRule)
