"""Scatter and gather: a question that no process can answer alone is put to all shards, and their answers are joined.

Something large is divided into N shards, each a range of its rows (`shard.py`). Every process of the service keeps
at most one of them, under a lease (`lease.py`), and answers what that shard is asked (`keeper.py`). Every process is a
front, too (`front.py`): it puts each question to all N shards, and has an answer when all N have given theirs.

Nothing here needs to be remembered. Who asks holds an entry that stays pending until its commit, as ever, so a front
that dies is replaced like any worker, and its successor asks anew. What a shard was asked stays in its stream until the
answer is written, in the same script, so a keeper that dies delays answers and loses none. An answer follows from the
question alone: one that comes twice is the same, and is dropped (docs/decisions/0014).
"""

from services.chassis.scatter.front import Front
from services.chassis.scatter.keeper import Keeper
from services.chassis.scatter.lease import Lease
from services.chassis.scatter.shard import Shard

__all__ = ["Front", "Keeper", "Lease", "Shard"]
