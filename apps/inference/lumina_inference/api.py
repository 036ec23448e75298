"""/api/inference: the models that can be called, and the configuration that they come from."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel, ConfigDict

from lumina_contracts.snapshot import Backend
from lumina_inference.config.findings import Finding
from lumina_inference.service import CallableModel, Inference, ModelNotFound
from lumina_kit.auth import Principal, require
from lumina_kit.pages import BadCursor, Cursor, Limit, Page, cursor_of, page_of, position_of
from lumina_kit.problems import problems
from lumina_kit.roles import Permission

router = APIRouter(tags=["models"])

ModelsReader = Annotated[Principal, require(Permission.MODELS_READ)]
ConfigReader = Annotated[Principal, require(Permission.CONFIG_READ)]


def inference(request: Request) -> Inference:
    found: Inference = request.app.state.inference
    return found


InferenceDep = Annotated[Inference, Depends(inference)]


class ShownBackend(BaseModel):
    """One place that answers for a model, without its credentials.

    `translated`: called through the LiteLLM library. Prices are in nano-dollars per token; null is not known, or with
    `*` in the model depends on it. `price_source`: `config`, or the table with its date.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    provider: str
    model: str
    url: str
    weight: float
    model_version: str | None
    model_sha256: str | None
    quantization: str | None
    translated: bool
    input_nano_usd_per_token: float | None
    output_nano_usd_per_token: float | None
    cached_input_nano_usd_per_token: float | None
    price_source: str | None

    @classmethod
    def of(cls, backend: Backend) -> "ShownBackend":
        return cls(**{name: getattr(backend, name) for name in cls.model_fields})


class Model(BaseModel):
    """A name that callers may put in `model`. `card` is Markdown, of the embedded models alone."""

    model_config = ConfigDict(frozen=True)

    id: str
    kinds: list[Literal["chat", "completion", "embedding"]]
    owned_by: str
    aliases: list[str]
    backends: list[ShownBackend]
    card: str | None

    @classmethod
    def of(cls, model: CallableModel) -> "Model":
        return cls.model_validate(
            {
                "id": model.route.name,
                "kinds": model.route.kinds,
                "owned_by": model.route.owned_by,
                "aliases": model.aliases,
                "backends": [ShownBackend.of(backend) for backend in model.route.backends],
                "card": model.card,
            }
        )


class ShownFinding(BaseModel):
    """One line of the file's report."""

    model_config = ConfigDict(frozen=True)

    level: Literal["error", "warning", "not yet"]
    line: int
    path: str
    message: str

    @classmethod
    def of(cls, finding: Finding) -> "ShownFinding":
        return cls.model_validate(
            {"level": finding.level, "line": finding.line, "path": finding.path, "message": finding.message}
        )


class Config(BaseModel):
    """The configuration file as it is now, and whether it is what runs.

    `text` has its secrets masked; it is null without a file, and for one that is no YAML, whose secrets cannot be told.
    """

    model_config = ConfigDict(frozen=True)

    path: str
    text: str | None
    sha256: str | None
    running_sha256: str | None
    current: bool
    findings: list[ShownFinding]


@router.get("/models", responses=problems(BadCursor))
async def list_models(
    inference: InferenceDep, _who: ModelsReader, limit: Limit = 100, cursor: Cursor = None
) -> Page[Model]:
    """The models that can be called, by name, with the backends behind them."""
    after = position_of(cursor, 1)[0] if cursor else ""
    rows = [Model.of(model) for model in inference.models() if model.route.name > after][: limit + 1]
    return page_of(rows, limit, [cursor_of(row.id) for row in rows])


@router.get("/models/{name:path}", responses=problems(ModelNotFound))
async def read_model(name: str, inference: InferenceDep, _who: ModelsReader) -> Model:
    """One model, by its name or an alias."""
    return Model.of(inference.model(name))


@router.get("/config")
def read_config(inference: InferenceDep, _who: ConfigReader) -> Config:
    """The gateway's configuration file, its report, and whether it is what the gateway runs."""
    state = inference.config
    return Config(
        path=str(state.path),
        text=inference.masked_config(),
        sha256=state.file_sha256,
        running_sha256=state.running_sha256,
        current=state.current,
        findings=[ShownFinding.of(finding) for finding in state.report.findings],
    )
