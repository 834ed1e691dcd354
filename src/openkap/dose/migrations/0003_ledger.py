"""The drug ledger: every table of it only grows."""

import uuid

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from openkap.people.append_only import append_only

_GROW = (
    "lot", "recall", "posting", "pendingposting", "pendingend",
    "count", "discrepancy", "caseclosing", "lossnotice", "homerule",
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("dose", "0002_guards"),
        ("people", "0008_pulse"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Count",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=160)),
                ("counted_ug", models.PositiveBigIntegerField()),
                ("moment", models.CharField(max_length=5)),
                ("inventory", models.BooleanField(default=False)),
                ("name", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=20)),
                ("second_name", models.CharField(max_length=200)),
                ("second_role", models.CharField(max_length=20)),
                ("proof", models.CharField(max_length=64)),
                ("proof_at", models.DateTimeField()),
                ("at", models.DateTimeField()),
                ("day", models.DateField()),
                ("number", models.PositiveIntegerField()),
                ("seal", models.CharField(blank=True, max_length=64)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "second",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Discrepancy",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("case", models.CharField(max_length=180)),
                ("gap_ug", models.BigIntegerField()),
                ("found", models.DateField()),
                ("owner_name", models.CharField(max_length=200)),
                ("owner_role", models.CharField(max_length=20)),
                ("notice_by", models.DateField()),
                (
                    "count",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="case", to="dose.count"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="CaseClosing",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=200)),
                ("reason", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "of",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="closing", to="dose.discrepancy"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="LossNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("written_on", models.DateField()),
                ("to", models.CharField(max_length=200)),
                ("form_106", models.CharField(blank=True, max_length=80)),
                ("name", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "of",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="dose.discrepancy"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Lot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("label", models.CharField(max_length=60)),
                ("drug", models.CharField(max_length=12)),
                ("form", models.CharField(max_length=8)),
                ("unit_ug", models.PositiveBigIntegerField()),
                ("ug_per_ml", models.PositiveBigIntegerField(null=True)),
                ("basis", models.CharField(max_length=14)),
                ("expires", models.DateField()),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="discrepancy",
            name="lot",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="cases", to="dose.lot"),
        ),
        migrations.AddField(
            model_name="count",
            name="lot",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="counts", to="dose.lot"),
        ),
        migrations.CreateModel(
            name="PendingPosting",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("key", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=9)),
                ("source_place", models.CharField(blank=True, max_length=8)),
                ("source_id", models.CharField(blank=True, max_length=80)),
                ("ug", models.PositiveBigIntegerField(null=True)),
                ("ref", models.CharField(blank=True, max_length=120)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("lines", models.JSONField(default=dict)),
                ("moment", models.CharField(blank=True, max_length=5)),
                ("inventory", models.BooleanField(default=False)),
                ("name", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("day", models.DateField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dose.lot"
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
        ),
        migrations.CreateModel(
            name="PendingEnd",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("how", models.CharField(max_length=9)),
                ("name", models.CharField(max_length=200)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("proof", models.CharField(max_length=64, null=True, unique=True)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "of",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="end", to="dose.pendingposting"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Posting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=120)),
                ("kind", models.CharField(max_length=9)),
                ("source_place", models.CharField(max_length=8)),
                ("source_id", models.CharField(blank=True, max_length=80)),
                ("target_place", models.CharField(max_length=8)),
                ("target_id", models.CharField(blank=True, max_length=80)),
                ("ug", models.PositiveBigIntegerField()),
                ("name", models.CharField(max_length=200)),
                ("role", models.CharField(max_length=20)),
                ("at", models.DateTimeField()),
                ("day", models.DateField()),
                ("ref", models.CharField(blank=True, max_length=120)),
                ("reason", models.CharField(blank=True, max_length=500)),
                ("witness_name", models.CharField(blank=True, max_length=200)),
                ("witness_role", models.CharField(blank=True, max_length=20)),
                ("proof", models.CharField(max_length=64, null=True, unique=True)),
                ("proof_at", models.DateTimeField(null=True)),
                ("seal", models.CharField(max_length=64)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lot",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="postings", to="dose.lot"
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="dose.posting",
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"
                    ),
                ),
                (
                    "witness",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="pendingposting",
            name="reverses",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="dose.posting"
            ),
        ),
        migrations.CreateModel(
            name="Recall",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("on", models.DateField()),
                ("notice", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                ("name", models.CharField(max_length=200)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "lot",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="recall", to="dose.lot"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HomeRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("allowed", models.BooleanField()),
                ("reason", models.CharField(max_length=500)),
                ("name", models.CharField(max_length=200)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "site",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="people.site"),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("reason", ""), _negated=True), name="a_home_rule_has_a_reason"
                    )
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.UniqueConstraint(fields=("site", "label"), name="one_lot_to_a_label"),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("drug__in", ["ketamine", "esketamine"])), name="lot_drug_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("form__in", ("vial", "lozenge", "device"))), name="lot_form_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("basis__in", ("base", "hydrochloride"))), name="lot_says_base_or_hydrochloride"
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("unit_ug__gt", 0)), name="a_container_holds_something"
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("ug_per_ml", None), ("ug_per_ml__gt", 0), _connector="OR"),
                name="a_strength_is_above_nought",
            ),
        ),
        migrations.AddConstraint(
            model_name="lot",
            constraint=models.CheckConstraint(
                condition=models.Q(("label", ""), _negated=True), name="a_lot_has_a_number"
            ),
        ),
        migrations.AddConstraint(
            model_name="discrepancy",
            constraint=models.UniqueConstraint(fields=("site", "case"), name="one_discrepancy_to_a_case"),
        ),
        migrations.AddConstraint(
            model_name="discrepancy",
            constraint=models.CheckConstraint(
                condition=models.Q(("gap_ug", 0), _negated=True), name="a_case_has_a_gap"
            ),
        ),
        migrations.AddIndex(
            model_name="count",
            index=models.Index(fields=["site", "day"], name="counts_of_a_day"),
        ),
        migrations.AddConstraint(
            model_name="count",
            constraint=models.UniqueConstraint(fields=("site", "key"), name="a_key_is_one_count"),
        ),
        migrations.AddConstraint(
            model_name="count",
            constraint=models.CheckConstraint(
                condition=models.Q(("by", models.F("second")), _negated=True), name="two_different_people_count"
            ),
        ),
        migrations.AddConstraint(
            model_name="count",
            constraint=models.CheckConstraint(
                condition=models.Q(("moment__in", ("open", "close"))), name="count_moment_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingend",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("how", "posted"), ("proof__isnull", False)),
                    models.Q(models.Q(("how", "posted"), _negated=True), ("proof", None)),
                    _connector="OR",
                ),
                name="only_what_is_posted_has_a_proof",
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingend",
            constraint=models.CheckConstraint(
                condition=models.Q(("how__in", ("posted", "refused", "withdrawn"))), name="how_it_ended_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingend",
            constraint=models.CheckConstraint(
                condition=models.Q(("how", "posted"), models.Q(("reason", ""), _negated=True), _connector="OR"),
                name="a_refusal_has_a_reason",
            ),
        ),
        migrations.AddIndex(
            model_name="posting",
            index=models.Index(fields=["site", "ref"], name="postings_of_a_session"),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.UniqueConstraint(fields=("site", "key"), name="a_key_is_one_posting"),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.UniqueConstraint(fields=("lot", "number"), name="postings_of_a_lot_are_numbered"),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(condition=models.Q(("ug__gt", 0)), name="a_posting_moves_something"),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("kind__in", ("receive", "open", "draw", "give", "waste", "return", "lose", "send-home", "reverse"))
                ),
                name="posting_kind_is_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "source_place__in",
                        ("supplier", "stock", "vial", "drawn", "given", "waste", "returned", "lost", "home"),
                    ),
                    (
                        "target_place__in",
                        ("supplier", "stock", "vial", "drawn", "given", "waste", "returned", "lost", "home"),
                    ),
                ),
                name="posting_places_are_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("witness", None), models.Q(("witness", models.F("by")), _negated=True), _connector="OR"
                ),
                name="a_witness_is_another_person",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind__in", ["waste", "lose", "reverse"]), _negated=True),
                    models.Q(("proof__isnull", False), ("proof_at__isnull", False), ("witness__isnull", False)),
                    _connector="OR",
                ),
                name="waste_has_a_witness_and_a_proof",
            ),
        ),
        migrations.AddConstraint(
            model_name="posting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "reverse"), ("reverses__isnull", False)),
                    models.Q(models.Q(("kind", "reverse"), _negated=True), ("reverses", None)),
                    _connector="OR",
                ),
                name="only_a_contra_posting_undoes",
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingposting",
            constraint=models.UniqueConstraint(fields=("site", "key"), name="a_key_asks_once"),
        ),
        migrations.AddConstraint(
            model_name="pendingposting",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ("waste", "lose", "reverse", "count"))), name="what_is_asked_is_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingposting",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "count"), ("lot", None), ("moment__in", ("open", "close")), ("ug", None)),
                    models.Q(models.Q(("kind", "count"), _negated=True), ("lot__isnull", False), ("ug__gt", 0)),
                    _connector="OR",
                ),
                name="a_count_has_lines_and_a_posting_an_amount",
            ),
        ),
        migrations.AddConstraint(
            model_name="pendingposting",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", "count"), models.Q(("reason", ""), _negated=True), _connector="OR"),
                name="what_is_asked_has_a_reason",
            ),
        ),
        *(append_only(f"dose_{name}") for name in _GROW),
    ]
