"""Lumina's own log, followed and stored beside everyone else's."""

from lumina_telemetry.journal.follower import Follower

__all__ = ["Follower"]
