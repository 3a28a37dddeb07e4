"""How statements, trial balances and findings are shown: text for people, JSON for programs.

A report only shows: it reads no bank and computes nothing but sums of what it is given.
"""

from __future__ import annotations
