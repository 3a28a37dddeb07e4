"""Say why a cell or a row was not taken, for importers: the names of `timebank.reports.told`."""

from timebank.reports.told import Refused, Told, in_words, refused_by, state_in_words, told

__all__ = ["Refused", "Told", "in_words", "refused_by", "state_in_words", "told"]
