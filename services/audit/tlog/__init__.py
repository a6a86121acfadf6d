"""A C2SP transparency log as pure functions: hashes, tiles, signed notes, proofs, and the check of a whole log.

Specifications: RFC 6962 section 2.1 (hashes and proofs), and c2sp.org/tlog-tiles, /signed-note, /tlog-checkpoint,
/tlog-cosignature, /tlog-proof, /tlog-policy. Nothing here reads a database, a network or a clock.
"""
