"""The club's views: they book a row and the hours, and some of them fail after both."""

from __future__ import annotations

import uuid

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from club.models import Booking
from timebank.contrib.django import bank

#: Made once, for all threads.
hours = bank()


class AfterAllError(Exception):
    """What goes wrong when all is written."""


def _book(how: str) -> HttpResponse:
    operation = uuid.uuid4()
    Booking.objects.create(operation=operation, carer="m1", family="f1")
    hours.transfer(earner="m1", spender="f1", hours=1, id=str(operation))
    if how == "fails":
        raise AfterAllError
    return HttpResponse(str(hours.balance("m1").posted))


def booking(request: HttpRequest, how: str) -> HttpResponse:
    """Book; that it is one transaction is for the settings to say."""
    return _book(how)


@transaction.atomic
def atomic_booking(request: HttpRequest, how: str) -> HttpResponse:
    """Book, in a transaction of its own."""
    return _book(how)


async def later(request: HttpRequest) -> HttpResponse:
    """Book from an asynchronous view."""
    return await sync_to_async(transaction.atomic(_book))("works")


def balance(request: HttpRequest, member: str) -> HttpResponse:
    """Show a balance, outside of any transaction where the settings open none."""
    return HttpResponse(str(hours.balance(member).posted))
