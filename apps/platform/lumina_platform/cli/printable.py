"""Text that others wrote, on its way to a terminal: it must not steer it."""


def printable(text: str, keep: str = "") -> str:
    """Control characters, as those that would colour or forge lines, as spaces; those in `keep` stay."""
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)
