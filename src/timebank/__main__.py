"""`python -m timebank`: the command line."""

from __future__ import annotations

from timebank.cli import main

if __name__ == "__main__":
    main()
