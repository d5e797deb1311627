"""Loads a Beancount file and prints what Beancount makes of it, as JSON: its errors; of each account what
the ledger calls it; and what each account holds."""

import json
import sys

from beancount import loader
from beancount.core import data

entries, errors, _ = loader.load_file(sys.argv[1])
opened = {}
sums = {}
for entry in entries:
    if isinstance(entry, data.Open):
        opened[entry.account] = entry.meta["account"]
    if isinstance(entry, data.Transaction):
        for posting in entry.postings:
            place = (posting.account, posting.units.currency)
            sums[place] = sums.get(place, 0) + posting.units.number
held = [[account, currency, str(number)] for (account, currency), number in sorted(sums.items())]
told = [type(error).__name__ + ": " + error.message for error in errors]
json.dump({"errors": told, "opened": opened, "held": held}, sys.stdout)
