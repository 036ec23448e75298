"""Trust of a local program in the certificate that Lumina itself was started with."""

import ssl


def trust_in(certificate: str | None) -> ssl.SSLContext | None:
    """A context that accepts exactly this certificate file, by whatever local name; None for clear text."""
    if certificate is None:
        return None
    context = ssl.create_default_context(cafile=certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # the file may hold no root, only the certificate itself
    context.check_hostname = False
    return context
