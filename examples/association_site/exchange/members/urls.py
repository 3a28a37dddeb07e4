"""The addresses of the members' pages."""

from __future__ import annotations

from django.urls import path

from exchange.members import proposals, views

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/<path:id>/statement/", views.statement, name="statement"),
    path("propose/", proposals.Propose.as_view(), name="propose"),
    path(
        "proposals/<uuid:id>/confirm/",
        proposals.ConfirmProposal.as_view(),
        name="proposal_confirm",
    ),
    path(
        "proposals/<uuid:id>/decline/",
        proposals.DeclineProposal.as_view(),
        name="proposal_decline",
    ),
    path(
        "proposals/<uuid:id>/withdraw/",
        proposals.WithdrawProposal.as_view(),
        name="proposal_withdraw",
    ),
    path("holds/<path:id>/confirm/", proposals.ConfirmHold.as_view(), name="hold_confirm"),
    path("holds/<path:id>/decline/", proposals.DeclineHold.as_view(), name="hold_decline"),
    path("holds/<path:id>/withdraw/", proposals.WithdrawHold.as_view(), name="hold_withdraw"),
    path("transfers/<path:id>/correct/", views.Correct.as_view(), name="correct"),
    path("corrections/", views.corrections, name="corrections"),
    path("people/", views.people, name="people"),
    path("profile/", views.profile, name="profile"),
    path("profile/listed/", views.listed, name="listed"),
    path("profile/delegate/", views.NameDelegate.as_view(), name="name_delegate"),
    path("profile/delegate/end/", views.end_delegate, name="end_delegate"),
]
