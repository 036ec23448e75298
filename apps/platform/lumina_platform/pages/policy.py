"""What a page of ours may load: only what this server serves. Styles may be inline where a bundle writes its own."""

from fastapi.responses import HTMLResponse

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'{more}; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


def page(html: str, status: int = 200, inline_styles: bool = False) -> HTMLResponse:
    """A page with its policy. `inline_styles` is for ReDoc, whose styled-components write style elements."""
    policy = POLICY.format(more=" 'unsafe-inline'" if inline_styles else "")
    return HTMLResponse(html, status_code=status, headers={"content-security-policy": policy})
