"""Watched sessions: inside a record, and over all rooms."""

from django.urls import include, path

from openkap.web.dose.adverse.urls import urlpatterns as adverse
from openkap.web.dose.board.urls import urlpatterns as board
from openkap.web.dose.chair import urls as chair
from openkap.web.dose.desk import views as desk
from openkap.web.dose.gate import views as gate
from openkap.web.dose.give import home
from openkap.web.dose.give import views as give
from openkap.web.dose.leave.urls import urlpatterns as leave
from openkap.web.dose.record.urls import urlpatterns as record
from openkap.web.dose.tasks.urls import urlpatterns as tasks
from openkap.web.dose.use import views as use

app_name = "dose"
SESSION = "p/<uuid:patient_id>/dose/<uuid:session_id>/"
urlpatterns = [
    *board,
    *tasks,
    *adverse,
    *leave,
    *record,
    path("p/<uuid:patient_id>/dose/", desk.sessions, name="sessions"),
    path("p/<uuid:patient_id>/dose/use/", use.use, name="use"),
    path("p/<uuid:patient_id>/dose/book/", desk.book, name="book"),
    path(SESSION + "place/", desk.place, name="place"),
    path(SESSION + "gate/", gate.gate, name="gate"),
    path(SESSION + "gate/proved/", gate.gate_proved, name="gate-proved"),
    path(SESSION + "order/", give.order, name="order"),
    path(SESSION + "give/", give.give, name="give"),
    path(SESSION + "home/", home.home, name="home"),
    path(SESSION + "give/proved/", give.give_proved, name="give-proved"),
    path(SESSION + "start/", give.start, name="start"),
    path(SESSION, include(chair.inside)),
    path("rooms/", include(chair.rooms)),
]
