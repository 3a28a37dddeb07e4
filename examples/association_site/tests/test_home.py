"""Who sees what first."""

from __future__ import annotations

from django.test import Client

from tests.site import SiteTestCase


class HomeTests(SiteTestCase):
    """The first page."""

    def test_a_stranger_is_asked_to_sign_in(self) -> None:
        """No page is shown to who has not signed in."""
        self.assertRedirects(Client().get("/"), "/login/?next=/")

    def test_a_delegate_sees_the_account_of_who_named_them(self) -> None:
        """Beside their own."""
        page = self.text(self.signed_in("bruno").get("/"))
        self.assertIn("Bruno", page)
        self.assertIn("Rosa", page)

    def test_a_member_sees_no_other(self) -> None:
        """And no page of the treasurer's."""
        anna = self.signed_in("anna")
        self.assertNotIn("Bruno", self.text(anna.get("/")))
        refused = anna.get("/treasury/")
        self.assertEqual(403, refused.status_code)
        self.assertIn("Anna may not do this", self.text(refused))
