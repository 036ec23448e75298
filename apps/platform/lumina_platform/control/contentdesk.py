"""Takes captured content from the gateway and from telemetry, and hands it to the store."""

from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from lumina_contracts.content import ContentBatch, ContentKept
from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_telemetry.content.service import Contents

log = logs.get(__name__)
_decoder = msgspec.json.Decoder(ContentBatch)


@dataclass(frozen=True)
class ContentDesk:
    """What cannot be kept is lost: the sender counts it, and waits for nobody."""

    contents: Contents

    async def answer(self, body: bytes) -> tuple[HTTPStatus, bytes]:
        """A status, and JSON that says how many records were kept."""
        try:
            batch = _decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):  # what it says of the cause would quote the content
            log.error("captured content came malformed")
            return HTTPStatus.BAD_REQUEST, b""
        try:
            kept = await self.contents.keep(batch.records)
        except (SQLAlchemyError, LuminaError, OSError) as error:
            log.error("captured content not kept", error=type(error).__name__, records=len(batch.records))
            return HTTPStatus.SERVICE_UNAVAILABLE, b""
        return HTTPStatus.OK, msgspec.json.encode(ContentKept(kept))
