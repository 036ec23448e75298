"""Answers to what this process does not do, in the shape that OpenAI's clients read."""

from typing import Any

import msgspec


class Refusal(Exception):
    """A request that gets an error. `param` names the field at fault; `retry_after` is in seconds."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str = "invalid_value", status: int = 400,
        retry_after: int | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code
        self.status = status
        self.retry_after = retry_after

    @property
    def body(self) -> bytes:
        """The error as JSON."""
        error = {"message": self.message, "type": self._type, "param": self.param, "code": self.code}
        return msgspec.json.encode({"error": error})

    @property
    def _type(self) -> str:
        if self.status == 429:
            return "rate_limit_error"
        return "server_error" if self.status >= 500 else "invalid_request_error"


def unsupported(model: str, what: str, param: str) -> Refusal:
    """A feature that a real model has and this one has not."""
    return Refusal(
        f"{model} does not support {what}. It is a model embedded in Lumina; add another model for that.",
        param=param,
        code="unsupported_parameter",
    )


def too_long(message: str, param: str) -> Refusal:
    """An input beyond what the model takes."""
    return Refusal(message, param=param, code="context_length_exceeded")


def model_not_found(model: str, known: str) -> Refusal:
    """Another model than the one that answers here."""
    return Refusal(
        f"The model {model[:200]!r} is not served here; {known!r} is.",
        param="model",
        code="model_not_found",
        status=404,
    )


def parsed(body: bytes, shape: type[Any]) -> Any:
    """The body as an instance of the struct. Raises Refusal naming what is wrong, and where."""
    try:
        return msgspec.json.decode(body, type=shape)
    except RecursionError:
        raise Refusal("The body is nested too deeply.", code="invalid_json") from None
    except msgspec.ValidationError as error:
        text = str(error)
        _, _, path = text.partition(" - at `$")
        raise Refusal(text, param=path.strip("`.") or None, code="invalid_type") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(f"The body is not valid JSON: {error}", code="invalid_json") from None
