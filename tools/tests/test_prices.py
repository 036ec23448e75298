import json

from tools.prices import rendered


def test_table_keeps_priced_models_that_answer_text_by_provider() -> None:
    text = rendered(
        {
            "gemini/g-pro": {
                "litellm_provider": "gemini",
                "mode": "chat",
                "input_cost_per_token": 1.25e-06,
                "output_cost_per_token": 1e-05,
                "max_input_tokens": 100,
            },
            "anthropic.claude": {"litellm_provider": "bedrock_converse", "mode": "chat", "input_cost_per_token": 0.0},
            "picture": {"litellm_provider": "openai", "mode": "image_generation", "input_cost_per_token": 1},
            "free": {"litellm_provider": "openai", "mode": "chat"},
        },
        "1.2.3",
        "2026-11-20",
    )

    table = json.loads(text)
    assert (table["source"].split(",")[0], table["date"]) == ("litellm 1.2.3", "2026-11-20")
    assert table["providers"] == {
        "bedrock": {"anthropic.claude": [0, None, None, None, None, "chat"]},
        "gemini": {"g-pro": [1250, 10_000, None, 100, None, "chat"]},
    }
