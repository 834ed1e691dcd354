"""The plan of one person in its versions."""

from django.urls import path

from openkap.web.plan import views

app_name = "plan"
urlpatterns = [
    path("", views.newest, name="newest"),
    path("edit/", views.edit, name="edit"),
    path("dose/", views.dose, name="dose"),
    path("sign/", views.sign, name="sign"),
    path("versions/", views.versions, name="versions"),
    path("v/<int:version>/", views.version, name="version"),
    path("v/<int:version>/compare/<int:other>/", views.compare, name="compare"),
    path("v/<int:version>/withdraw/", views.unsign, name="unsign"),
    path("v/<int:version>/page/", views.page, name="page"),
    path("v/<int:version>/pdf/", views.pdf, name="pdf"),
    path("v/<int:version>/export/<str:form>/", views.export, name="export"),
]
