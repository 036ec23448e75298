"""Who calls: the Bearer key, or Anthropic's `x-api-key`, looked up by its digest in the snapshot."""

import hashlib

from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import BadHttp, InvalidKey, NotReady, ScopeMissing
from lumina_inference.gateway.index import Caller, Index
from lumina_kit.clock import Clock

_ANTHROPICS = "x-api-key"
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="lumina"'}


def authenticate(call: Call, now: Clock) -> Caller:
    """The caller behind the request's key. Raises InvalidKey if there is none, or it is unknown, revoked or expired."""
    caller = _known(known_index(call), _token(call))
    expires_at = caller.key.expires_at
    if expires_at is not None and now().timestamp() >= expires_at:
        raise InvalidKey("The API key has expired.", headers=_CHALLENGE)
    call.caller = caller
    return caller


def known_index(call: Call) -> Index:
    """The snapshot that serves this request. Raises NotReady before the first one has come."""
    if call.index is None:
        raise NotReady("The gateway has no configuration yet; try again in a moment.", headers={"Retry-After": "1"})
    return call.index


def require(caller: Caller, scope: str) -> None:
    """Raises ScopeMissing unless the key has the scope."""
    if not caller.may(scope):
        raise ScopeMissing(f"This key lacks the scope {scope!r}; make one with `lumina keys create --scope {scope}`.")


def _token(call: Call) -> str:
    headers = call.request.headers
    given = headers.getall("Authorization", ())
    if not given:
        if key := headers.get(_ANTHROPICS, "").strip():
            return key
        raise InvalidKey(
            "You did not provide an API key. Send it as `Authorization: Bearer <key>`.", headers=_CHALLENGE
        )
    if len(given) > 1:
        raise BadHttp("The request has more than one Authorization header; send exactly one.")
    scheme, _, token = given[0].partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise InvalidKey("The Authorization header must read `Bearer <key>`.", headers=_CHALLENGE)
    return token.strip()


def _known(index: Index, token: str) -> Caller:
    # Surrogates stand for bytes that were no UTF-8; no key has them, and they must not raise here.
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
    caller = index.callers.get(digest)
    if caller is None:
        raise InvalidKey("Incorrect API key provided. It is unknown or was revoked.", headers=_CHALLENGE)
    return caller
