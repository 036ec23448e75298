import pytest

from lumina_inference.config.masking import MASK, masked

TEXT = """\
# old: api_key: sk-commented-out-1
model_list:
  - model_name: "größe"   # ein Kommentar
    litellm_params:
      model: openai/gpt-4o
      api_key: sk-literal-one
      max_tokens: 512
      extra_headers: {Authorization: "Bearer two", X-Team: os.environ/TEAM}
  - model_name: b
    litellm_params: &shared
      model: openai/b
      api_key: 'three'
      api_base: https://user:four@host/v1
      aws_secret_access_key: |
        five
        five more
  - {model_name: c, litellm_params: {<<: *shared, api_key: os.environ/KEPT}}
litellm_settings:
  cache_params: {password: 666666, type: redis}
  turn_off_message_logging: true
general_settings:
  master_key: sk-seven-seven
  database_url: postgresql://u:eight@h/db
environment_variables:
  ANYTHING: nine
credential_list:
  - {credential_name: shared, credential_values: {azure_username: eleven}}
router_settings:
  redis_url: redis://:twelve@h
  redis_password: thirteen
  model_group_alias: {d: {model: b}}
model_info: {vertex_credentials: {type: fourteen, client_id: "15"}, azure_ad_token: sixteen}
"""
SECRETS = ["commented-out", "literal-one", "two", "three", "four", "five", "666666", "seven", "eight", "nine",
           "eleven", "twelve", "thirteen", "fourteen", "15", "sixteen"]  # fmt: skip


def test_literal_secrets_are_masked_and_nothing_else_changes() -> None:
    shown = masked(TEXT)

    assert shown is not None
    assert not [secret for secret in SECRETS if secret in shown]
    for kept in ("größe", "ein Kommentar", "openai/gpt-4o", "max_tokens: 512", "os.environ/TEAM", "os.environ/KEPT",
                 "type: redis", "turn_off_message_logging: true", "&shared", "*shared"):  # fmt: skip
        assert kept in shown
    assert [line.split(":")[0] for line in shown.splitlines() if line.startswith("      api_key")] == [
        "      api_key"
    ] * 2
    assert f"api_key: {MASK}\n" in shown


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: sk-secret", "\t"])
def test_text_that_is_no_yaml_is_not_shown(text: str) -> None:
    assert masked(text) is None
