"""The addresses of the desk's pages. Each of them asks the bank first who opens it."""

from __future__ import annotations

from django.urls import path

from exchange.desk import accounts, corrections, leaving, record, views
from exchange.desk.shared import at_desk

urlpatterns = [
    path(address, at_desk(view), name=name)
    for address, view, name in (
        ("", views.overview, "desk"),
        ("record/", record.Record.as_view(), "record"),
        ("accounts/", accounts.listed, "accounts"),
        ("accounts/open/", accounts.Open.as_view(), "open"),
        ("accounts/<path:id>/state/", accounts.state, "state"),
        ("accounts/<path:id>/login/", accounts.LoginOf.as_view(), "login-of"),
        ("accounts/<path:id>/delegate/", accounts.NameDelegate.as_view(), "delegate"),
        ("accounts/<path:id>/delegate/end/", accounts.end_delegate, "end-delegate"),
        ("accounts/<path:id>/leave/", leaving.Leave.as_view(), "leave"),
        ("accounts/<path:id>/", accounts.account, "account"),
        ("corrections/", corrections.asked, "corrections"),
        ("corrections/<uuid:pk>/", corrections.Correct.as_view(), "correction"),
        ("calendar/", views.month, "calendar"),
        ("calendar/<int:year>/<int:month>/", views.month, "month"),
        ("holds/<path:id>/", views.Conclude.as_view(), "hold"),
    )
]
