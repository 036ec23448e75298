"""The gateway's state, asked for again and again. It imports httpx: `lumina gateway top` imports it where it asks."""

from dataclasses import dataclass

from msgspec import DecodeError, convert, json

from lumina_inference.gateway.state import VERSION, GatewayState
from lumina_platform.cli.client import connected, gateway_of, refusal
from lumina_platform.cli.errors import CallRefused
from lumina_platform.cli.target import Target

PATH = "/lumina/state"


@dataclass(frozen=True)
class Watched:
    """The gateway of a target."""

    target: Target
    address: str

    def state(self) -> GatewayState:
        """How it stands now. Raises CallRefused or NotRunning."""
        found = self.raw()
        try:
            if isinstance(found, dict) and found.get("version") == VERSION:
                return convert(found, GatewayState)
        except DecodeError:
            pass
        raise CallRefused(
            f"{self.address} tells its state in a form that this command does not know.",
            next_step="Use the `lumina` of the version that runs there; --json prints it as it came.",
        )

    def raw(self) -> object:
        """The same as it came."""
        with connected(self.target, self.address) as client:
            reply = client.get(PATH)
        if reply.is_error:
            raise refusal(reply)
        return json.decode(reply.content)


def watch(target: Target) -> Watched:
    return Watched(target, gateway_of(target))
