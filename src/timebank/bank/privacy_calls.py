"""The calls for what is personal: to take it out, and to destroy it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from timebank import checks
from timebank.bank import erasing
from timebank.bank.executing import Executing
from timebank.errors import InvalidRequest
from timebank.permissions import Ask
from timebank.queries.about import About
from timebank.rules.erasures import Erase

if TYPE_CHECKING:
    from timebank.model import Erasure


class PrivacyCalls(Executing):
    """Destroys personal text; the records, and every digest, stay as they are."""

    _actor: str | None

    def _wiped(self) -> tuple[str, ...]:
        """What may remain of what was erased, once all is done that can be done here."""
        return (erasing.NOT_YET,)

    def erase(
        self, account: str | None = None, *, record: int | str | None = None, reason: str
    ) -> Erasure:
        """Destroy the personal text, and the salts, of an account; or of one record.

        Of an account: its names, the reasons why it was frozen, closed or reopened, and the
        notes and reasons of the exchanges and holds in which it is a side. Of a `record`,
        named by its sequence or by the id of its operation: its texts. What was erased
        cannot be brought back. Records say which commitments have no text any more; balances
        and digests stay, and so do ids, hours, days and categories. Nothing is appended where
        nothing is left to erase. `reason` is kept: name nobody in it.

        The whole journal is read, most of it while others may write. See `Erasure.remains`
        for where the text may still be read: a backup made before is not of this store.

        :raises InvalidRequest: both an account and a record or neither, an id that cannot be,
            or no reason.
        :raises AccountNotFound: no such account.
        :raises NotFound: no such record.

        >>> import timebank
        >>> bank = timebank.open("memory:")
        >>> _ = bank.open_account("m1", name="Maria R."), bank.open_account("f1")
        >>> _ = bank.transfer(earner="m1", spender="f1", hours=1, note="to the clinic")
        >>> bank.erase("m1", reason="asked on 2 March").texts
        2
        >>> bank.account("m1").name, bank.balance("m1").posted, bank.audit().ok
        (None, Hours('1:00'), True)
        """
        if (account is None) == (record is None):
            msg = "erase takes an account or a record, one of the two"
            raise InvalidRequest(msg)
        Erase.of(account=account, record=None, reason=reason)  # refuses what cannot be
        if account is not None:
            id = checks.identifier(account, "account id")
            search = erasing.Search(About(id))
            done = self._together(
                Ask(actor=self._actor, action="erase", accounts=(id,)),
                lambda session, actor: erasing.erase_account(session, search, reason, actor),
                before=search.read,
            )
        else:
            named = erasing.checked_record(record)
            done = self._together(
                Ask(actor=self._actor, action="erase", request={"record": named}),
                lambda session, actor: erasing.erase_record(session, named, reason, actor),
            )
        return attrs.evolve(done, remains=self._wiped())
