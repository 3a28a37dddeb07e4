"""The club's pages."""

from __future__ import annotations

from club import views
from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("booking/<str:how>/", views.booking),
    path("atomic/<str:how>/", views.atomic_booking),
    path("later/", views.later),
    path("balance/<str:member>/", views.balance),
]
