"""The one-time sign-in link, asked of the control plane with the admin key."""

import asyncio
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.error import URLError
from urllib.request import Request, urlopen

from lumina_kit.errors import Unavailable
from lumina_kit.home import Home
from lumina_platform.supervisor.endpoints import Endpoints
from lumina_platform.supervisor.trust import trust_in

LINKS = "/api/governance/links"
SECONDS = 10.0


class NoLink(Unavailable):
    code = "no_sign_in_link"
    title = "No sign-in link"


@dataclass(frozen=True)
class Link:
    url: str
    expires_at: datetime


async def sign_in_link(home: Home, where: Endpoints) -> Link:
    """A link that signs the built-in admin in, once. Raises NoLink with the reason."""
    return await asyncio.to_thread(_ask, home, where)


def _ask(home: Home, where: Endpoints) -> Link:
    try:
        key = home.admin_key_file.read_text().strip()
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        request = Request(where.control + LINKS, data=b"{}", headers=headers, method="POST")
        trust = trust_in(where.certificate)
        with urlopen(request, timeout=SECONDS, context=trust) as reply:  # nosec B310
            fields = json.loads(reply.read(65536))
        return Link(fields["url"], datetime.fromisoformat(fields["expires_at"]))
    except (OSError, URLError, ValueError, KeyError, TypeError) as error:
        raise NoLink(
            f"The control plane gave no sign-in link: {error}.", next_step="Try `lumina people link`."
        ) from None
