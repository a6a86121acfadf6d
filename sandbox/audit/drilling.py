"""The tamper drill on a copy of the stored log: in memory, so that nothing that is kept is touched."""

from services.audit.log import Published, StoredLog
from services.audit.tlog.drill import Attack, drill
from services.audit.tlog.notes import Signer
from services.audit.tlog.policy import Policy
from services.audit.tlog.tiles import CHECKPOINT, tiles_of
from services.audit.tlog.verify import OnProgress


def drill_log(
    log: StoredLog,
    published: Published,
    policy: Policy,
    signer: Signer,
    *,
    flips: int,
    seed: int,
    on_progress: OnProgress,
) -> list[Attack]:
    """Attacks a published log in every way that its keeper could, who holds its key.

    Raises:
        InteropError: what is wrong with the log as it is.
    """
    paths = [CHECKPOINT, *(tile.path for tile in tiles_of(published.size))]
    files = {path: log.read_file(path, published) or b"" for path in paths}
    older = log.published_before(published.size)
    kept = older if older is not None and older.size > 0 else published
    return drill(files, policy, kept.note, flips=flips, seed=seed, signer=signer, on_progress=on_progress)
