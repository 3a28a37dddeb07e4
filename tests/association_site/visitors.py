"""Somebody who visits the site without a browser: follows links, fills in forms, keeps cookies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Self

import attrs
import httpx
from bs4 import BeautifulSoup, Tag

from association_site.seeds import PASSWORD

#: A file that is sent: its name, what is in it, its type.
Upload = tuple[str, bytes, str]


@attrs.frozen
class Form:
    """A form of a page, with what stands in it: what a browser would send without a touch."""

    action: str
    method: str
    fields: dict[str, list[str]]
    buttons: tuple[tuple[str, str, str], ...]  # name, value, text

    @classmethod
    def read(cls, element: Tag, here: str) -> Self:
        """Read one of a page."""
        fields: dict[str, list[str]] = {}
        for field in element.select("input[name], select[name], textarea[name]"):
            fields.setdefault(str(field["name"]), []).extend(_values(field))
        buttons = tuple(
            (str(one.get("name", "")), str(one.get("value", "")), one.get_text(" ", strip=True))
            for one in element.select("button")
        )
        action = str(element.get("action") or here)
        return cls(action, str(element.get("method", "get")).lower(), fields, buttons)


def _values(field: Tag) -> list[str]:
    if field.name == "textarea":
        return [field.get_text().removeprefix("\n")]
    if field.name == "select":
        chosen = field.select("option[selected]") or field.select("option")[:1]
        return [str(one.get("value", one.get_text())) for one in chosen]
    kind = field.get("type", "text")
    if kind == "file" or (kind in ("checkbox", "radio") and not field.has_attr("checked")):
        return []
    return [str(field.get("value", "on" if kind == "checkbox" else ""))]


@attrs.frozen
class Page:
    """What the site answered."""

    status: int
    headers: httpx.Headers
    url: str
    content: bytes
    soup: BeautifulSoup = attrs.field(
        init=False,
        repr=False,
        eq=False,
        default=attrs.Factory(
            lambda self: BeautifulSoup(self.content.decode("utf-8", "replace"), "html.parser"), True
        ),
    )

    @property
    def text(self) -> str:
        """What a reader sees of it: of a page the text, of a file all of it."""
        if "html" not in self.headers.get("content-type", ""):
            return self.content.decode("utf-8", "replace")
        return " ".join(self.soup.get_text(" ").split())

    @property
    def to(self) -> str:
        """Where a redirect leads to; empty, where it is none."""
        return str(self.headers.get("location", ""))

    def forms(self) -> list[Form]:
        """The forms of the page's content; those of its head too."""
        return [Form.read(one, self.url) for one in self.soup.select("form")]

    def form(self, *, field: str | None = None, action: str | None = None) -> Form:
        """The one form that has a field, or an action that ends so."""
        found = [
            one
            for one in self.forms()
            if (field is None or field in one.fields)
            and (action is None or one.action.partition("?")[0].endswith(action))
        ]
        assert 1 == len(found), (self.url, field, action, found, self.text[:2000])
        return found[0]

    def token(self) -> str:
        """The token with which the site knows its own forms."""
        return str(self.soup.select("[name=csrfmiddlewaretoken]")[0]["value"])

    def links(self) -> list[str]:
        """Where the page leads to."""
        return [str(one["href"]) for one in self.soup.select("a[href]")]

    def rows(self) -> list[list[str]]:
        """The rows of its tables, cell by cell."""
        return [
            [" ".join(cell.get_text(" ").split()) for cell in row.select("th, td")]
            for row in self.soup.select("tr")
        ]

    def said(self) -> list[str]:
        """The messages, and what is wrong with a form."""
        found = self.soup.select(".messages li, .errorlist li, .refusal")
        return [" ".join(one.get_text(" ").split()) for one in found]


class Visitor:
    """Somebody with cookies of their own; who comes by https, as far as the site can see."""

    def __init__(self, address: str, *, language: str = "en", secure: bool = False) -> None:
        headers: dict[str, str] = {"Accept-Language": language, "Origin": address}
        if secure:  # a proxy was asked by https, and says so
            headers |= {
                "X-Forwarded-Proto": "https",
                "Origin": address.replace("http:", "https:"),
            }
        self.client: Final = httpx.Client(base_url=address, headers=headers, timeout=60)
        self.cookies: dict[str, bool] = {}  # whether each is for https alone

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()

    def get(self, path: str) -> Page:
        """Ask for a page."""
        return self._page(self.client.get(path))

    def post(
        self, path: str, fields: Mapping[str, Any], files: Mapping[str, Upload] | None = None
    ) -> Page:
        """Send fields, and files."""
        return self._page(self.client.post(path, data=dict(fields), files=files))

    def send(
        self,
        form: Form,
        *,
        button: str = "",
        files: Mapping[str, Upload] | None = None,
        **fields: Any,
    ) -> Page:
        """Send a form with what is written into it, by a button that says so."""
        pressed = [(name, value) for name, value, text in form.buttons if button in (text, name)]
        sent = {**form.fields, **{name: [str(value)] for name, value in fields.items()}}
        if pressed and pressed[0][0]:
            sent[pressed[0][0]] = [pressed[0][1]]
        if form.method == "get":
            return self._page(self.client.get(form.action, params=sent))
        return self.post(form.action, sent, files)

    def followed(self, page: Page) -> Page:
        """The page that redirects lead to."""
        while page.to:
            page = self.get(page.to)
        return page

    def sign_in(self, username: str, password: str = PASSWORD) -> Page:
        """Sign in; the page that comes then."""
        form = self.get("/login/").form(field="password")
        return self.followed(self.send(form, username=username, password=password))

    def _page(self, answer: httpx.Response) -> Page:
        for cookie in self.client.cookies.jar:
            self.cookies.setdefault(cookie.name, cookie.secure)
            cookie.secure = False  # else it would not go to where we play the proxy
        url = answer.request.url.raw_path.decode("ascii")
        return Page(answer.status_code, answer.headers, url, answer.content)
