from pathlib import Path

import pytest

from lumina_inference.config.compiling import compile_text
from tools.testing.pages import Block, blocks

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "litellm-config.md"
EXAMPLES = [block for block in blocks(PAGE) if block.language == "yaml"]


@pytest.mark.parametrize("block", EXAMPLES, ids=range(len(EXAMPLES)))
def test_every_key_of_the_guides_examples_acts(block: Block) -> None:
    environ = {f"{name}_KEY": "value" for name in ("LOCAL", "UPSTREAM")}
    environ |= {f"{name}_API_KEY": "value" for name in ("OPENAI", "AZURE", "ANTHROPIC", "GEMINI")}

    assert [str(finding) for finding in compile_text(block.code.encode(), environ).report.findings] == []
