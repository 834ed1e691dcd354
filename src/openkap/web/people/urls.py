"""Accounts and settings of a site, the audit trail, emergency access, who a patient is and who cares."""

from django.urls import path

from openkap.web.people import about, oversight, views

app_name = "people"
urlpatterns = [
    path("site/", views.accounts, name="accounts"),
    path("site/invite/", views.invite, name="invite"),
    path("site/contact/", views.contact, name="contact"),
    path("site/accounts/<uuid:user_id>/", views.account, name="account"),
    path("site/accounts/<uuid:user_id>/<slug:what>/", views.change, name="change"),
    path("audit/", oversight.trail, name="trail"),
    path("audit/check/", oversight.check, name="check"),
    path("audit/emergency/", oversight.emergencies, name="emergencies"),
    path("audit/emergency/<uuid:access_id>/", oversight.review, name="review"),
    path("audit/unusual/", oversight.unusual, name="unusual"),
    path("emergency/", about.emergency, name="emergency"),
    path("register/", about.register, name="register"),
    path("p/<uuid:patient_id>/identity/", about.identity, name="identity"),
    path("p/<uuid:patient_id>/photo/", about.photo, name="photo"),
    path("p/<uuid:patient_id>/photo/change/", about.photo_change, name="photo-change"),
    path("p/<uuid:patient_id>/team/", about.team, name="team"),
    path("p/<uuid:patient_id>/looked/", oversight.looked, name="looked"),
]
