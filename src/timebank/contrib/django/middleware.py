"""Middleware: what the library says is said in the language of who reads."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from timebank.contrib.django import words
from timebank.reports.words import speaking


class ReadersLanguage:
    """Answer requests with the library's own words in the language that Django has for each.

    `explain`, what `timebank.reports` makes, and a day as people write it in a pile of cheques are
    then in that language without a word more; where the library has none of it, in English. It
    stands behind `django.middleware.locale.LocaleMiddleware`.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        with speaking(words.language()):
            return self.get_response(request)
