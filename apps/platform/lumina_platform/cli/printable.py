"""Text that others wrote, on its way to a terminal: it must not steer it."""

LONGEST_NAME = 80


def printable(text: str, keep: str = "") -> str:
    """Control characters, as those that would colour or forge lines, as spaces; those in `keep` stay."""
    return "".join(letter if letter.isprintable() or letter in keep else " " for letter in text)


def shortened(name: str, most: int = LONGEST_NAME) -> str:
    """A name that others gave, cut with an ellipsis where it would crowd out what stands beside it."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
