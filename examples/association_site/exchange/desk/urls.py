"""The addresses of the desk's pages. Each of them asks the bank first who opens it."""

from __future__ import annotations

from django.urls import path

from exchange.desk import accounts, cheques, views
from exchange.desk.shared import at_desk
from exchange.members.views import end_delegate

urlpatterns = [
    path(address, at_desk(view), name=name)
    for address, view, name in (
        ("", views.overview, "desk"),
        ("record/", views.Record.as_view(), "desk_record"),
        ("cheques/", cheques.booklets, "desk_cheques"),
        ("cheques/enter/", cheques.pile, "desk_pile"),
        ("cheques/issue/", cheques.Issue.as_view(), "desk_issue"),
        ("cheques/<int:number>/", cheques.booklet, "desk_booklet"),
        ("cheques/<int:number>/print/", cheques.printed, "desk_print"),
        ("accounts/", accounts.listed, "desk_accounts"),
        ("accounts/open/", accounts.Open.as_view(), "desk_open"),
        ("accounts/<path:id>/state/", accounts.state, "desk_state"),
        ("accounts/<path:id>/login/", accounts.login, "desk_login"),
        ("accounts/<path:id>/delegate/", accounts.NameDelegate.as_view(), "desk_delegate"),
        ("accounts/<path:id>/delegate/end/", end_delegate, "desk_end_delegate"),
        ("accounts/<path:id>/leave/", accounts.Leave.as_view(), "desk_leave"),
        ("accounts/<path:id>/", accounts.account, "desk_account"),
        ("corrections/", views.corrections, "desk_corrections"),
        ("corrections/<uuid:pk>/", views.Correct.as_view(), "desk_correction"),
        ("calendar/", views.month, "desk_calendar"),
        ("calendar/<int:year>/<int:month>/", views.month, "desk_month"),
        ("holds/<path:id>/", views.hold, "desk_hold"),
    )
]
