"""Signing in with a browser, and the API pages, which ask nothing of any other server."""

import re

import httpx
import pytest

from apps.platform.tests.control.conftest import URL
from lumina_kit.auth import COOKIE
from lumina_platform.pages.assets import assets

Headers = dict[str, str]
BROWSER = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PASSWORD = "correct horse battery"


async def link(client: httpx.AsyncClient, admin: Headers) -> str:
    answer = await client.post("/api/governance/links", headers=admin, json={})
    return str(answer.json()["url"])


async def test_one_time_link_signs_in_and_goes_to_the_docs(client: httpx.AsyncClient, admin: Headers) -> None:
    url = await link(client, admin)

    welcome = await client.get(url, headers=BROWSER)

    assert (welcome.status_code, welcome.headers["location"]) == (303, "/docs")
    assert COOKIE in welcome.cookies
    assert "SwaggerUIBundle" not in (await client.get("/docs", headers=BROWSER)).text
    assert 'src="/static/swagger.js"' in (await client.get("/docs", headers=BROWSER)).text


async def test_used_link_shows_the_form_with_the_reason(client: httpx.AsyncClient, admin: Headers) -> None:
    url = await link(client, admin)
    await client.get(url)
    client.cookies.clear()

    again = await client.get(url, headers=BROWSER)

    assert again.status_code == 401
    assert "The link was used, or is too old." in again.text
    assert COOKIE not in again.cookies


async def test_start_page_leads_to_the_docs(client: httpx.AsyncClient) -> None:
    answer = await client.get("/")

    assert (answer.status_code, answer.headers["location"]) == (303, "/docs")


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
async def test_stranger_with_a_browser_gets_the_form_and_a_program_a_problem(
    client: httpx.AsyncClient, path: str
) -> None:
    page = await client.get(path, headers=BROWSER)
    program = await client.get(path)

    assert page.status_code == 401
    assert '<form method="post" action="/sign-in">' in page.text
    assert "<script" not in page.text
    assert program.json()["code"] == "unauthenticated"


async def test_form_signs_in(client: httpx.AsyncClient, admin: Headers) -> None:
    person = {"login": "ana", "password": PASSWORD, "role": "scientist"}
    await client.post("/api/governance/people", headers=admin, json=person)

    welcome = await client.post("/sign-in", data={"login": "ana", "password": PASSWORD}, headers={"origin": URL})

    assert (welcome.status_code, welcome.headers["location"]) == (303, "/docs")
    assert (await client.get("/redoc", headers=BROWSER)).status_code == 200


@pytest.mark.parametrize(
    "body", [b"login=ana&password=x", b"", b"\xff=\xfe", b"&".join([b"a=b"] * 50), b"login=<script>"]
)
async def test_form_with_anything_else_is_shown_again(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/sign-in", content=body, headers=BROWSER)

    assert answer.status_code in {401, 422}
    assert '<p role="alert">' in answer.text
    assert "<script" not in answer.text
    assert COOKIE not in answer.cookies


async def test_signed_in_person_can_sign_out(client: httpx.AsyncClient, admin: Headers) -> None:
    await client.get(await link(client, admin))

    offer = await client.get("/sign-in")
    goodbye = await client.post("/sign-out", headers={"origin": URL})

    assert "signed in as <strong>admin</strong>" in offer.text
    assert '<form method="post" action="/sign-out">' in offer.text
    assert (goodbye.status_code, goodbye.headers["location"]) == (303, "/sign-in")
    assert COOKIE not in client.cookies
    assert '<form method="post" action="/sign-in">' in (await client.get("/sign-in")).text


async def test_another_site_cannot_sign_a_person_out(client: httpx.AsyncClient, admin: Headers) -> None:
    await client.get(await link(client, admin))

    answer = await client.post("/sign-out", headers={"origin": "http://evil.test"})

    assert answer.status_code == 403
    assert "signed in as" in (await client.get("/sign-in")).text


async def test_sign_out_of_a_session_that_is_over_shows_the_form(client: httpx.AsyncClient, admin: Headers) -> None:
    await client.get(await link(client, admin))
    ended = dict(client.cookies)
    await client.post("/sign-out", headers={"origin": URL})

    client.cookies.update(ended)
    answer = await client.post("/sign-out", headers=BROWSER | {"origin": URL})

    assert answer.status_code == 401
    assert '<form method="post" action="/sign-in">' in answer.text


async def test_visitor_from_another_site_is_asked_once_more_with_the_cookie_that_a_browser_kept_back(
    client: httpx.AsyncClient,
) -> None:
    led = await client.get("/docs", headers=BROWSER | {"sec-fetch-site": "cross-site"})
    again = await client.get("/docs", headers=BROWSER | {"sec-fetch-site": "same-origin"})

    assert (led.status_code, led.headers["refresh"]) == (200, "0; url=/docs")
    assert '<form method="post" action="/sign-in">' in again.text


async def test_form_of_another_site_is_refused(client: httpx.AsyncClient) -> None:
    answer = await client.post("/sign-in", data={"login": "a", "password": "b"}, headers={"origin": "http://evil.test"})

    assert answer.status_code == 403


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/sign-in"])
async def test_page_loads_only_what_this_server_serves(client: httpx.AsyncClient, admin: Headers, path: str) -> None:
    page = await client.get(path, headers=admin | BROWSER)

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded
    for address in loaded:
        answer = await client.get(address)
        assert (answer.status_code, address.startswith("/static/")) == (200, True)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "http" not in policy


@pytest.mark.parametrize("name", sorted(assets()))
def test_bundles_ask_no_other_server_for_fonts_pictures_or_scripts(name: str) -> None:
    text = assets()[name].read().decode()

    assert "cdn." not in text.replace("cdn.jsdelivr.net/npm/prismjs", "")
    assert "fonts.googleapis.com" not in text
    assert "unpkg.com" not in text


async def test_browser_that_has_a_file_is_told_so(client: httpx.AsyncClient) -> None:
    first = await client.get("/static/swagger-ui-bundle.js")

    again = await client.get("/static/swagger-ui-bundle.js", headers={"if-none-match": first.headers["etag"]})

    assert (again.status_code, again.content) == (304, b"")
