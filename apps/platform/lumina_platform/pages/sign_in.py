"""Signing in and out with a browser: forms that need no script, and the one-time link."""

from html import escape
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import SecretStr

from lumina_governance.people.models import LONGEST_PASSWORD
from lumina_governance.sessions import cookie
from lumina_governance.sessions.caller import Address, FromHere, PersonCaller
from lumina_governance.sessions.service import Started
from lumina_governance.wiring import Governance, GovernanceDep
from lumina_kit import problems
from lumina_kit.auth import signed_in
from lumina_kit.errors import Invalid, LuminaError, Unauthenticated
from lumina_platform.pages.docs import HOME
from lumina_platform.pages.policy import page

PAGES = frozenset({"/docs", "/redoc", "/sign-out"})
MOST_FIELDS = 10
STYLE = "page.css"

router = APIRouter(include_in_schema=False)

FORM = """<main>
<img src="/static/favicon.svg" alt="" width="40" height="40">
<h1>Sign in to Lumina</h1>
{alert}
<form method="post" action="/sign-in">
<label for="login">Login</label>
<input id="login" name="login" autocomplete="username" autocapitalize="none" required maxlength="128">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required maxlength="256">
<button type="submit">Sign in</button>
</form>
<p class="quiet">No password yet? <code>lumina people link</code> prints a link that signs you in once.</p>
</main>
"""
SIGNED_IN = """<main>
<img src="/static/favicon.svg" alt="" width="40" height="40">
<h1>Lumina</h1>
<p>You are signed in as <strong>{name}</strong>.</p>
<p><a href="{home}">Go to the API</a></p>
<form method="post" action="/sign-out">
<button class="quiet" type="submit">Sign out</button>
</form>
</main>
"""


class BadForm(Invalid):
    code = "bad_form"
    title = "The form is not ours"


@router.get("/sign-in")
async def show_form(request: Request) -> HTMLResponse:
    """The form; who is signed in already can sign out instead."""
    try:
        who = await signed_in(request)
    except LuminaError:
        return form(200)
    if who.kind != "person":
        return form(200)
    return page("Lumina", SIGNED_IN.format(name=escape(who.name), home=HOME), STYLE)


@router.post("/sign-in", dependencies=[FromHere])
async def sign_in(request: Request, governance: GovernanceDep, address: Address) -> Response:
    """Sign in with the form's login and password."""
    fields = _fields(await request.body())
    login, password = fields.get("login", ""), SecretStr(fields.get("password", "")[: LONGEST_PASSWORD + 1])
    return _welcome(await governance.sessions.begin_with_password(login, password, address), governance)


@router.get("/sign-in/{token}")
async def sign_in_with_link(token: str, governance: GovernanceDep) -> Response:
    """Sign in with a one-time link."""
    return _welcome(await governance.sessions.begin_with_link(token), governance)


@router.post("/sign-out")
async def sign_out(governance: GovernanceDep, who: PersonCaller) -> Response:
    """End this session."""
    await governance.sessions.end(who)
    goodbye = RedirectResponse("/sign-in", status_code=303)
    cookie.take(goodbye, governance.secure_cookie)
    return goodbye


def form(status: int, alert: str = "") -> HTMLResponse:
    """The page, with what went wrong if something did."""
    body = FORM.format(alert=f'<p role="alert">{escape(alert)}</p>' if alert else "")
    return page("Sign in to Lumina", body, STYLE, status=status)


async def answer(request: Request, error: Exception) -> Response:
    """An error as a browser can use it: the form, where signing in would help or has just failed; else a problem."""
    assert isinstance(error, LuminaError)  # the handler is registered for it
    if request.url.path.startswith("/sign-in"):
        return form(error.status, error.message)
    if isinstance(error, Unauthenticated) and request.url.path in PAGES and _shows_pages(request):
        return _once_more(request.url.path) if _led_here(request) else form(error.status)
    return problems.response(error)


def _shows_pages(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


def _led_here(request: Request) -> bool:
    """Whether a page of another site leads here, a one-time link in web mail too: a browser then sends no cookie."""
    return request.method == "GET" and request.headers.get("sec-fetch-site") == "cross-site"


def _once_more(path: str) -> HTMLResponse:
    """Have the browser ask again by itself: from a page of ours it sends the cookie, if it has one."""
    again = page("Lumina", f'<main><a href="{path}">Go on</a></main>\n', STYLE)
    again.headers["refresh"] = f"0; url={path}"
    return again


def _fields(body: bytes) -> dict[str, str]:
    """The fields of a urlencoded form."""
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=MOST_FIELDS))
    except ValueError:
        raise BadForm(f"The form has more than {MOST_FIELDS} fields.") from None


def _welcome(started: Started, governance: Governance) -> Response:
    welcome = RedirectResponse(HOME, status_code=303)
    cookie.put(welcome, started, governance.secure_cookie)
    return welcome
