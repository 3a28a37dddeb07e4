"""The addresses of the treasury's pages."""

from __future__ import annotations

from django.urls import path

from exchange.treasury import imports, papers, views

urlpatterns = [
    path("", views.overview, name="treasury"),
    path("audit/", views.audit, name="treasury_audit"),
    path("head/", views.head, name="treasury_head"),
    path("balances/", views.balances, name="treasury_balances"),
    path("dues/", views.Dues.as_view(), name="treasury_dues"),
    path("impact/", papers.impact, name="treasury_impact"),
    path("papers/", papers.papers, name="treasury_papers"),
    path("export/", papers.exports, name="treasury_exports"),
    path("export/<str:name>/", papers.export, name="treasury_export"),
    path("import/", imports.Upload.as_view(), name="treasury_imports"),
    path("import/<uuid:id>/", imports.sheet, name="treasury_sheet"),
    path("import/<uuid:id>/book/", imports.book, name="treasury_book"),
    path("import/<uuid:id>/quarantine/", imports.quarantine, name="treasury_quarantine"),
]
