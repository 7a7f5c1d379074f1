"""ministack, but every third of the first 600 records that come is refused.

It changes the one function that ministack calls for every record before it delivers it; what that raises, ministack
answers as the record's own error. Serve it with `hypercorn flaky_ministack:app`.
"""

import itertools

from ministack.app import app
from ministack.services import firehose

__all__ = ["app"]

calls = itertools.count()
record_id = firehose._record_id


def sometimes():
    """The id of an accepted record, or an error."""
    call = next(calls)
    if call < 600 and call % 3 == 0:
        raise RuntimeError("Slow down.")
    return record_id()


firehose._record_id = sometimes
