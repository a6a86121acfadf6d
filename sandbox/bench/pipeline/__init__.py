"""`interop bench pipeline`: the four services against the same flow written in two ordinary ways.

What is compared, always in the same run, on the same Redis, by rounds that take turns:

- `interop`: the services as they are, four processes, with all that they guarantee;
- `idiomatic`: the same stages as FastStream's documentation writes them (`idiomatic.py`);
- `redis_py`: the same stages as a bare loop that reads, validates and writes (`redis_py.py`).

All three have one process a service, one worker each, the same models, the same pure handlers, galleries, policies
and SQLite ledger, and uvloop. The two baselines keep a case as one JSON value under one key, and promise nothing: a
crash loses or doubles work, a bad entry blocks or is dropped, and a second worker would overwrite the first one's
cases. Nobody demands exactly-once of them. What they are held to is the result: after every round of every variant
the events in the streams (but for the cause, which of two depends on their order) and the rows of the ledger must be,
one by one and whole, those of the run through the real intake; else there are no figures.

**The load.** All bookings of one day, no capacity limit and no day close, so everything follows from the submission
at once: identification, search and status, detainer, detainer on file, cooperation, claim. By default IDENT knows
everybody and everybody is removable, so that the whole saga is measured, nine events a booking; with the scenario's
own share (`--in-ident 0.0655`) most bookings end after the two searches, and the matcher is what is measured.

**How it is fed.** First all bookings go through the real HTTP intake into the real services (`through_intake`). That
run is the reference, and what the intake wrote is the material for the rounds: per round the server is emptied, the
groups are made at 0, the processes of one variant start, the initial cases are written, and when all are ready the
recorded submissions are appended in one burst and the clock starts. It stops when nothing is pending or undelivered
in any group, audit included. The alternative, to publish first and start the consumers then, would have measured
four Python interpreters starting up one after the other; and feeding the baselines through an HTTP intake would have
measured that. The burst itself takes some 25 ms for 1,000 bookings and costs the same for all.
"""
