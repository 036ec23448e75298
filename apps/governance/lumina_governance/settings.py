"""What an operator may set about people, sessions and keys."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct


class GovernanceSettings(Struct, frozen=True, kw_only=True):
    """Environment `LUMINA_GOVERNANCE_<NAME>`, or the section `governance` of `lumina.yaml`."""

    session_hours: Annotated[int, Meta(ge=1, le=720, description="How long a sign-in lasts.")] = 12
    link_minutes: Annotated[int, Meta(ge=1, le=1440, description="How long a one-time sign-in link can be used.")] = 15
    sign_ins_per_login: Annotated[
        int, Meta(ge=1, le=1000, description="Tries with one login name in a row; they grow back over five minutes.")
    ] = 10
    sign_ins_per_address: Annotated[
        int, Meta(ge=1, le=10_000, description="Tries from one address in a row; they grow back over five minutes.")
    ] = 30

    @property
    def session_time(self) -> timedelta:
        return timedelta(hours=self.session_hours)

    @property
    def link_time(self) -> timedelta:
        return timedelta(minutes=self.link_minutes)
