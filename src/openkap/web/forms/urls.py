"""Forms: on a patient's phone, and in the work list of staff."""

from django.urls import path

from openkap.web.forms import desk, phone

app_name = "forms"
urlpatterns = [
    path("f/<str:token>/", phone.question, name="question"),
    path("f/<str:token>/begin/", phone.begin, name="begin"),
    path("f/<str:token>/answer/", phone.answer, name="answer"),
    path("f/<str:token>/send/", phone.send, name="send"),
    path("f/<str:token>/stop/", phone.stop, name="stop"),
    path("f/<str:token>/help/", phone.crisis_help, name="help"),
    path("forms/", desk.work_list, name="work"),
    path("p/<uuid:patient_id>/forms/", desk.of_patient, name="patient"),
    path("p/<uuid:patient_id>/forms/ask/", desk.ask, name="ask"),
    path("p/<uuid:patient_id>/forms/<uuid:request_id>/link/", desk.link, name="link"),
    path("p/<uuid:patient_id>/forms/<uuid:request_id>/chase/", desk.chase, name="chase"),
    path("p/<uuid:patient_id>/forms/<uuid:request_id>/withdraw/", desk.withdraw, name="withdraw"),
    path("p/<uuid:patient_id>/forms/<uuid:request_id>/enter/", desk.enter, name="enter"),
]
