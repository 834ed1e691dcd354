"""Forms of the calendar. They check shape; what may be planned is the room's to say."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from openkap.people.models import Patient, User
from openkap.schedule.assemble import Group
from openkap.schedule.models import Resource
from openkap.schedule.services import Wish
from openkap.web import words

DAY = {"type": "date"}
HOUR = {"type": "time", "step": "900"}
WEEKDAYS = [
    ("0", _("Mon")),
    ("1", _("Tue")),
    ("2", _("Wed")),
    ("3", _("Thu")),
    ("4", _("Fri")),
    ("5", _("Sat")),
    ("6", _("Sun")),
]
ROOMS = [("dosing_bay", _("Bay for doses")), ("therapy_room", _("Room for two")), ("group_room", _("Room for groups"))]


def day_field(label: Any, **more: Any) -> forms.DateField:
    """A day."""
    return forms.DateField(label=label, widget=forms.DateInput(attrs=DAY, format="%Y-%m-%d"), **more)


def hour_field(label: Any, **more: Any) -> forms.TimeField:
    """An hour of the day."""
    return forms.TimeField(label=label, widget=forms.TimeInput(attrs=HOUR, format="%H:%M"), **more)


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


class RetreatForm(forms.Form):
    """Guests, days and how the house is run."""

    name = forms.CharField(label=_("Name of the retreat"), max_length=80)
    start = day_field(_("First day"))
    days = forms.IntegerField(label=_("How many days"), min_value=1, max_value=30, initial=10)
    opens = hour_field(_("Opens"), initial=time(8))
    closes = hour_field(_("Closes"), initial=time(19))
    lunch_from = hour_field(_("Lunch from"), initial=time(12, 15))
    lunch_to = hour_field(_("Lunch to"), initial=time(13))
    group_at = hour_field(_("Group every day at"), required=False, help_text=_("Empty: there is none."))
    group_minutes = forms.IntegerField(label=_("Minutes of a group"), min_value=15, max_value=240, initial=60)
    group_places = forms.IntegerField(label=_("Places in a group"), min_value=1, max_value=60, initial=8)
    group_sessions = forms.IntegerField(label=_("Groups for each guest"), min_value=0, max_value=30, initial=4)
    ratio = forms.IntegerField(label=_("People one nurse watches, at most"), min_value=1, required=False)
    therapist_stays = forms.BooleanField(
        label=_("A therapist stays with each person for the whole dose"), required=False, initial=True
    )
    guests = forms.MultipleChoiceField(
        label=_("Guests"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Everybody in your reach whose plan is signed."),
    )

    def __init__(self, *args: Any, patients: Sequence[Patient], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.patients = {str(one.pk): one for one in patients}
        self.fields["guests"].choices = [(pk, f"{one.given} {one.family}") for pk, one in self.patients.items()]  # type: ignore[attr-defined]

    @property
    def wish(self) -> Wish:
        """What `services.open_retreat` takes."""
        said = self.cleaned_data
        groups: tuple[Group, ...] = ()
        if said["group_at"]:
            at, minutes, places = _minute(said["group_at"]), said["group_minutes"], said["group_places"]
            groups = (Group(at=at, minutes=minutes, places=places),)
        return Wish(
            name=said["name"],
            start=said["start"],
            days=said["days"],
            opening=(_minute(said["opens"]), _minute(said["closes"])),
            lunch=(_minute(said["lunch_from"]), _minute(said["lunch_to"])),
            groups=groups,
            group_sessions=said["group_sessions"] if groups else 0,
            therapist_stays=said["therapist_stays"],
            ratio=said["ratio"],
        )

    @property
    def chosen(self) -> list[Patient]:
        return [self.patients[pk] for pk in self.cleaned_data["guests"]]


class PersonForm(forms.Form):
    """Somebody who works with patients."""

    name = forms.CharField(label=_("Name on the calendar"), max_length=80)
    role = forms.ChoiceField(label=_("Role"))
    user = forms.ChoiceField(label=_("Account"), required=False)
    credentials = forms.MultipleChoiceField(label=_("Trained in"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, users: Sequence[User], modalities: Sequence[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.users = {str(one.pk): one for one in users}
        roles = [
            (role, words.ROLES.get(role, _("assessor"))) for role in ("prescriber", "nurse", "therapist", "assessor")
        ]
        self.fields["role"].choices = [("", _("Choose")), *roles]  # type: ignore[attr-defined]
        self.fields["user"].choices = [("", _("None")), *((pk, one.name) for pk, one in self.users.items())]  # type: ignore[attr-defined]
        self.fields["credentials"].choices = list(modalities)  # type: ignore[attr-defined]


class RoomForm(forms.Form):
    """A room."""

    name = forms.CharField(label=_("Name of the room"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=ROOMS)
    turnover = forms.IntegerField(label=_("Minutes it needs after each use"), min_value=0, max_value=240, initial=0)


class DutyForm(forms.Form):
    """When somebody is on duty."""

    person = forms.ChoiceField(label=_("Who"))
    first = day_field(_("From day"))
    last = day_field(_("To day"))
    weekdays = forms.MultipleChoiceField(
        label=_("On"), choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple, initial=["0", "1", "2", "3", "4"]
    )
    begins = hour_field(_("Begins"), initial=time(8))
    ends = hour_field(_("Ends"), initial=time(17))

    def __init__(self, *args: Any, people: Sequence[Resource], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.people = {str(one.pk): one for one in people}
        self.fields["person"].choices = [("", _("Choose")), *((pk, one.name) for pk, one in self.people.items())]  # type: ignore[attr-defined]


class AbsentForm(forms.Form):
    """Who of staff is away, and until when. Never why."""

    who = forms.ChoiceField(label=_("Who"))
    first = day_field(_("From"))
    begins = hour_field(_("From hour"), required=False, help_text=_("Empty: the whole day."))
    last = day_field(_("To, this day with it"))

    def __init__(self, *args: Any, people: Sequence[Resource], **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.people = {str(one.pk): one for one in people}
        self.fields["who"].choices = [("", _("Choose")), *((pk, one.name) for pk, one in self.people.items())]  # type: ignore[attr-defined]

    @property
    def hours(self) -> tuple[datetime, datetime]:
        """From and until, on the clocks of the site."""
        return _hours(self.cleaned_data)


def _hours(said: dict[str, Any]) -> tuple[datetime, datetime]:
    begins: time = said["begins"] or time(0)
    first: date = said["first"]
    return datetime.combine(first, begins), datetime.combine(said["last"] + timedelta(days=1), time(0))


class AwayForm(forms.Form):
    """Who cannot be there, and until when. Never why."""

    who = forms.ChoiceField(label=_("Who"))
    kind = forms.ChoiceField(
        label=_("What"),
        choices=[
            ("ill", _("Of staff: is away")),
            ("no-show", _("Guest: does not come")),
            ("no-dose", _("Guest: no dose then, all else stays")),
        ],
        widget=forms.RadioSelect,
    )
    first = day_field(_("From"))
    begins = hour_field(_("From hour"), required=False, help_text=_("Empty: the whole day."))
    last = day_field(_("To, this day with it"))

    def __init__(self, *args: Any, people: Sequence[Resource], guests: Sequence[tuple[str, str]], **kwargs: Any):
        super().__init__(*args, **kwargs)
        staff = [(f"S{one.pk}", one.name) for one in people]
        self.fields["who"].choices = [("", _("Choose")), (_("Staff"), staff), (_("Guests"), list(guests))]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        said = super().clean() or {}
        staff, kind = str(said.get("who", "")).startswith("S"), said.get("kind")
        if kind and said.get("who") and staff != (kind == "ill"):
            self.add_error("kind", _("This does not fit who was chosen: choose one for staff, or one for a guest."))
        return said

    @property
    def hours(self) -> tuple[datetime, datetime]:
        """From and until, on the clocks of the site."""
        return _hours(self.cleaned_data)


class ChoiceForm(forms.Form):
    """How a patient wants to be told."""

    channel = forms.ChoiceField(
        label=_("Reminders and changes"),
        choices=[
            ("mail", _("By mail")),
            ("text", _("By text message")),
            ("none", _("No messages: the clinic tells me")),
        ],
        widget=forms.RadioSelect,
    )
    detail = forms.BooleanField(
        label=_("A message may say what the appointment is"),
        help_text=_("Without this it says only day and hour. Others may read it on a phone that lies on a table."),
        required=False,
    )
    zone = forms.CharField(
        label=_("Time zone where you live"),
        help_text=_("At night nothing is sent. Times in a message are the clinic's."),
        max_length=64,
    )


class GroupNameForm(forms.Form):
    """What a group may know of a patient."""

    shown = forms.ChoiceField(
        label=_("Others in a group see"),
        choices=[("nothing", _("nothing")), ("first", _("the first name")), ("alias", _("another name"))],
        widget=forms.RadioSelect,
    )
    alias = forms.CharField(label=_("The other name"), max_length=40, required=False)
