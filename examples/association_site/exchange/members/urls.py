"""The addresses of the members' pages."""

from __future__ import annotations

from django.urls import path

from exchange.members import proposals, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/<path:id>/statement/", views.statement, name="statement"),
    path("propose/", proposals.Propose.as_view(), name="propose"),
    path("transfers/<path:id>/correct/", views.Correct.as_view(), name="correct"),
    path("corrections/", views.corrections, name="corrections"),
    path("people/", views.people, name="people"),
    path("profile/", views.profile, name="profile"),
    path("profile/listed/", views.listed, name="listed"),
    path("profile/delegate/", views.NameDelegate.as_view(), name="name_delegate"),
    path("profile/delegate/end/", views.end_delegate, name="end_delegate"),
]
for verb in proposals.ANSWERS:  # as proposals/…/confirm/, whose name is proposal_confirm
    for address, answer, what in (
        ("proposals/<uuid:id>/", proposals.answer_proposal, "proposal_"),
        ("holds/<path:id>/", proposals.answer_hold, "hold_"),
    ):
        urlpatterns.append(path(f"{address}{verb}/", answer, {"verb": verb}, name=what + verb))
