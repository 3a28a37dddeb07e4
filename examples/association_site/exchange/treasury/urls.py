"""The addresses of the treasury's pages."""

from __future__ import annotations

from django.urls import path

from exchange.treasury import views

urlpatterns = [
    path("", views.overview, name="treasury"),
]
