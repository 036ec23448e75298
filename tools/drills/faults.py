"""What the provider of the drills does wrong when it is told to."""

BEFORE = ("status_500", "status_503", "rate_limited", "reset", "short", "late")
"""Nothing of the answer was sent: the gateway can hide each of them."""

MIDWAY = ("cut", "malformed", "stall")
"""A stream has begun: the caller gets the whole answer, or an explicit error."""

SHARES = {"rate_limited": 0.03}
"""How often beside the others, which have 1. A backend that wants a pause gets one of some seconds: were this as
frequent as the rest, every backend would pause all the time at a thousand requests a second."""

LATE_SECONDS = 4.0
STALL_SECONDS = 40.0  # above the gateway's limit between tokens
