"""What the provider of the drills does wrong when it is told to."""

BEFORE = ("status_500", "status_503", "rate_limited", "reset", "short", "late")
"""Nothing of the answer was sent: the gateway can hide each of them."""

MIDWAY = ("cut", "malformed", "stall")
"""A stream has begun: the caller gets the whole answer, or an explicit error."""

LATE_SECONDS = 4.0
STALL_SECONDS = 40.0  # above the gateway's limit between tokens
