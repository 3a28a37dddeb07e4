"""What stands first in the part desk."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render


def overview(request: Any) -> HttpResponse:
    """Show what is to be done."""
    request.bank.trial_balance()  # refused to who may not
    return render(request, "desk/overview.html")
