"""Run an import: rows are read, checked, booked and reconciled.

- `protocol`: the rows that an importer gives, and the importer itself.
- `people`: the accounts that a source means, by their ids and names.
- `files`, `csv_rows`, `cells`, `row_ids`: what an importer reads files with.
- `booking`: books what an importer reads; `heirs` knows who was merged into whom.
- `refusals`, `reconcile` and `report` say how it went.
- `quarantine`: the file of rows that were not booked, and what was mended in it.
- `opening`: opening balances. `alike`: ids that look alike.
"""
