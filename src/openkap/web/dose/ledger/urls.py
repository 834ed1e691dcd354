"""The drug ledger of a site: stock, lots, what waits for a second person, counts, cases, reports."""

from django.urls import path

from openkap.web.dose.ledger import acts, counts, views, witness

app_name = "ledger"
urlpatterns = [
    path("", views.stock, name="stock"),
    path("lots/<int:pk>/", views.lot, name="lot"),
    path("products/", views.products, name="products"),
    path("sheet/", views.sheet, name="sheet"),
    path("patterns/", views.patterns, name="patterns"),
    path("seals/", views.seals, name="seals"),
    path("home/", acts.home, name="home"),
    path("receive/", acts.receive, name="receive"),
    path("lots/<int:pk>/open/", acts.open_vial, name="open"),
    path("lots/<int:pk>/return/", acts.give_back, name="return"),
    path("lots/<int:pk>/recall/", acts.recall, name="recall"),
    path("lots/<int:pk>/waste/", witness.waste, name="waste"),
    path("postings/<int:pk>/undo/", witness.undo, name="undo"),
    path("waiting/<uuid:pending_id>/", witness.waits, name="waits"),
    path("waiting/<uuid:pending_id>/confirm/", witness.confirm, name="confirm"),
    path("waiting/<uuid:pending_id>/refuse/", witness.refuse, name="refuse"),
    path("waiting/<uuid:pending_id>/withdraw/", witness.withdraw, name="withdraw"),
    path("waiting/<uuid:pending_id>/again/", witness.again, name="again"),
    path("count/", counts.count, name="count"),
    path("cases/", counts.cases, name="cases"),
    path("cases/<int:pk>/", counts.case, name="case"),
    path("cases/<int:pk>/notice/", counts.notice, name="notice"),
    path("cases/<int:pk>/close/", counts.close, name="close"),
]
