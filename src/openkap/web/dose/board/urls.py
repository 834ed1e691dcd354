"""Routes of the board; part of the namespace `dose`."""

from django.urls import path

from openkap.web.dose.board import views

urlpatterns = [
    path("rooms/", views.board, name="board"),
    path("rooms/floor/", views.shift, name="shift"),
    path("rooms/here/", views.here, name="here"),
    path("rooms/wall/", views.wall, name="wall"),
    path("rooms/walls/", views.walls, name="walls"),
    path("rooms/walls/<uuid:wall_id>/end/", views.wall_end, name="wall-end"),
    path("rooms/<uuid:session_id>/", views.go, name="go"),
    path("live/rooms/", views.live_rooms, name="live-rooms"),
    path("live/wall/", views.live_wall, name="live-wall"),
]
