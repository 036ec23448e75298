"""The kinds of panels that the dashboards are made of. Widths are out of 24."""

from collections.abc import Iterable, Sequence
from string import ascii_uppercase
from typing import Protocol, Self, TypeVar

from grafana_foundation_sdk.builders import bargauge, stat, statetimeline, table, timeseries
from grafana_foundation_sdk.builders.common import (
    GraphThresholdsStyleConfig,
    ReduceDataOptions,
    StackingConfig,
    VizLegendOptions,
    VizTooltipOptions,
)
from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.builders.prometheus import Dataquery
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery as AnyQuery
from grafana_foundation_sdk.models.common import (
    BigValueGraphMode,
    GraphTresholdsStyleMode,
    LegendDisplayMode,
    LegendPlacement,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    DataTransformerConfig,
    DynamicConfigValue,
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMappingResult,
)
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from tools.dashboards.board import SOURCE
from tools.dashboards.queries import Query

Steps = Sequence[tuple[float | None, str]]
"""Thresholds from low to high; the first has no value: (None, "green"), (0.2, "red")."""
FEW: Steps = ((None, "green"),)
SHARE: Steps = ((None, "green"), (0.01, "yellow"), (0.05, "red"))
FULL: Steps = ((None, "green"), (0.8, "yellow"), (0.9, "red"))
ANY: Steps = ((None, "green"), (1, "red"))


Panel = TypeVar("Panel", bound="_Described")


class _Described(Protocol):
    def title(self, title: str) -> Self: ...
    def description(self, description: str) -> Self: ...
    def datasource(self, datasource: DataSourceRef) -> Self: ...
    def span(self, w: int) -> Self: ...
    def height(self, h: int) -> Self: ...


def graph(
    title: str, description: str, unit: str, queries: Sequence[Query], *, width: int = 8, stacked: bool = False,
    most: float | None = None, limit: Steps = (),
) -> timeseries.Panel:  # fmt: skip
    """Curves over time from zero up; a `limit` is drawn as lines."""
    panel = _described(timeseries.Panel(), title, description, width, 8)
    panel = panel.unit(unit).min(0).fill_opacity(20 if stacked else 8).show_points(VisibilityMode.NEVER)
    panel = panel.legend(_legend()).tooltip(_tooltip())
    if stacked:
        panel = panel.stacking(StackingConfig().mode(StackingMode.NORMAL))
    if most is not None:
        panel = panel.max(most)
    if limit:
        dashed = GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED)
        panel = panel.thresholds(_steps(limit)).thresholds_style(dashed)
    return panel.targets(_lettered(_over_time(query) for query in queries))


def number(title: str, description: str, unit: str, query: str, steps: Steps = FEW, *, width: int = 4) -> stat.Panel:
    """The newest value, coloured by its threshold, before its curve."""
    panel = _described(stat.Panel(), title, description, width, 4).unit(unit).thresholds(_steps(steps))
    panel = panel.graph_mode(BigValueGraphMode.AREA).reduce_options(_newest()).no_value("none")
    return panel.targets(_lettered([_over_time(Query(query))]))


def bars(title: str, description: str, unit: str, query: Query, steps: Steps, *, width: int = 8) -> bargauge.Panel:
    """A bar for each series of now, between 0 and 1."""
    panel = _described(bargauge.Panel(), title, description, width, 8).unit(unit).min(0).max(1)
    panel = panel.thresholds(_steps(steps)).reduce_options(_newest()).no_value("none")
    return panel.targets(_lettered([_now(query)]))


def states(
    title: str, description: str, query: Query, names: dict[str, tuple[str, str]], *, width: int = 8
) -> statetimeline.Panel:
    """A lane for each series, coloured by its value; `names` gives each value its word and colour."""
    words = {value: ValueMappingResult(text=word, color=colour) for value, (word, colour) in names.items()}
    panel = _described(statetimeline.Panel(), title, description, width, 8)
    panel = panel.mappings([ValueMap(options=words)]).show_value(VisibilityMode.NEVER).fill_opacity(80)
    return panel.targets(_lettered([_over_time(query)]))


def rows(
    title: str,
    description: str,
    queries: Sequence[Query],
    names: dict[str, str],
    units: dict[str, str],
    *,
    width: int = 24,
) -> table.Panel:
    """A table: the labels, and a column "Value #A" for each query. `names` renames, "" hides."""
    panel = _described(table.Panel(), title, description, width, 9)
    hidden = {name: True for name, shown in names.items() if not shown}
    renamed = {name: shown for name, shown in names.items() if shown}
    organized = {"excludeByName": {"Time": True, **hidden}, "renameByName": renamed}
    panel = panel.transformations(
        [DataTransformerConfig("merge", options={}), DataTransformerConfig("organize", options=organized)]
    )
    for column, unit in units.items():
        panel = panel.override_by_name(column, _unit(unit))
    return panel.targets(_lettered(_now(query).format(PromQueryFormat.TABLE) for query in queries))


def _described(panel: Panel, title: str, description: str, width: int, height: int) -> Panel:
    return panel.title(title).description(description).datasource(SOURCE).span(width).height(height)


def _over_time(query: Query) -> Dataquery:
    return _asked(query).range().exemplar(query.exemplars)


def _now(query: Query) -> Dataquery:
    return _asked(query).instant()


def _lettered(asked: Iterable[Dataquery]) -> list[Builder[AnyQuery]]:
    """By letters, as Grafana tells the queries of a panel apart."""
    return [query.ref_id(letter) for letter, query in zip(ascii_uppercase, asked, strict=False)]


def _asked(query: Query) -> Dataquery:
    return Dataquery().expr(query.expression).legend_format(query.legend or "__auto")


def _steps(steps: Steps) -> ThresholdsConfig:
    found = [Threshold(value=value, color=colour) for value, colour in steps]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


def _newest() -> ReduceDataOptions:
    return ReduceDataOptions().calcs(["lastNotNull"])


def _legend() -> VizLegendOptions:
    shown = VizLegendOptions().show_legend(True).display_mode(LegendDisplayMode.LIST)
    return shown.placement(LegendPlacement.BOTTOM).calcs([])


def _tooltip() -> VizTooltipOptions:
    return VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING)


def _unit(unit: str) -> list[DynamicConfigValue]:
    return [DynamicConfigValue(id_val="unit", value=unit)]
