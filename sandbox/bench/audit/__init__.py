"""`interop bench audit`: what the transparency log costs, as ratios within one run.

What is compared, in rounds that take turns, each on files of its own in one directory:

- `Log.append` with SQLite itself: the same entries, in transactions of the same size, into a table of nothing but
  entries, by `executemany`, with the same durability (WAL, `synchronous = FULL`). The log writes besides, in the same
  transaction, the hash of every entry, the tiles, a signed head and a mark for each event.
- `Ledger.keep` (seal, commit, log) with the four services: events a second, of the very same events.

**The entries.** Those of a run of a scenario, as audit makes them of its events, in the order of the simulated days;
and of the same run again under another name, until there are enough. An event stays whole, as it does in the log, so a
batch has at least as many entries as it says. The log is built in batches of 256, and all else is measured at its full
size: the other batches, proofs, files, storage.

A million entries need about 1 GB in `.interop`, and some minutes.
"""
