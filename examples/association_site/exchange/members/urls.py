"""The addresses of the members' pages."""

from __future__ import annotations

from django.urls import path

from exchange.members import views

urlpatterns = [
    path("", views.home, name="home"),
    path("propose/", views.home, name="propose"),
    path("people/", views.home, name="people"),
    path("profile/", views.home, name="profile"),
]
