"""Routes of the calendar."""

from django.urls import path

from openkap.web.schedule import calendar, contacts, house, reply, roster, runs, single, tell, views, waiting

app_name = "retreat"
urlpatterns = [
    path("retreats/", views.all_retreats, name="all"),
    path("retreats/new/", house.new, name="new"),
    path("retreats/house/", house.house, name="house"),
    path("retreats/lists/", roster.look_up, name="look-up"),
    path("retreats/<uuid:retreat_id>/", views.board, name="board"),
    path("retreats/<uuid:retreat_id>/guests/", roster.roster, name="roster"),
    path("retreats/<uuid:retreat_id>/guests/file/", roster.file, name="roster-file"),
    path("retreats/<uuid:retreat_id>/guests/<uuid:list_id>/", roster.paper, name="roster-paper"),
    path("retreats/<uuid:retreat_id>/publish/", views.publish, name="publish"),
    path("retreats/<uuid:retreat_id>/undo/", views.undo, name="undo"),
    path("retreats/<uuid:retreat_id>/s/<str:name>/", views.session, name="session"),
    path("retreats/<uuid:retreat_id>/build/", runs.build, name="build"),
    path("retreats/<uuid:retreat_id>/away/", runs.away, name="away"),
    path("retreats/<uuid:retreat_id>/repair/", runs.repair, name="repair"),
    path("retreats/<uuid:retreat_id>/runs/<uuid:run_id>/", runs.run, name="run"),
    path("retreats/<uuid:retreat_id>/runs/<uuid:run_id>/live/", runs.live, name="run-live"),
    path("calendar/", calendar.day, name="day"),
    path("calendar/due/", calendar.due, name="due"),
    path("calendar/fill/", single.fill, name="fill"),
    path("calendar/away/", single.absent, name="absent"),
    path("calendar/waiting/", waiting.everybody, name="waiting"),
    path("calendar/told/", tell.told, name="told"),
    path("calendar/feed/", calendar.feed, name="feed"),
    path("calendar/<str:token>.ics", calendar.ics, name="ics"),
    path("p/<uuid:patient_id>/appointments/", calendar.appointments, name="appointments"),
    path("p/<uuid:patient_id>/appointments/book/", single.book, name="book"),
    path("p/<uuid:patient_id>/appointments/<uuid:appointment_id>/", single.one, name="one"),
    path("p/<uuid:patient_id>/waiting/", waiting.of_patient, name="wait"),
    path("p/<uuid:patient_id>/waiting/<uuid:entry_id>/", waiting.entry, name="entry"),
    path("p/<uuid:patient_id>/my-programme/", calendar.my_programme, name="mine"),
    path("p/<uuid:patient_id>/messages/", contacts.contacts, name="contacts"),
    path("p/<uuid:patient_id>/my-messages/", contacts.my_contacts, name="my-contacts"),
    path("a/<str:token>/", reply.reply, name="reply"),
]
