"""The addresses of the members' pages."""

from __future__ import annotations

from django.urls import path

from exchange.members import views
from exchange.members.proposals import VERBS, AnswerHold, AnswerProposal, Propose

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/<path:id>/statement/", views.statement, name="statement"),
    path("propose/", Propose.as_view(), name="propose"),
    path("transfers/<path:id>/correct/", views.Correct.as_view(), name="correct"),
    path("corrections/", views.corrections, name="corrections"),
    path("people/", views.people, name="people"),
    path("profile/", views.profile, name="profile"),
    path("profile/listed/", views.listed, name="listed"),
    path("profile/delegate/", views.NameDelegate.as_view(), name="name_delegate"),
    path("profile/delegate/end/", views.end_delegate, name="end_delegate"),
]
for verb in VERBS:  # as proposals/…/confirm/, whose name is proposal_confirm
    of_proposal, of_hold = AnswerProposal.as_view(verb=verb), AnswerHold.as_view(verb=verb)
    urlpatterns += [
        path(f"proposals/<uuid:id>/{verb}/", of_proposal, name=f"proposal_{verb}"),
        path(f"holds/<path:id>/{verb}/", of_hold, name=f"hold_{verb}"),
    ]
