"""A page of ours, and what it may load: only what this server serves."""

from html import escape

from fastapi.responses import HTMLResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{more}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="/static/favicon.svg">
{styles}</head>
<body>
{body}</body>
</html>
"""


def page(title: str, body: str, *styles: str, status: int = 200, inline_styles: bool = False) -> HTMLResponse:
    """A page with its policy; `body` is HTML, `styles` are names of static files.

    `inline_styles` is for ReDoc, whose styled-components write style elements.
    """
    links = "".join(f'<link rel="stylesheet" href="/static/{name}">\n' for name in styles)
    policy = POLICY.format(more=" 'unsafe-inline'" if inline_styles else "")
    return HTMLResponse(
        DOCUMENT.format(title=escape(title), styles=links, body=body),
        status_code=status,
        headers={"content-security-policy": policy},
    )
