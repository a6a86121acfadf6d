"""`interop bench match`: how fast the search is, as ratios within one run, and whether it is exact.

All that is timed takes turns, round after round, and the best round of each is quoted: others use the machine too, and
what they take is no property of the search. Every round is in the JSON beside it.

- `ratio_one_liner`: the search with numpy alone in one thread, top ten and all, against the line that everybody writes
  first, `(22 - np.minimum(np.bitwise_count(rows ^ probe), 22)).sum(axis=1)`. It has one row of ten words for each
  person, makes the same scores, and no list of the best. `ratio_one_liner_columns` is the same line over columns.
- `ratio_row_loop`: the same search against the same scores by a loop over rows; a sample is timed, and scaled up.
- `fraction_of_stream_read`: one probe on ten fingers by numba in one thread, against a compiled loop that only adds
  all words up, in the order in which they lie in memory (matcher.md 2.1). A search reads ten columns abreast, which
  processors fetch faster than one, so it can be more than 1. `fraction_of_fastest_read` is against the faster of that
  loop and one that reads ten abreast too: there is no bar for it, and 1 would be the memory's speed.
- `ratio_batch64`: how much faster a probe is in a batch of 64 than among 64 that are searched one after the other, by
  the kernel and the threads that a service uses.
- `ratio_two_fingers`: how much faster a search on both index fingers is, which reads two columns.
- `ten_million_mib`: the most memory that a process had that made ten million rows and searched them with numpy; numba
  and its compiler take another 150 MiB (`ten_million.peak_mib`).
- `ready_ms`: from the seed to a gallery, in a process that is up; IDENT's takes longer, as it has second records.

Then what holds at any speed: lists are those of a brute force for every kernel and number of threads; the scores of
strangers are as rare as the closed form says; the model misses as many as NIST published of IDENT in 2004.
"""
