"""Whole neighbourhoods of banks, of which everything that goes wrong is chosen by a seed.

`hosts` are servers that crash, have clocks of their own and backups; `network` loses, doubles,
delays, reorders, changes and replays what they send; `acts` are what members and boards do;
`schedule` chooses; `judging` says what is wrong. The same seed is the same schedule, on every
machine: `python -m federation.simulation --from 7 --count 1 --tell` does one again, and tells it.
"""
