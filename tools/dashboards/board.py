"""What all dashboards share: the data source that is chosen, the links between them, and rows of panels."""

from collections.abc import Iterable, Sequence

from grafana_foundation_sdk.builders.dashboard import (
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    Panel,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
"""Whichever Prometheus is chosen above the dashboard: no identifier of one installation is in the files."""
TAG = "lumina"

AnyPanel = Builder[Panel]


def board(name: str, title: str, description: str, variables: Iterable[Builder[VariableModel]] = ()) -> Dashboard:
    """An empty dashboard, of the last hour."""
    made = (
        Dashboard(title)
        .uid(f"lumina-{name}")
        .description(description)
        .tags([TAG])
        .time("now-1h", "now")
        .refresh("30s")
        .timezone("browser")
        .readonly()
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(_others())
        .with_variable(DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for variable in variables:
        made.with_variable(variable)
    return made


def row(dashboard: Dashboard, title: str, panels: Sequence[AnyPanel]) -> None:
    """Add a row with its panels, left to right."""
    dashboard.with_row(Row(title))
    for panel in panels:
        dashboard.with_panel(panel)


def choice(name: str, title: str, metric: str, label: str) -> QueryVariable:
    """A variable with the values of a label; all of them at first."""
    return (
        QueryVariable(name)
        .label(title)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {label})")
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(VariableOption(text="All", value="$__all"))
    )


def _others() -> DashboardLink:
    link = DashboardLink("Lumina").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    return link.keep_time(True).include_vars(True)
