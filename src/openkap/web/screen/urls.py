"""The verdict of one person, and what people decide about it."""

from django.urls import path

from openkap.web.screen import views

app_name = "screen"
urlpatterns = [
    path("", views.verdict, name="verdict"),
    path("ask/", views.ask, name="ask"),
    path("print/", views.printed, name="print"),
    path("decide/<str:kind>/<str:rule>/<str:ground>/", views.decide, name="decide"),
    path("decisions/<int:pk>/withdraw/", views.withdraw, name="withdraw"),
    path("sign/", views.sign, name="sign"),
    path("signed/<int:pk>/", views.signed, name="signed"),
    path("signed/<int:pk>/withdraw/", views.unsign, name="unsign"),
]
