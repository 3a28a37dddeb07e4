"""Read a sheet as its program saved it: CSV in any usual form, `.xlsx`, `.ods`. No file is written.

- `reading`: a sheet and its rows, whatever its file is. `forms`: what a file shows of its form.
- `encodings` and `dialects`: what the bytes of a CSV are, and what stands between its columns.
- `workbooks`: `.xlsx` and `.ods`, by a package that is installed for it.
"""
