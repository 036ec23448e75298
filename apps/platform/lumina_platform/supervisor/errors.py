"""What can keep `lumina up` from starting, or end it."""

from lumina_kit.errors import Conflict, Invalid, Unavailable
from lumina_platform.supervisor.endpoints import Endpoints


class AlreadyRunning(Conflict):
    """The home has a supervisor. `endpoints` is where it listens, None while it starts."""

    code = "already_running"
    title = "Lumina runs already"

    def __init__(self, message: str, endpoints: Endpoints | None, *, next_step: str | None = None) -> None:
        super().__init__(message, next_step=next_step)
        self.endpoints = endpoints


class PortTaken(Conflict):
    code = "port_taken"
    title = "The port is taken"


class AddressRefused(Invalid):
    code = "address_refused"
    title = "Lumina cannot listen there"


class Exposed(Invalid):
    code = "exposed"
    title = "Refused to listen beyond this machine in clear text"


class BadCertificate(Invalid):
    code = "bad_certificate"
    title = "The certificate cannot be used"


class UnsafeFolder(Invalid):
    code = "unsafe_folder"
    title = "The folder cannot be used"


class DidNotStart(Unavailable):
    code = "did_not_start"
    title = "Lumina did not start"
