"""What a check says of a file, so that nobody is misled: of keys that guard something above all."""

from pathlib import Path

import pytest

from apps.inference.tests.config_texts import compiled, lines
from lumina_inference.config.compiling import check
from lumina_inference.config.findings import Level


@pytest.mark.parametrize("content", ["", "\n", "# model_list: []\n"])
def test_check_of_an_empty_file_says_that_it_is_empty(tmp_path: Path, content: str) -> None:
    (tmp_path / "c.yaml").write_text(content)

    assert "is empty" in check(tmp_path / "c.yaml", {}).errors[0].message


def test_keys_that_litellm_reads_only_in_passing_are_known() -> None:
    keys = ("allow_requests_on_db_unavailable", "forward_openai_org_id", "use_x_forwarded_for")
    given = compiled("general_settings:\n" + "".join(f"  {key}: true\n" for key in keys))

    assert [finding.level for finding in given.report.findings] == [Level.NOT_YET] * len(keys)


@pytest.mark.parametrize(
    ("section", "key", "instead"),
    [
        ("litellm_settings", "max_budget", "lumina keys create --budget"),
        ("litellm_settings", "budget_duration", "limits.md"),
        ("router_settings", "provider_budget_config", "lumina keys create --budget"),
        ("general_settings", "custom_auth", "lumina keys create"),
        ("general_settings", "enable_jwt_auth", "lumina keys create"),
        ("general_settings", "allowed_ips", "firewall"),
        ("general_settings", "max_parallel_requests", "of each backend"),
        ("general_settings", "enforced_params", "its key"),
    ],
)
def test_key_that_guards_money_or_access_is_a_warning_that_says_what_to_use(
    section: str, key: str, instead: str
) -> None:
    (finding,) = compiled(f"{section}: {{{key}: x}}").report.findings

    assert finding.level is Level.WARNING
    assert instead in finding.message


def test_section_that_is_no_mapping_is_told_once() -> None:
    assert lines(compiled("litellm_settings: [1, 2]")) == [("error", 1, "litellm_settings")]


def test_only_what_quotes_would_mend_is_told_to_be_quoted() -> None:
    (of_list,) = compiled("model_list: [{model_name: [a], litellm_params: {model: ollama/a}}]").report.errors
    (of_number,) = compiled("model_list: [{model_name: 1, litellm_params: {model: ollama/a}}]").report.errors

    assert "quotes" not in of_list.message
    assert "quotes" in of_number.message
