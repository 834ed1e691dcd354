"""Clinical content: read it, sign it, set the site's own limits."""

from django.urls import path

from openkap.web.content import views

app_name = "content"
urlpatterns = [
    path("", views.index, name="index"),
    path("rows/", views.rows, name="rows"),
    path("sign/", views.sign, name="sign"),
    path("rows/<slug:chapter>/<str:row>/", views.row, name="row"),
    path("rows/<slug:chapter>/<str:row>/withdraw/", views.withdraw, name="withdraw"),
    path("rows/<slug:chapter>/<str:row>/limits/<str:limit>/", views.limit, name="limit"),
]
