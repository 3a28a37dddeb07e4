"""The addresses of the desk's pages."""

from __future__ import annotations

from django.urls import path

from exchange.desk import views

urlpatterns = [
    path("", views.overview, name="desk"),
]
