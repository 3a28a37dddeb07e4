"""What a member sees first."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from exchange.access import accounts_of


def home(request: Any) -> HttpResponse:
    """Show the accounts for which somebody acts, with what they have and what is reserved."""
    bank = request.bank
    accounts = [(bank.account(id), bank.balance(id)) for id in accounts_of(request)]
    return render(request, "members/home.html", {"accounts": accounts})
