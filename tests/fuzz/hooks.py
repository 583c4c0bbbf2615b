"""What makes the requests reach further than chance does."""

import itertools

import schemathesis

NUMBERS = itertools.count()

# Keys that nobody guesses: what is there, what could be, and what is out of reach.
KEYS = ["state", "roster/web-1", "kept/web-1", "leases/w-1", "crew/size", "history/l-1/00000000000000000001"]
KEYS += ["people/ada", "tokens/0123456789ab", "sessions/x", "impact/w-abcdefgh-00000000000000000002", "webhooks/announced", "roster/", "roster//x", "roster/../people/ada"]


@schemathesis.hook
def before_call(context, case, kwargs):
    number = next(NUMBERS)
    # From many addresses, for it is not tested how often one may ask. The console believes this from loopback.
    address = f"10.{number >> 14 & 255}.{number >> 6 & 255}.{number & 63}"
    case.headers = {**(case.headers or {}), "X-Forwarded-For": address}
    if number % 3 and "key" in (case.path_parameters or {}):
        case.path_parameters = {**case.path_parameters, "key": KEYS[number % len(KEYS)]}
