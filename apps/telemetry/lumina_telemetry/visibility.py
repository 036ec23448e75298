"""Whose rows a caller may see."""

OWN = ""
"""Stands for what belongs to no project: Lumina's own logs, metrics, alerts and objectives."""

Visible = tuple[str, ...] | None
"""Projects, and `OWN` where that is among them; None is everything."""

SQL = "list_contains(?::VARCHAR[], coalesce(project, ''))"
"""True of a row that is visible; takes the list of projects."""

NAMED = "($visible::VARCHAR[] IS NULL OR list_contains($visible::VARCHAR[], coalesce(project, '')))"
"""The same with a name, for all that may be NULL."""


def sees(visible: Visible, project: str | None) -> bool:
    """Whether what belongs to this project, or to none, is visible."""
    return visible is None or (project or OWN) in visible
